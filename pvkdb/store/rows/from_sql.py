"""Rows of devices, energetics and compositions straight from their tables, without models.

A page of 100 devices would be a thousand objects as models; this takes a fraction of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pvkdb.schemas.tables import CompositionsRow, DevicesRow, EnergeticsRow, Row
from pvkdb.store.models.devices import Device, DeviceLayer, DeviceReference
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.rows.among import KEYS, among
from pvkdb.store.rows.from_models import amount_text
from pvkdb.store.rows.stacks import join_layers, layer_columns


def _own_columns(model: Any, row: type[Row]) -> list[Any]:
    """Columns of a model that are fields of the exported row with the same name."""
    mapped = model.__mapper__.columns
    return [mapped[name].label(name) for name in row.model_fields if name in mapped]


def _cited(owner: Any, model: Any) -> Select[str, str]:
    """SELECT of the reference keys of rows, in the order in which the sources print them."""
    named = select(owner, model.reference_key).order_by(owner, model.position)
    return named.where(among(owner))


_DEVICES = (
    select(*_own_columns(Device, DevicesRow), Composition.formula.label("material"))
    .select_from(Device)
    .outerjoin(Device.material)
    .outerjoin(Material.composition)
    .where(among(Device.id))
)
_LAYERS = (
    select(DeviceLayer.device_id, DeviceLayer.role, DeviceLayer.material)
    .order_by(DeviceLayer.device_id, DeviceLayer.position)
    .where(among(DeviceLayer.device_id))
)
_DEVICES_CITED = _cited(DeviceReference.device_id, DeviceReference)
_ENERGETICS = (
    select(
        *_own_columns(Energetic, EnergeticsRow),
        Composition.formula.label("material"),
        Material.family.label("family"),
        Material.phase.label("phase"),
    )
    .select_from(Energetic)
    .join(Energetic.material)
    .join(Material.composition)
    .where(among(Energetic.id))
)
_COMPOSITIONS = select(
    CompositionSummary.composition_id, *_own_columns(CompositionSummary, CompositionsRow)
).where(among(CompositionSummary.formula))
_SITES = (
    select(
        SiteOccupancy.composition_id,
        *(SiteOccupancy.site, SiteOccupancy.ion),
        *(SiteOccupancy.amount, SiteOccupancy.amount_symbolic),
    )
    .join(Composition)
    .order_by(SiteOccupancy.composition_id, SiteOccupancy.position)
    .where(among(Composition.formula))
)
_PHASES = (
    select(Material.composition_id, Material.phase)
    .join(Composition)
    .order_by(Material.composition_id, Material.phase)
    .where(among(Composition.formula), Material.phase.is_not(None))
    .distinct()
)
_ENERGETICS_CITED = _cited(EnergeticReference.energetic_id, EnergeticReference)


def devices_rows(session: Session, keys: Sequence[str]) -> list[DevicesRow]:
    """Return the rows of the devices with these ids, in the given order."""
    layers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, role, material in session.execute(_LAYERS, {KEYS: keys}):
        layers[key].append((role, material))
    cited = _references(session, _DEVICES_CITED, keys)
    found = {
        row["id"]: DevicesRow(
            **row,
            **layer_columns(layers[row["id"]]),
            layers=join_layers(layers[row["id"]]) or None,
            references=" ".join(cited[row["id"]]),
        )
        for row in _named(session, _DEVICES, keys)
    }
    return [found[key] for key in keys]


def energetics_rows(session: Session, keys: Sequence[str]) -> list[EnergeticsRow]:
    """Return the rows of the energies with these ids, in the given order."""
    cited = _references(session, _ENERGETICS_CITED, keys)
    found = {
        row["id"]: EnergeticsRow(**row, references=" ".join(cited[row["id"]]))
        for row in _named(session, _ENERGETICS, keys)
    }
    return [found[key] for key in keys]


def compositions_rows(session: Session, keys: Sequence[str]) -> list[CompositionsRow]:
    """Return the rows of the compositions with these formulas, in the given order."""
    phases: dict[int, list[str | None]] = defaultdict(list)
    for composition, phase in session.execute(_PHASES, {KEYS: keys}):
        phases[composition].append(phase)
    sites: dict[tuple[int, str], list[str]] = defaultdict(list)
    for composition, site, ion, amount, symbolic in session.execute(_SITES, {KEYS: keys}):
        sites[composition, site].append(ion + amount_text(amount, symbolic))
    found = {}
    for row in _named(session, _COMPOSITIONS, keys):
        composition = row.pop("composition_id")
        found[row["formula"]] = CompositionsRow(
            **row,
            **{f"{site.lower()}_site": " ".join(sites[composition, site]) for site in "ABX"},
            phases="; ".join(filter(None, phases[composition])),
        )
    return [found[key] for key in keys]


def _named(
    session: Session, statement: Select[Any], keys: Sequence[str]
) -> Iterator[dict[str, Any]]:
    result = session.execute(statement, {KEYS: keys})
    names = tuple(result.keys())  # once: a row that is asked for its names makes the list again
    for row in result:
        yield dict(zip(names, row, strict=True))


def _references(
    session: Session, statement: Select[str, str], keys: Sequence[str]
) -> dict[str, list[str]]:
    cited: dict[str, list[str]] = defaultdict(list)
    for key, reference in session.execute(statement, {KEYS: keys}):
        cited[key].append(reference)
    return cited
