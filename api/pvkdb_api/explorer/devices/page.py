"""The data of the page of one device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.crossbar.devices import device_array
from pvkdb.schemas.metrics import TABLE_METRICS, Metric, TableColumns
from pvkdb.schemas.rankings import Grade, RankedCandidate
from pvkdb.schemas.simulators import Simulator
from pvkdb.schemas.tables import DevicesRow, ReferencesRow
from pvkdb.schemas.tables.columns import Column
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, REFERENCES
from pvkdb.store.collections.devices import owner
from pvkdb.store.curation.history import history
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceReference
from pvkdb.store.rows.stacks import Layer, split_layers
from pvkdb.suitability import device_rankings
from pvkdb.suitability.evidence.evidence import grade_of, only_tested
from pvkdb.suitability.evidence.examinations import finished_examinations
from pvkdb.suitability.simulators.simulators import VERSIONS
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import heading
from pvkdb_api.operations import rankings

#: Most names that are compared to find similar ones.
_NAMES = 5000

ROLES = {
    "substrate": "substrate",
    "adhesion": "adhesion layer",
    "bottom_electrode": "bottom electrode",
    "transport": "transport layer",
    "buffer": "buffer layer",
    "interlayer": "interlayer, purpose not reported",
    "absorber": "perovskite",
    "top_electrode": "top electrode",
}

#: Units at the end of the name of a metric.
_UNIT = re.compile(
    r"_(v_per_m|uc_per_cm2|per_cm2?|[num]?m2?|cm2|[umn]?[sjvaw]|ev|k|ohm|hz|deg|percent"
    r"|cycles|days)$"
)


@dataclass(frozen=True, slots=True)
class ApplicationRank:
    """The rank of a device for an application."""

    application: str
    title: str
    candidates: int
    entry: RankedCandidate


def device_page(session: Session, key: str) -> dict[str, Any]:
    """Return what the page of a device shows.

    Raises:
        NotFoundError: The device does not exist.
    """
    row = DEVICES.get(session, key)
    material = session.scalar(select(Device.material_id).where(Device.id == key))
    keys = tuple(row.references.split())
    energetics = ENERGETICS.iterate(session, {"material": (material,)}) if material else ()
    places = (part.partition(":") for part in (row.text_source or "").split(";"))
    return {
        "row": row,
        "versions": [
            each
            for each in history(session, key).versions
            if each.id != key and (each.current or each.row["review"] == "unreviewed")
        ],
        "material": material,
        "layers": split_layers(row.layers or ""),
        "metrics": [_metric_value(row, *entry) for entry in TABLE_METRICS.values()],
        "claims": [*_claimed_values(session, key, keys)],
        "references": _references(session, keys),
        "energetics": [each for each in energetics if each.quantity in ("E_A", "DFE")],
        "array": device_array(session, key),
        "examinations": finished_examinations(session, key),
        "simulators": [
            (VERSIONS[each], f"pvkdb export-device {key} --for {each.value} --r-lrs OHM")
            for each in Simulator
        ],
        # Places in the source that state configuration, mechanism and volatility.
        "source_places": {n.strip(): place.strip() for n, _, place in places if place.strip()},
        "conditions": _conditions(row),
    }


def _conditions(row: DevicesRow) -> list[tuple[str, Column, float | str, str]]:
    """Return heading, declaration, value and source of each condition that is reported."""
    parts = (part.partition(": ") for part in (row.conditions_source or "").split(" | "))
    sources = {name: place for name, _, place in parts}
    return [
        (heading(name), column, value, sources.get(column.name, row.source))
        for name, column in CONDITIONS.items()
        if (value := getattr(row, column.name)) is not None
    ]


def figures_address(session: Session, key: str) -> str | None:
    """Return the address of all figures of the text on the device of one; None if it is none."""
    claim = session.scalar(DEVICE_CLAIMS.statement.where(DeviceClaim.id == key))
    if claim is None:
        return None
    name = claim.device.rpartition(" (")[0] or claim.device
    cited = ",".join(each.reference_key for each in claim.references)
    return link("/tables/device_claims", device=name, reference=cited or None)


def similar_devices(session: Session, key: str) -> list[tuple[str, str]]:
    """Return the ids and stacks of devices whose ids are similar to an unknown id."""
    names = DEVICES.current().with_only_columns(Device.id).order_by(Device.id)
    begun = session.scalars(names.where(Device.id.startswith(key[:100], autoescape=True)).limit(5))
    like = get_close_matches(key[:100], [*session.scalars(names.limit(_NAMES))], n=5, cutoff=0.5)
    near = [*dict.fromkeys([*begun, *like])][:5]
    wanted = DEVICES.current().where(Device.id.in_(near))
    stacks = dict(session.execute(wanted.with_only_columns(Device.id, Device.structure)).all())
    return [(name, stacks[name]) for name in near]


def ranks(counts: QueryCache, session: Session, key: str) -> list[ApplicationRank] | None:
    """Return the rank of a device for each application, the best first.

    None if the store has too many devices to rank them all for one page.
    """
    total = counts.get(session, "devices", {}, lambda: DEVICES.count(session, {}))
    if total > rankings.MOST_RANKED:
        return None
    listed = counts.get(session, "devices/places", {}, lambda: _all_ranks(session))
    return sorted(listed.get(key, ()), key=lambda each: (each.entry.rank, each.title))


def _all_ranks(session: Session) -> dict[str, list[ApplicationRank]]:
    found: dict[str, list[ApplicationRank]] = {}
    for ranking in device_rankings(session):
        for entry in ranking.candidates:
            each = ApplicationRank(
                ranking.application, ranking.title, len(ranking.candidates), entry
            )
            found.setdefault(entry.id, []).append(each)
    return found


def _metric_value(row: DevicesRow, metric: Metric, table: TableColumns) -> dict[str, Any]:
    """Return a metric of a device; its ends are None if it is not reported."""
    unit = None if metric.unit == "1" else metric.unit
    low, high = getattr(row, table.low), getattr(row, table.high or table.low)
    qualifier = getattr(row, table.qualifier) if table.qualifier else None
    note = ""
    if low is not None:
        decayed = row.volatility == "volatile" or row.raw_files is not None
        if only_tested(metric, low, qualifier, decayed):
            note = "as far as it was tested: a lower bound"
        elif qualifier == "film":
            note, qualifier = "of the film, not of the device", None
        else:
            note = {">": "a lower bound", ">=": "a lower bound", "up to": "a best value"}.get(
                qualifier or "", ""
            )
            grade = grade_of(row.source, qualifier, value=low, unit=metric.unit)
            if grade is Grade.EXTRAPOLATED:
                note = "extrapolated: nobody watched it for so long"
    found = {"heading": metric.heading, "low": low, "high": high, "unit": unit}
    return {**found, "qualifier": qualifier, "note": note}


def _claimed_values(session: Session, key: str, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the values from running text that cite a publication of a device, with a heading.

    A value certainly belongs to the device if the store has no other device of these publications,
    or if it names the id or the stack of this one.
    """
    if not keys:
        return
    citing = DEVICE_CLAIMS.condition("reference", tuple(keys))
    claims = [*DEVICE_CLAIMS.iterate(session, DEVICE_CLAIMS.current().where(citing))]
    cited = {name for claim in claims for name in claim.references.split()}
    owners: dict[str, dict[str, str]] = {}
    citing_devices = DEVICES.current().join(DeviceReference)
    for name, device, stack in session.execute(
        citing_devices.with_only_columns(
            DeviceReference.reference_key, Device.id, Device.structure
        ).where(DeviceReference.reference_key.in_(cited))
    ):
        owners.setdefault(name, {})[device] = stack
    for claim in claims:
        stacks: dict[str, str] = {}
        for name in claim.references.split():
            stacks |= owners.get(name, {})
        words = _UNIT.sub("", claim.metric).replace("_", " ")
        yield {"row": claim, "own": owner(claim.device, stacks) == key, "heading": words}


def _references(session: Session, keys: Sequence[str]) -> list[ReferencesRow]:
    stored = REFERENCES.current().where(REFERENCES.key.in_(keys)).with_only_columns(REFERENCES.key)
    known = {each.key: each for each in REFERENCES.load(session, [*session.scalars(stored)])}
    return [known[key] for key in keys if key in known]


def stack_drawing(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return a stack as rectangles, the top layer first; heights are not to scale."""
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
                # Long names get a smaller font to fit into the width of 230 units.
                "font": max(7.0, min(16.0, round(215 / (0.66 * len(material)), 1))),
            }
        )
        y += height
    return {"layers": drawn, "height": y + 8}
