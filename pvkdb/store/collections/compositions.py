"""Collection of compositions: what is known of each in one row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import CountTable, Filter
from pvkdb.store.collections.keyset import sortables
from pvkdb.store.collections.materials import ions_on_sites
from pvkdb.store.collections.shared_filters import (
    FACTORS,
    MOST_WORDS,
    any_of,
    ion_filters,
    ions_named,
    material_filters,
    occupied,
    range_filters,
    several,
    words,
)
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy
from pvkdb.store.models.summaries import KINDS, PART, FormulaPart
from pvkdb.store.models.summaries import CompositionCount as Count
from pvkdb.store.models.summaries import CompositionSummary as Summary
from pvkdb.store.rows.among import among, among_found
from pvkdb.store.rows.reading import Derived, Made, TableRows

#: Data that a composition can have, by the kinds of which one must be there.
_HAS = {
    "e_a": ("e_a_literature", "e_a_computed"),
    "dfe": ("dfe_literature", "dfe_computed"),
    "e_a_computed": ("e_a_computed",),
    **{name: (name,) for name in ("devices", "reported", "computed", "structures", "stability")},
}

#: From each letter of a word on, what is compared with a part of a formula.
_BEGINNINGS = re.compile(rf"(?=([a-z][!-}}]{{0,{PART - 1}}}))")

_RANGES = {
    "above_hull": (Summary.above_hull_ev_per_atom, "energy above the hull, eV/atom", 0.0),
    **{name: (getattr(Summary, name), *each) for name, each in FACTORS.items()},
    "p_perovskite": (Summary.p_perovskite, "probability of a perovskite", 0.5),
}


def _there(found: Select[int], composition: Any) -> ColumnElement[bool]:
    """Condition for summaries of the compositions that a SELECT finds, looked for one by one.

    PostgreSQL would turn EXISTS into a list of everything that the SELECT finds.
    """
    one = found.where(composition == Summary.composition_id).limit(1)
    # Also within a list of ids that takes the place of the summaries.
    return one.correlate_except(composition.class_).scalar_subquery().is_not(None)


def _of_materials(entry: Filter) -> Filter:
    """Turn a filter of materials by a column of their own into one of compositions."""

    def found(value: Any) -> Select[int]:
        return select(Material.composition_id).where(entry.condition(value))

    return replace(
        entry,
        condition=lambda value: _there(found(value), Material.composition_id),
        indexed=lambda value: [found(value)],
        exact=True,
    )


def _family_counted(values: Sequence[str]) -> ColumnElement[bool]:
    listed = literal("; ") + Count.families + "; "
    return or_(*(listed.contains(f"; {value}; ", autoescape=True) for value in values))


def _has_counted(values: Sequence[str]) -> ColumnElement[bool]:
    masks = [sum(KINDS[name].bit for name in _HAS[value]) for value in values]
    return and_(true(), *(Count.kinds.bitwise_and(mask) != 0 for mask in masks))


def _through(column: Any, counted: Any, condition: Any) -> Callable[[Any], ColumnElement[bool]]:
    """Condition for summaries by the few values of a column that a condition on counts meets."""
    return lambda values: among_found(
        column, select(counted).where(Count.ion == "", condition(values))
    )


#: Conditions on the table of counts for the values of filters.
_COUNTED: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "family": _family_counted,
    "lead_free": lambda value: Count.lead_free.is_(value),
    "lowest_phase": lambda values: Count.lowest_phase.in_(values),
    "has": _has_counted,
    "ion": lambda values: Count.ion == values[0],
    "halide": lambda values: Count.ion == f"X:{values[0]}",
}


def _counted(given: Mapping[str, Any], partly: bool) -> ColumnElement[bool] | None:
    """Condition for the counts of a search by these filters, of which one may name one ion.

    Partly: for those of its other filters that are counted, where there are any.
    """
    if partly and _counted(given, False) is None:
        kept = _COUNTED.keys() - {"ion", "halide"}
        given = {name: value for name, value in given.items() if name in kept}
        return _counted(given, False) if given else None
    named = [given[name] for name in ("ion", "halide") if name in given]
    if not given.keys() <= _COUNTED.keys() or len(named) > 1:
        return None
    if any(len(ions) != 1 or not ions[0] or ":" in ions[0] for ions in named):
        return None
    conditions = [_COUNTED[name](value) for name, value in given.items()]
    return and_(*conditions, *([] if named else [Count.ion == ""]))


def _ions(values: Sequence[str], site: str | None) -> ColumnElement[bool]:
    return _there(occupied(values, site), SiteOccupancy.composition_id)


def _ion_filters() -> dict[str, Filter]:
    listed: Mapping[str, Any] = ion_filters(lambda values, site: [occupied(values, site)])
    return {
        name: replace(entry, indexed=listed[name].condition, exact=True)
        for name, entry in ion_filters(_ions).items()
    }


def _parts_of(text: str) -> list[Any]:
    """Return SELECTs of ids, each of which finds all formulas with every word of a text.

    A word is in a formula only if its part from each of its letters on begins a stored part.
    """
    found: list[Any] = []
    part, ids = FormulaPart.part, select(FormulaPart.composition_id)
    for word in text.lower().split()[:MOST_WORDS]:
        begun = [
            ids.where(part >= piece, part < piece[:-1] + chr(ord(piece[-1]) + 1))
            for piece in _BEGINNINGS.findall(word)
        ]
        named = ions_named(word)
        found += [union_all(each, occupied(named)) for each in begun[:1]] if named else begun
    return found


def _energy_filters() -> dict[str, Filter]:
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
            indexed=lambda v, columns=lows: [  # type: ignore[misc]
                union_all(*(select(Summary.composition_id).where(each <= v) for each in columns))
            ],
            exact=True,
        )
    return found


def _indexed(entry: Filter) -> Filter:
    """Return a filter whose condition itself reads an index."""
    return replace(entry, indexed=lambda value: [entry.condition(value)])


def _canonical(text: str) -> str:
    """Return the canonical spelling of a formula; a text that is not a formula stays as it is."""
    try:
        return parse_composition(text).formula
    except InputError:
        return text


#: How much is known of the compositions that a number counts.
_KNOWN = sum(
    (Count.kinds.bitwise_and(kind.bit) // kind.bit * kind.known for kind in KINDS.values()),
    literal(0),
)


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
        "formula": _indexed(
            several(
                "Formula in any spelling, e.g. CH3NH3PbI3.",
                lambda values: Summary.formula.in_([parse_composition(v).formula for v in values]),
                "CH3NH3PbI3",
            )
        ),
        "family": _indexed(
            replace(
                _of_material["family"],
                condition=_through(Summary.families, Count.families, _family_counted),
            )
        ),
        "lead_free": Filter(
            _of_material["lead_free"].description,
            bool,
            lambda v: Summary.lead_free.is_(v),
            example=True,
        ),
        **_ion_filters(),
        "dimensionality": _of_materials(_of_material["dimensionality"]),
        "phase": _of_materials(_of_material["phase"]),
        "lowest_phase": _indexed(
            any_of(Summary.lowest_phase, "Phase of lowest computed energy.", example="Pnma")
        ),
        **_energy_filters(),
        **{name: _indexed(entry) for name, entry in range_filters(_RANGES).items()},
        "has": _indexed(
            several(
                "What is known of it: e_a and dfe, an activation and a formation energy of the "
                "halide vacancy; e_a_computed, a computed one; devices made of it; reported and "
                "computed energies; structures; stability, an energy above the hull. Of several, "
                "all must be known.",
                _through(Summary.kinds, Count.kinds, _has_counted),
                "e_a",
                tuple(_HAS),
            )
        ),
        "q": replace(
            words(
                "Words in the formula, or in the full name of an ion, e.g. methylammonium.",
                Summary.formula,
                lambda word: _ions(named, None) if (named := ions_named(word)) else false(),
                example="methylammonium",
            ),
            indexed=_parts_of,
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
        {"known": _KNOWN},
    ),
    most_counted=1_000,
    row_id=Summary.composition_id,
)
