"""Collection of materials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.tables import MaterialsRow
from pvkdb.store.collections.collection import MOST_COUNTED, Collection
from pvkdb.store.collections.filters import (
    FACTORS,
    any_of,
    energy_filters,
    has_ion_named,
    material_filters,
    not_replaced,
    range_filters,
    several,
    words,
)
from pvkdb.store.collections.keyset import Sortable, sortables
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import materials_row

#: Data that a material can have: a table that names materials, and conditions on its rows.
_KNOWN: dict[str, tuple[Any, tuple[ColumnElement[bool], ...]]] = {
    "e_a": (Energetic, (Energetic.quantity == "E_A", not_replaced(Energetic))),
    "dfe": (Energetic, (Energetic.quantity == "DFE", not_replaced(Energetic))),
    "devices": (Device, (not_replaced(Device),)),
    "structures": (Structure, ()),
    "computed": (Energetic, (Energetic.calculation_id.is_not(None), not_replaced(Energetic))),
}


def _known(values: Sequence[str]) -> ColumnElement[bool]:
    """Condition for materials with all of the named kinds of data, e.g. ``computed`` energies."""
    return and_(
        true(),
        *(
            select(model.id).where(model.material_id == Material.id, *conditions).exists()
            for model, conditions in (_KNOWN[value] for value in values)
        ),
    )


def _counted(model: Any, column: Any) -> Any:
    """Number of rows of a table that name a material."""
    counted = select(func.count()).select_from(model).where(column == Material.id)
    return counted.correlate(Material).scalar_subquery()


def _factor(name: str) -> ColumnElement[Any]:
    return (
        select(getattr(CompositionTolerance, name))
        .where(CompositionTolerance.composition_id == Material.composition_id)
        .correlate(Material)
        .scalar_subquery()
    )


_ENERGETICS_COUNT = _counted(Energetic, Energetic.material_id)
_DEVICES_COUNT = _counted(Device, Device.material_id)
_STRUCTURES_COUNT = _counted(Structure, Structure.material_id)

MATERIALS = Collection(
    name="materials",
    row=MaterialsRow,
    source=select().select_from(Material).join(Material.composition),
    loads=select(Material, _ENERGETICS_COUNT, _DEVICES_COUNT, _STRUCTURES_COUNT).join(
        Material.composition
    ),
    key=Material.id,
    filters={
        "id": any_of(Material.id, "Public name.", example="CsPbBr3-Pnma"),
        "formula": several(
            "Formula in any spelling, e.g. CH3NH3PbI3.",
            lambda values: Composition.formula.in_([parse_composition(v).formula for v in values]),
            "CH3NH3PbI3",
        ),
        **material_filters(lambda condition: condition),
        **energy_filters(
            lambda statement: (
                select(Energetic.id)
                .where(Energetic.material_id == Material.id, statement, not_replaced(Energetic))
                .exists()
            ),
            "Materials with",
        ),
        **range_filters({name: (_factor(name), *each) for name, each in FACTORS.items()}),
        "has": several(
            "What is known of it: e_a and dfe, an activation and a defect formation energy; "
            "devices made of it; structures; computed, an energy from a calculation. Of several, "
            "all must be known.",
            _known,
            "e_a",
            tuple(_KNOWN),
        ),
        "q": words(
            "Words in the public name, or in the full name of an ion, e.g. methylammonium.",
            Material.id,
            has_ion_named,
            example="methylammonium",
        ),
    },
    to_row=materials_row,
    sortable={
        **sortables(Material, "id family phase dimensionality"),
        **sortables(Composition, "formula layers lead_free"),
        "energetics_count": Sortable(_ENERGETICS_COUNT, int),
        "devices_count": Sortable(_DEVICES_COUNT, int),
        "structures_count": Sortable(_STRUCTURES_COUNT, int),
    },
    facets={
        "family": Material.family,
        "phase": Material.phase,
        "dimensionality": Material.dimensionality,
        "lead_free": Composition.lead_free,
    },
    most_counted=MOST_COUNTED,
)
