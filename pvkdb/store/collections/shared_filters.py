"""Filters shared by several collections.

Their conditions use only columns of the table itself and lists from small tables
(``material_id IN (SELECT ...)``), so that a search over a large table reads an index and joins
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, aliased

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.family import FAMILIES
from pvkdb.chemistry.ions import CHALCOGENS, HALIDES, molecular_ions
from pvkdb.errors import InputError
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy
from pvkdb.store.rows.energy_ranges import ORIGINS

Column = InstrumentedAttribute[Any]

#: Turns a condition on a material into one on the rows of another table.
Translation: TypeAlias = Callable[[ColumnElement[bool]], ColumnElement[bool]]

#: Values of a filter by halide: anions of the X site; X is written for many, such as in CsPbX3.
_ANIONS = (*HALIDES, *CHALCOGENS, *(s for s, ion in molecular_ions().items() if ion.role == "X"))
_ANIONS += ("X",)

#: Most words of a search that are used.
MOST_WORDS = 10


def any_of(
    column: Column, description: str, *, example: str | None = None, choices: tuple[str, ...] = ()
) -> Filter:
    """Filter by a text column; takes several values."""
    return several(description, lambda values: column.in_(values), example, choices)


def several(
    description: str, condition: Any, example: str | None, choices: tuple[str, ...] = ()
) -> Filter:
    """Filter that takes several values; ``condition`` makes one SQL condition from them."""
    return Filter(description, str, condition, choices, many=True, example=example)


def words(description: str, *columns: Any, example: str) -> Filter:
    """Filter for rows in which every word occurs in one of the columns, ignoring case."""

    def condition(text: str) -> ColumnElement[bool]:
        return and_(
            *(
                or_(*(_contains(column, word) for column in columns))
                for word in text.split()[:MOST_WORDS]
            )
        )

    return Filter(description, str, condition, example=example)


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    if callable(column):
        made: ColumnElement[bool] = column(word)
        return made
    found: ColumnElement[bool] = column.icontains(word, autoescape=True)
    return found


def at_least(column: Any, description: str, example: float) -> Filter:
    """Filter for values at or above a bound."""
    return Filter(description, float, lambda v: column >= v, example=example)


def at_most(
    column: Any, description: str, example: float, lower: ColumnElement[bool] | None = None
) -> Filter:
    """Filter for values at or below a bound; those that are ``lower`` bounds do not match."""

    def condition(value: float) -> ColumnElement[bool]:
        within: ColumnElement[bool] = column <= value
        return within if lower is None else and_(within, ~lower)

    return Filter(description, float, condition, example=example)


#: Meaning and example of the tolerance factors that rows are filtered by.
FACTORS = {
    "t": ("Goldschmidt's tolerance factor", 0.9),
    "mu": ("octahedral factor", 0.5),
    "tau": ("Bartel's tolerance factor", 4.18),
}


def range_filters(columns: Mapping[str, tuple[Any, str, float]]) -> dict[str, Filter]:
    """Filters by the smallest and the largest value of columns with their meaning and example."""
    found = {}
    for name, (column, meaning, example) in columns.items():
        found[f"{name}_min"] = at_least(column, f"Smallest {meaning}.", example)
        found[f"{name}_max"] = at_most(column, f"Largest {meaning}.", example)
    return found


# Conditions on materials


def materials_where(condition: ColumnElement[bool]) -> Select[str]:
    """Select the ids of the materials that meet a condition on composition or family."""
    return select(Material.id).join(Material.composition).where(condition)


def is_material(values: Sequence[str]) -> ColumnElement[bool]:
    """Condition for materials by public name, or by formula in any spelling."""
    formulas = set(values)
    for value in values:
        with suppress(InputError):  # it is no formula
            formulas.add(parse_composition(value).formula)
    material, composition = aliased(Material), aliased(Composition)
    # Each part reads an index, which one condition on both tables would not.
    named = select(material.id).where(material.id.in_(values))
    of_formula = select(material.id).join(composition, material.composition_id == composition.id)
    spelled = of_formula.where(composition.formula.in_(sorted(formulas)))
    return Material.id.in_(union(named, spelled))


def occupied(values: Sequence[str], site: str | None = None) -> Select[int]:
    """Select the ids of compositions with any of the ions on a site, or on any site."""
    found = select(SiteOccupancy.composition_id).where(SiteOccupancy.ion.in_(values))
    return found if site is None else found.where(SiteOccupancy.site == site)


def has_ion(values: Sequence[str], site: str | None = None) -> ColumnElement[bool]:
    """Condition for materials with any of the ions on a site, or on any site."""
    return Material.composition_id.in_(occupied(values, site))


def has_ion_named(word: str) -> ColumnElement[bool]:
    """Condition for rows of a composition with an ion whose full name contains a word."""
    return has_ion(ions_named(word))


def ions_named(word: str) -> list[str]:
    """Return the symbols of the ions whose full name contains a word."""
    ions = molecular_ions().values()
    return [ion.symbol for ion in ions if word.lower() in (ion.name or "").lower()]


def material_filters(of: Translation) -> dict[str, Filter]:
    """Filters by the material of a row; ``of`` turns a material's condition into a row's."""
    return {
        "family": several(
            f"Structure family: {', '.join(FAMILIES)}.",
            lambda values: of(Material.family.in_(values)),
            "3D",
            FAMILIES,
        ),
        "lead_free": Filter(
            "Only compositions without (or with) lead.",
            bool,
            lambda v: of(Composition.lead_free.is_(v)),
            example=True,
        ),
        **ion_filters(lambda values, site: of(has_ion(values, site))),
        "dimensionality": several(
            "Dimensions in which the octahedra connect.",
            lambda values: of(Material.dimensionality.in_([int(value) for value in values])),
            "3",
            ("0", "1", "2", "3"),
        ),
        "phase": several(
            "Phase of the material: space group or name.",
            lambda values: of(Material.phase.in_(values)),
            "δ",
        ),
    }


def ion_filters(having: Callable[[Sequence[str], str | None], Any]) -> dict[str, Filter]:
    """Filters by ions; ``having`` makes the condition for ions on a site, or on any."""
    return {
        "ion": several(
            "An ion on any site, e.g. MA or Br.", lambda values: having(values, None), "MA"
        ),
        "a_site": several(
            "An ion on the A site, e.g. Cs.", lambda values: having(values, "A"), "Cs"
        ),
        "b_site": several(
            "An ion on the B site, e.g. Pb.", lambda values: having(values, "B"), "Pb"
        ),
        "halide": several(
            f"A halide on the X site ({', '.join(HALIDES)}), or an anion in its place, e.g. SCN; "
            "X where the formula leaves it open.",
            lambda values: having(values, "X"),
            "Br",
            _ANIONS,
        ),
    }


def material_is(of: Translation) -> dict[str, Filter]:
    """Filter ``formula``, and its older name ``material``."""
    meaning = "Public name, or formula in any spelling."
    found = several(meaning, lambda values: of(is_material(values)), "MAPbI3")
    return {"formula": found, "material": found}


def through(column: Column) -> Translation:
    """Return a function from a material's condition to that of rows with its id in ``column``."""
    return lambda condition: column.in_(materials_where(condition))


