"""Collection of materials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.tables import MaterialsRow
from pvkdb.store.collections.collection import MOST_COUNTED, Collection
from pvkdb.store.collections.keyset import Sortable, sortables
from pvkdb.store.collections.shared_filters import (
    FACTORS,
    energy_filters,
    has_ion_named,
    material_filters,
    range_filters,
    several,
    statements_where,
    words,
)
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import (
    Composition,
    CompositionTolerance,
    Material,
    SiteOccupancy,
)
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.rows.among import among
from pvkdb.store.rows.energy_ranges import ORIGINS, ranges_of, ranges_statement
from pvkdb.store.rows.reading import Derived, Made, TableRows

#: Data that a material can have: a table that names materials, and conditions on its rows.
_KNOWN: dict[str, tuple[Any, tuple[ColumnElement[bool], ...]]] = {
    "e_a": (Energetic, (Energetic.quantity == "E_A", Energetic.current())),
    "dfe": (Energetic, (Energetic.quantity == "DFE", Energetic.current())),
    "devices": (Device, (Device.current(),)),
    "structures": (Structure, ()),
    "computed": (Energetic, (Energetic.calculation_id.is_not(None), Energetic.current())),
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


def _with_energies(given: Mapping[str, Any]) -> ColumnElement[bool]:
    stated = select(Energetic.id).where(Energetic.material_id == Material.id, Energetic.current())
    return and_(*(stated.where(each).exists() for each in statements_where(given)))


def _counted(model: Any, column: Any) -> Any:
    """Number of rows of a table that name a material."""
    counted = select(func.count()).select_from(model).where(column == Material.id)
    return counted.correlate(Material).scalar_subquery()


def _of_composition(model: Any, name: str) -> ColumnElement[Any]:
    found = select(getattr(model, name)).where(model.composition_id == Material.composition_id)
    return found.correlate(Material).scalar_subquery()


def _activation(found: Iterable[Any]) -> Made:
    made: dict[Any, dict[str, float | None]] = {}
    for key, ranges in ranges_of(found).items():
        made[key] = dict(_NO_ACTIVATION)
        for origin in ORIGINS:
            if each := ranges.get(("E_A", origin)):
                made[key] |= zip(_ACTIVATION[origin], each.ends, strict=True)
    return made


_ACTIVATION = {each: (f"e_a_{each}_min_ev", f"e_a_{each}_max_ev") for each in ORIGINS}
_NO_ACTIVATION = dict.fromkeys(name for names in _ACTIVATION.values() for name in names)


@cache
def amount_text(amount: float | None, symbolic: str | None) -> str:
    """Return the amount of an ion as it follows its symbol: ``2``, ``(x)``, or nothing for one."""
    if amount is None:
        return f"({symbolic or '?'})"
    return "" if amount == 1 else f"{amount:g}"


def _sites(found: Iterable[Any]) -> Made:
    ions: dict[tuple[Any, str], list[str]] = defaultdict(list)
    for key, site, ion, amount, symbolic in found:
        ions[key, site].append(ion + amount_text(amount, symbolic))
    sites: dict[Any, dict[str, str]] = {}
    for (key, site), named in ions.items():
        sites.setdefault(key, dict(_NO_SITES))[f"{site.lower()}_site"] = " ".join(named)
    return sites


_NO_SITES = {"a_site": "", "b_site": "", "x_site": ""}


def ions_on_sites(key: Any) -> Derived:
    """The ions on the sites of the compositions of rows."""
    amounts = (SiteOccupancy.amount, SiteOccupancy.amount_symbolic)
    ions = (
        select(key, SiteOccupancy.site, SiteOccupancy.ion, *amounts)
        .join_from(Composition, SiteOccupancy)
        .order_by(SiteOccupancy.composition_id, SiteOccupancy.position)
        .where(among(key))
    )
    if key.class_ is Material:
        ions = ions.join(Material, Material.composition_id == Composition.id)
    return Derived(ions, _sites, _NO_SITES)


_COUNTS = {
    "energetics_count": _counted(Energetic, Energetic.material_id),
    "devices_count": _counted(Device, Device.material_id),
    "structures_count": _counted(Structure, Structure.material_id),
}

MATERIALS = Collection(
    name="materials",
    rows=TableRows(
        MaterialsRow,
        Material.id,
        select(Material).join(Material.composition),
        {
            "formula": Composition.formula,
            "layers": Composition.layers,
            "lead_free": Composition.lead_free,
            **_COUNTS,
            **{
                name: _of_composition(CompositionSummary, name)
                for name in ("tau", "above_hull_ev_per_atom", "above_hull_source")
            },
        },
        (
            ions_on_sites(Material.id),
            Derived(
                ranges_statement(Energetic.quantity == "E_A", among(Energetic.material_id)),
                _activation,
                _NO_ACTIVATION,
            ),
        ),
    ),
    source=select().select_from(Material).join(Material.composition),
    filters={
        "formula": several(
            "Formula in any spelling, e.g. CH3NH3PbI3.",
            lambda values: Composition.formula.in_([parse_composition(v).formula for v in values]),
            "CH3NH3PbI3",
        ),
        **material_filters(lambda condition: condition),
        **energy_filters(_with_energies, "Materials with {}"),
        **range_filters(
            {
                name: (_of_composition(CompositionTolerance, name), *each)
                for name, each in FACTORS.items()
            }
        ),
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
    sortable={
        **sortables(Composition, "formula layers lead_free"),
        **{name: Sortable(count, int) for name, count in _COUNTS.items()},
    },
    most_counted=MOST_COUNTED,
)
