"""What is known of one device, gathered for its page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.crossbar.devices import device_array
from pvkdb.schemas.crossbar import DeviceArray
from pvkdb.schemas.metrics import TABLE_METRICS, Metric, TableColumns
from pvkdb.schemas.rankings import RankedCandidate
from pvkdb.schemas.simulators import Simulator
from pvkdb.schemas.tables import DeviceClaimsRow, DevicesRow, EnergeticsRow, ReferencesRow
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, REFERENCES
from pvkdb.store.models.claims import DeviceClaim
from pvkdb.store.models.devices import Device, DeviceReference
from pvkdb.store.rows.from_models import device_claims_row
from pvkdb.store.rows.stacks import Layer, split_layers
from pvkdb.suitability import Options, rank, shipped_profiles
from pvkdb.suitability.simulators.simulators import VERSIONS
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.operations import rankings

#: Names that are gone through for those that may be meant.
_NAMES = 5000

ROLES = {
    "substrate": "substrate",
    "adhesion": "adhesion layer",
    "bottom_electrode": "bottom electrode",
    "transport": "transport layer",
    "buffer": "buffer layer",
    "interlayer": "interlayer, purpose not told",
    "absorber": "perovskite",
    "top_electrode": "top electrode",
}

#: Units at the end of the name of a metric.
_UNIT = re.compile(
    r"_(v_per_m|uc_per_cm2|per_cm2?|[num]?m2?|cm2|[umn]?[sjvaw]|ev|k|ohm|hz|deg|percent"
    r"|cycles|days)$"
)

#: How rankings give their place: neither probabilities nor cross-checks are needed.
_PLACES = Options(samples=1, cross_checked=False)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of the table: its ends, or that it is not reported."""

    heading: str
    low: float | None
    high: float | None
    unit: str | None
    qualifier: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the running text, and whether it can be told to be of this device."""

    row: DeviceClaimsRow
    own: bool

    @property
    def heading(self) -> str:
        """The metric in words, without the unit that stands beside the value."""
        return _UNIT.sub("", self.row.metric).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands in the ranking of an application."""

    application: str
    title: str
    candidates: int
    entry: RankedCandidate


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Everything on the page."""

    row: DevicesRow
    material: str | None
    layers: Sequence[Layer]
    metrics: Sequence[MetricRow]
    figures: Sequence[Figure]
    references: Sequence[ReferencesRow]
    energetics: Sequence[EnergeticsRow]
    array: DeviceArray
    simulators: Sequence[tuple[str, str]]

    @property
    def places(self) -> dict[str, str]:
        """Places in the source behind configuration, mechanism and volatility."""
        parts = (part.partition(":") for part in (self.row.text_source or "").split(";"))
        return {name.strip(): place.strip() for name, _, place in parts if place.strip()}


def gather(session: Session, key: str) -> DevicePage:
    """The page of a device.

    Raises:
        NotFoundError: there is none.
    """
    row = DEVICES.get(session, key)
    material = session.scalar(select(Device.material_id).where(Device.id == key))
    keys = tuple(row.references.split())
    energetics = (
        [*ENERGETICS.iterate(session, {"material": (material,)})] if material is not None else []
    )
    return DevicePage(
        row=row,
        material=material,
        layers=split_layers(row.layers or ""),
        metrics=[_metric(row, metric, table) for metric, table in TABLE_METRICS.values()],
        figures=[*_figures(session, key, keys)],
        references=_references(session, keys),
        energetics=[each for each in energetics if each.quantity in ("E_A", "DFE")],
        array=device_array(session, key),
        simulators=[
            (VERSIONS[each], f"pvkdb export-device {key} --for {each.value} --r-lrs OHM")
            for each in Simulator
        ],
    )


def nearest(session: Session, key: str) -> list[tuple[str, str]]:
    """Devices whose names are like one that there is not: name and stack."""
    names = DEVICES.current().with_only_columns(Device.id).order_by(Device.id)
    begun = session.scalars(names.where(Device.id.startswith(key[:100], autoescape=True)).limit(5))
    like = get_close_matches(key[:100], [*session.scalars(names.limit(_NAMES))], n=5, cutoff=0.5)
    near = [*dict.fromkeys([*begun, *like])][:5]
    wanted = DEVICES.current().where(Device.id.in_(near))
    stacks = dict(session.execute(wanted.with_only_columns(Device.id, Device.structure)).all())
    return [(name, stacks[name]) for name in near]


def places(counts: QueryCache, session: Session, key: str) -> list[Place] | None:
    """The place of a device in the ranking of each application, the best first; None where there
    are too many devices to rank them all for one page."""
    total = counts.get(session, "devices", {}, lambda: DEVICES.count(session, {}))
    if total > rankings.MOST_RANKED:
        return None
    listed = counts.get(session, "devices/places", {}, lambda: _all_places(session))
    return sorted(listed.get(key, ()), key=lambda place: (place.entry.rank, place.title))


def _all_places(session: Session) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for name in shipped_profiles():
        ranking = rank(session, name, options=_PLACES, models=())
        for entry in ranking.candidates:
            place = Place(name, ranking.title, len(ranking.candidates), entry)
            found.setdefault(entry.id, []).append(place)
    return found


def _metric(row: DevicesRow, metric: Metric, table: TableColumns) -> MetricRow:
    unit = None if metric.unit == "1" else metric.unit
    low, high = getattr(row, table.low), getattr(row, table.high or table.low)
    qualifier = getattr(row, table.qualifier) if table.qualifier else None
    note = ""
    if low is not None:
        if metric.tested:
            note = "what was tested: a lower bound"
        elif qualifier == "film":
            note, qualifier = "of the film, not of the device", None
        elif qualifier == ">":
            note = "a lower bound"
    return MetricRow(metric.heading, low, high, unit, qualifier, note)


def _figures(session: Session, key: str, keys: Sequence[str]) -> Iterable[Figure]:
    """Figures of the text with a publication of this device.

    One is told to be of the device where its publications have no other device in the store.
    """
    if not keys:
        return
    statement = DEVICE_CLAIMS.statement.where(
        DEVICE_CLAIMS.condition("reference", tuple(keys))
    ).order_by(DeviceClaim.position)
    claims = [device_claims_row(claim) for claim in session.scalars(statement).unique()]
    cited = {name for claim in claims for name in claim.references.split()}
    owners: dict[str, set[str]] = {}
    for name, device in session.execute(
        select(DeviceReference.reference_key, DeviceReference.device_id).where(
            DeviceReference.reference_key.in_(cited),
            DeviceReference.device_id.in_(DEVICES.current().with_only_columns(Device.id)),
        )
    ):
        owners.setdefault(name, set()).add(device)
    for claim in claims:
        devices = {device for name in claim.references.split() for device in owners.get(name, ())}
        yield Figure(claim, devices == {key})


def _references(session: Session, keys: Sequence[str]) -> list[ReferencesRow]:
    known = {each.key: each for each in REFERENCES.load(session, _stored(session, keys))}
    return [known[key] for key in keys if key in known]


def _stored(session: Session, keys: Sequence[str]) -> list[str]:
    found = session.scalars(
        REFERENCES.current().where(REFERENCES.key.in_(keys)).with_only_columns(REFERENCES.key)
    )
    return [*found]


def layers_drawn(layers: Sequence[Layer]) -> dict[str, Any]:
    """A stack as rectangles, the top layer first. Heights only tell what is drawn large."""
    drawn, y = [], 8
    for role, material in reversed(layers):
        height = 64 if role == "absorber" else 34
        drawn.append(
            {
                "role": ROLES[role],
                "kind": role,
                "material": material,
                "y": y,
                "height": height,
                "middle": y + height // 2,
                # Long names are set smaller, so that they stand in the 230 units of the width.
                "font": max(7.0, min(16.0, round(215 / (0.66 * len(material)), 1))),
            }
        )
        y += height
    return {"layers": drawn, "height": y + 8}
