"""Collection of compositions: what is known of each in one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true
from sqlalchemy.orm import aliased

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections.collection import Collection, CountTable, Filter, SqlFilter, sortables
from pvkdb.store.collections.filters import (
    any_of,
    at_least,
    at_most,
    has_ion_named,
    ion_filters,
    material_filters,
    several,
    words,
)
from pvkdb.store.models.materials import Material, SiteOccupancy
from pvkdb.store.models.summaries import KINDS
from pvkdb.store.models.summaries import CompositionCount as Count
from pvkdb.store.models.summaries import CompositionSummary as Summary
from pvkdb.store.rows.among import among_found
from pvkdb.store.rows.from_sql import compositions_rows

#: Data that a composition can have, by the kinds of which one must be there.
_HAS = {
    "e_a": ("e_a_literature", "e_a_computed"),
    "dfe": ("dfe_literature", "dfe_computed"),
    "e_a_computed": ("e_a_computed",),
    **{name: (name,) for name in ("devices", "reported", "computed", "structures", "stability")},
}

_RANGES = {
    "decomposition": (Summary.decomposition_ev_per_atom, "energy of decomposition, eV/atom", 0.0),
    "t": (Summary.t, "Goldschmidt's tolerance factor", 0.9),
    "mu": (Summary.mu, "octahedral factor", 0.5),
    "tau": (Summary.tau, "Bartel's tolerance factor", 4.18),
    "p_perovskite": (Summary.p_perovskite, "probability of a perovskite", 0.5),
}


def _of_materials(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Turn a condition on a material into one on its composition."""
    found = select(Material.composition_id).join(Material.composition).where(condition)
    return Summary.composition_id.in_(found)


def _family_counted(values: Sequence[str]) -> ColumnElement[bool]:
    listed = literal("; ") + Count.families + "; "
    return or_(*(listed.contains(f"; {value}; ", autoescape=True) for value in values))


def _has_counted(values: Sequence[str]) -> ColumnElement[bool]:
    masks = [sum(KINDS[name].bit for name in _HAS[value]) for value in values]
    return and_(true(), *(Count.kinds.bitwise_and(mask) != 0 for mask in masks))


def _through(column: Any, counted: Any, condition: Any) -> Callable[[Any], ColumnElement[bool]]:
    """Condition for summaries by the few values of a column that a condition on counts meets."""
    return lambda values: among_found(column, select(counted).where(condition(values)))


def _ions(values: Sequence[str], site: str | None, joined: bool = False) -> ColumnElement[bool]:
    there = aliased(SiteOccupancy)
    found = select(there.composition_id).where(there.ion.in_(values))
    found = found if site is None else found.where(there.site == site)
    if not joined:
        return found.where(there.composition_id == Summary.composition_id).exists()
    # The sum is in no index: SQLite would otherwise look for the ions of each composition.
    return found.distinct().subquery().c.composition_id + 0 == Summary.composition_id


def _ion_filters() -> dict[str, SqlFilter]:
    joined = ion_filters(lambda values, site: _ions(values, site, joined=True))
    return {
        name: replace(entry, joined=joined[name].condition)
        for name, entry in ion_filters(_ions).items()
    }


def _energy_filters() -> dict[str, SqlFilter]:
    """Return filters by energies of the halide vacancy, reported or computed."""
    found = {}
    for name, meaning in (("e_a", "activation energy"), ("dfe", "formation energy")):
        lows, highs = (
            [getattr(Summary, f"{name}_{origin}_{end}_ev") for origin in ("literature", "computed")]
            for end in ("min", "max")
        )
        text = f"Compositions whose {meaning} of the halide vacancy, reported or computed,"
        found[f"{name}_min"] = Filter(
            f"{text} reaches this value or lies above, in eV.",
            float,
            lambda v, columns=highs: or_(*(column >= v for column in columns)),  # type: ignore[misc]
            example=0.1,
        )
        found[f"{name}_max"] = Filter(
            f"{text} reaches this value or lies below, in eV.",
            float,
            lambda v, columns=lows: or_(*(column <= v for column in columns)),  # type: ignore[misc]
            example=0.4,
        )
    return found


def _range_filters() -> dict[str, SqlFilter]:
    found = {}
    for name, (column, meaning, example) in _RANGES.items():
        found[f"{name}_min"] = at_least(column, f"Smallest {meaning}.", example)
        found[f"{name}_max"] = at_most(column, f"Largest {meaning}.", example)
    return found


def _canonical(text: str) -> str:
    """Return the canonical spelling of a formula; a text that is not a formula stays as it is."""
    try:
        return parse_composition(text).formula
    except InputError:
        return text


_of_material = material_filters(_of_materials)

COMPOSITIONS = Collection(
    name="compositions",
    row=CompositionsRow,
    source=select().select_from(Summary),
    loads=select(Summary),
    key=Summary.formula,
    spelled=_canonical,
    filters={
        "formula": several(
            "Formula in any spelling, e.g. CH3NH3PbI3.",
            lambda values: Summary.formula.in_([parse_composition(v).formula for v in values]),
            "CH3NH3PbI3",
        ),
        "family": replace(
            _of_material["family"],
            condition=_through(Summary.families, Count.families, _family_counted),
        ),
        "lead_free": Filter(
            _of_material["lead_free"].description,
            bool,
            lambda v: Summary.lead_free.is_(v),
            example=True,
        ),
        **_ion_filters(),
        "dimensionality": _of_material["dimensionality"],
        "phase": _of_material["phase"],
        "lowest_phase": replace(
            any_of(Summary.lowest_phase, "Phase of lowest computed energy.", example="Pnma"),
            # A text made of it is in no index: many are read in the order of the list.
            condition=lambda values: (Summary.lowest_phase + "").in_(values),
            joined=lambda values: Summary.lowest_phase.in_(values),
        ),
        **_energy_filters(),
        **_range_filters(),
        "has": several(
            "What is known of it: e_a and dfe, an activation and a formation energy of the halide "
            "vacancy; e_a_computed, a computed one; devices made of it; reported and computed "
            "energies; structures; stability, an energy of decomposition. Of several, all must be "
            "known.",
            _through(Summary.kinds, Count.kinds, _has_counted),
            "e_a",
            tuple(_HAS),
        ),
        "q": words(
            "Words in the formula, or in the full name of an ion, e.g. methylammonium.",
            Summary.formula,
            lambda word: has_ion_named(word, Summary.composition_id),
            example="methylammonium",
        ),
    },
    rows_of=compositions_rows,
    order=(("known", True), ("formula", False)),
    sortable=sortables(
        Summary,
        "formula known families phases_count lowest_phase decomposition_ev_per_atom "
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
        {
            "family": _family_counted,
            "lead_free": lambda v: Count.lead_free.is_(v),
            "lowest_phase": lambda values: Count.lowest_phase.in_(values),
            "has": _has_counted,
        },
        {
            "family": Count.families,
            "lead_free": Count.lead_free,
            "lowest_phase": func.nullif(Count.lowest_phase, ""),
        },
    ),
    most_counted=2_000,
)
