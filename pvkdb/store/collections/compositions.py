"""Collection of compositions: what is known of each in one row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, or_, select, true

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import CountTable, Filter
from pvkdb.store.collections.keyset import sortables
from pvkdb.store.collections.materials import ions_on_sites
from pvkdb.store.collections.shared_filters import (
    FACTORS,
    any_of,
    energy_filters,
    ion_filters,
    ions_named,
    material_filters,
    occupied,
    range_filters,
    several,
    words,
)
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.summaries import KINDS
from pvkdb.store.models.summaries import CompositionCount as Count
from pvkdb.store.models.summaries import CompositionSummary as Summary
from pvkdb.store.rows.among import among
from pvkdb.store.rows.energy_ranges import ORIGINS
from pvkdb.store.rows.reading import Derived, Made, TableRows

#: Data that a composition can have, by the kinds of which one must be there.
_HAS = {
    "e_a": ("e_a_literature", "e_a_computed"),
    "dfe": ("dfe_literature", "dfe_computed"),
    "e_a_computed": ("e_a_computed",),
    **{name: (name,) for name in ("devices", "reported", "computed", "structures", "stability")},
}

#: The kind of data that a composition has with any energy of an origin.
_ANY = {"literature": "reported", "computed": "computed"}

_RANGES = {
    "above_hull": (Summary.above_hull_ev_per_atom, "energy above the hull, eV/atom", 0.0),
    **{name: (getattr(Summary, name), *each) for name, each in FACTORS.items()},
    "p_perovskite": (Summary.p_perovskite, "probability of a perovskite", 0.5),
}


def _of_materials(entry: Filter) -> Filter:
    """Turn a filter of materials by a column of their own into one of compositions."""

    def condition(value: Any) -> ColumnElement[bool]:
        found = select(Material.composition_id).where(entry.condition(value))
        return Summary.composition_id.in_(found)

    return replace(entry, condition=condition)


def _of_family(table: Any, values: Sequence[str]) -> ColumnElement[bool]:
    listed = literal("; ") + table.families + "; "
    return or_(*(listed.contains(f"; {value}; ", autoescape=True) for value in values))


def _with_data(table: Any, values: Sequence[str]) -> ColumnElement[bool]:
    masks = [sum(KINDS[name].bit for name in _HAS[value]) for value in values]
    return and_(true(), *(table.kinds.bitwise_and(mask) != 0 for mask in masks))


#: Conditions on the table of counts for the values of filters.
_COUNTED: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "family": partial(_of_family, Count),
    "lead_free": Count.lead_free.is_,
    "lowest_phase": Count.lowest_phase.in_,
    "has": partial(_with_data, Count),
    "ion": lambda values: Count.ion == values[0],
    "halide": lambda values: Count.ion == f"X:{values[0]}",
}


def _counted(given: Mapping[str, Any]) -> ColumnElement[bool] | None:
    """Condition for the counts of a search by these filters, of which one may name one ion."""
    named = [given[name] for name in ("ion", "halide") if name in given]
    if not given.keys() <= _COUNTED.keys() or len(named) > 1:
        return None
    if any(len(ions) != 1 or not ions[0] or ":" in ions[0] for ions in named):
        return None
    conditions = [_COUNTED[name](value) for name, value in given.items()]
    return and_(*conditions, *([] if named else [Count.ion == ""]))


def _with_ion(values: Sequence[str], site: str | None = None) -> ColumnElement[bool]:
    return Summary.composition_id.in_(occupied(values, site))


def _in_range(name: str, origin: str, low: float | None, high: float | None) -> ColumnElement[bool]:
    least, most = (getattr(Summary, f"{name}_{origin}_{end}_ev") for end in ("min", "max"))
    return and_(true() if low is None else most >= low, true() if high is None else least <= high)


def _with_energies(given: Mapping[str, Any]) -> ColumnElement[bool]:
    """Condition for compositions whose energies of one origin meet the bounds of each quantity."""
    origins = given.get("origin", ORIGINS)
    bounds = {name: (given.get(f"{name}_min"), given.get(f"{name}_max")) for name in ("e_a", "dfe")}
    met = [
        or_(*(_in_range(name, origin, *ends) for origin in origins))
        for name, ends in bounds.items()
        if ends != (None, None)
    ]
    return and_(*met) if met else or_(*(_with_data(Summary, [_ANY[each]]) for each in origins))


def _canonical(text: str) -> str:
    """Return the canonical spelling of a formula; a text that is not a formula stays as it is."""
    try:
        return parse_composition(text).formula
    except InputError:
        return text


def _phases(found: Iterable[Any]) -> Made:
    phases: dict[str, list[str]] = defaultdict(list)
    for key, phase in found:
        phases[key].append(phase)
    return {key: {"phases": "; ".join(each)} for key, each in phases.items()}


_of_material = material_filters(lambda condition: condition)

COMPOSITIONS = Collection(
    name="compositions",
    rows=TableRows(
        CompositionsRow,
        Summary.formula,
        select(Summary),
        derived=(
            ions_on_sites(Composition.formula),
            Derived(
                select(Composition.formula, Material.phase)
                .join_from(Composition, Material)
                .order_by(Material.phase)
                .where(among(Composition.formula), Material.phase.is_not(None))
                .distinct(),
                _phases,
                {"phases": ""},
            ),
        ),
    ),
    source=select().select_from(Summary),
    spelled=_canonical,
    filters={
        "formula": several(
            "Formula in any spelling, e.g. CH3NH3PbI3.",
            lambda values: Summary.formula.in_([parse_composition(v).formula for v in values]),
            "CH3NH3PbI3",
        ),
        "family": replace(_of_material["family"], condition=partial(_of_family, Summary)),
        "lead_free": replace(_of_material["lead_free"], condition=Summary.lead_free.is_),
        **ion_filters(_with_ion),
        "dimensionality": _of_materials(_of_material["dimensionality"]),
        "phase": _of_materials(_of_material["phase"]),
        "lowest_phase": any_of(
            Summary.lowest_phase, "Phase of lowest computed energy.", example="Pnma"
        ),
        **energy_filters(_with_energies, "Compositions with {} of a halide vacancy"),
        **range_filters(_RANGES),
        "has": several(
            "What is known of it: e_a and dfe, an activation and a formation energy of the "
            "halide vacancy; e_a_computed, a computed one; devices made of it; reported and "
            "computed energies; structures; stability, an energy above the hull. Of several, "
            "all must be known.",
            partial(_with_data, Summary),
            "e_a",
            tuple(_HAS),
        ),
        "q": words(
            "Words in the formula, or in the full name of an ion, e.g. methylammonium.",
            Summary.formula,
            lambda word: _with_ion(named) if (named := ions_named(word)) else false(),
            example="methylammonium",
        ),
    },
    order=(("known", True), ("formula", False)),
    sortable=sortables(
        Summary,
        "formula known families phases_count lowest_phase above_hull_ev_per_atom "
        "e_a_literature_min_ev "
        "e_a_computed_min_ev dfe_literature_min_ev dfe_computed_min_ev t mu tau p_perovskite "
        "devices_count energetics_reported_count energetics_computed_count structures_count",
    ),
    facets={
        "family": Summary.families,
        "lead_free": Summary.lead_free,
        "lowest_phase": Summary.lowest_phase,
    },
    several_in=frozenset({"family"}),
    counts=CountTable(
        Count.number,
        _counted,
        {
            "family": Count.families,
            "lead_free": Count.lead_free,
            "lowest_phase": func.nullif(Count.lowest_phase, ""),
        },
    ),
    most_counted=1_000,
    reversible=True,
)