def of_material(column: Column, attribute: Any) -> ColumnElement[Any]:
    """SQL expression of an attribute of a row's material, for sorting and counting."""
    found = select(attribute).where(Material.id == column)
    if attribute.class_ is Composition:
        found = found.join_from(Material, Composition)
    return found.scalar_subquery()


# Filters of several collections


def reaches(value: float) -> ColumnElement[bool]:
    """SQL condition for energies whose interval reaches up to a value or beyond."""
    return or_(Energetic.value_max_ev >= value, Energetic.value_max_ev.is_(None))


def stays(value: float) -> ColumnElement[bool]:
    """SQL condition for energies whose interval reaches down to a value or below."""
    return or_(Energetic.value_min_ev <= value, Energetic.value_min_ev.is_(None))


_QUANTITIES = {"e_a": ("E_A", "an activation energy"), "dfe": ("DFE", "a formation energy")}
_ENDS = {"min": ("least", reaches, 0.1), "max": ("most", stays, 0.4)}
_OF_ORIGIN: dict[str, ColumnElement[bool]] = {
    "literature": Energetic.calculation_id.is_(None),
    "computed": Energetic.calculation_id.is_not(None),
}


def statements_where(given: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return conditions on energies, one for each quantity with bounds, else for their origin."""
    origin = or_(*(_OF_ORIGIN[each] for each in given.get("origin", ORIGINS)))
    found = []
    for name, (quantity, _) in _QUANTITIES.items():
        bounds = {end: given[f"{name}_{end}"] for end in _ENDS if f"{name}_{end}" in given}
        if bounds:
            met = (_ENDS[end][1](value) for end, value in bounds.items())
            found.append(and_(Energetic.quantity == quantity, origin, *met))
    return found or [origin]


def energy_filters(condition: Callable[[Mapping[str, Any]], Any], whose: str) -> dict[str, Filter]:
    """Filters by the origin of energies and by bounds on them, which one energy has to meet."""
    counted = "Which energies count, also for bounds on them: of the literature, or computed."
    found = {"origin": Filter(counted, str, condition, ORIGINS, True, "literature", joint=True)}
    for name, (_, energy) in _QUANTITIES.items():
        for end, (word, _, example) in _ENDS.items():
            meaning = f"{whose.format(energy)} of at {word} this, in eV."
            found[f"{name}_{end}"] = Filter(meaning, float, condition, example=example, joint=True)
    return found


def cited(model: Any, references: Any, example: str) -> dict[str, Filter]:
    """Filters for rows with an erratum, and for rows that cite one of several publications."""
    return {
        "has_erratum": Filter(
            "Only rows with (or without) an erratum.",
            bool,
            lambda v: model.erratum.is_not(None) if v else model.erratum.is_(None),
            example=True,
        ),
        "reference": citing(model, references, example),
    }


def citing(model: Any, references: Any, example: str) -> Filter:
    """Filter for rows that cite one of several publications."""
    owner = next(iter(references.__table__.primary_key))
    return several(
        f"Key of a reference, e.g. {example}.",
        lambda values: model.id.in_(select(owner).where(references.reference_key.in_(values))),
        example,
    )
