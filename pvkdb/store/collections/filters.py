"""Conditions that filters of several collections share.

Each speaks only of columns of its own table and of lists from small ones (``material_id IN
(SELECT ...)``), so that a search over a large table reads an index of it and joins nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.composition import FAMILIES
from pvkdb.chemistry.ions import HALIDES, molecular_ions
from pvkdb.errors import InputError
from pvkdb.store.collections.collection import Filter
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy

Column = InstrumentedAttribute[Any]

#: What a filter by halide takes; X is that of a formula for many, such as CsPbX3.
_HALIDES = (*HALIDES, "X")

#: Words of a search that are looked at.
_WORDS = 10

#: What is longer is no formula.
_LONGEST_FORMULA = 200


def any_of(
    column: Column,
    description: str,
    *,
    example: str | None = None,
    choices: tuple[str, ...] = (),
) -> Filter:
    """A text that is one of some values."""
    return Filter(
        description, str, lambda values: column.in_(values), choices, many=True, example=example
    )


def truth(column: Column, description: str) -> Filter:
    """Only rows that have (or lack) a value, e.g. an erratum."""
    return Filter(
        description,
        bool,
        lambda v: column.is_not(None) if v else column.is_(None),
        example=True,
    )


def words(description: str, *columns: Any, example: str) -> Filter:
    """Rows in which every word occurs, each in any of some columns, in any case."""

    def condition(text: str) -> ColumnElement[bool]:
        return and_(
            *(
                or_(*(_contains(column, word) for column in columns))
                for word in text.split()[:_WORDS]
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
    """Values that are not below a bound."""
    return Filter(description, float, lambda v: column >= v, example=example)


def at_most(
    column: Any, description: str, example: float, qualifier: Column | None = None
) -> Filter:
    """Values that are not above a bound; a reported lower bound (">") does not say so."""

    def condition(value: float) -> ColumnElement[bool]:
        within: ColumnElement[bool] = column <= value
        if qualifier is None:
            return within
        return and_(within, func.coalesce(qualifier, "") != ">")

    return Filter(description, float, condition, example=example)


# ── Of materials, from the tables that point to one ─────────────────────────────────────────────


def materials_where(condition: ColumnElement[bool]) -> Select[str]:
    """The names of the materials whose composition or family fits."""
    return select(Material.id).join(Material.composition).where(condition)


def is_material(values: Sequence[str]) -> ColumnElement[bool]:
    """Materials by their public names, or by any spelling of their formulas."""
    formulas = set(values)
    for value in values:
        if len(value) > _LONGEST_FORMULA:
            continue
        try:
            formulas.add(parse_composition(value).formula)
        except InputError:
            continue
    return or_(Material.id.in_(values), Composition.formula.in_(sorted(formulas)))


def has_ion(values: Sequence[str], site: str | None = None) -> ColumnElement[bool]:
    """Materials with any of some ions on a site, or on any."""
    occupied = select(SiteOccupancy.composition_id).where(SiteOccupancy.ion.in_(values))
    if site is not None:
        occupied = occupied.where(SiteOccupancy.site == site)
    return Material.composition_id.in_(occupied)


def has_ion_named(word: str) -> ColumnElement[bool]:
    """Materials with a molecular ion whose full name holds a word, e.g. methylammonium."""
    named = [
        ion.symbol for ion in molecular_ions().values() if word.lower() in (ion.name or "").lower()
    ]
    return has_ion(named)


def material_filters(of: Callable[[ColumnElement[bool]], ColumnElement[bool]]) -> dict[str, Filter]:
    """Filters by what a row's material is; ``of`` turns a condition on it into one on the row."""
    return {
        "family": Filter(
            f"Structure family: {', '.join(FAMILIES)}.",
            str,
            lambda values: of(Material.family.in_(values)),
            FAMILIES,
            many=True,
            example="3D",
        ),
        "lead_free": Filter(
            "Only compositions without (or with) lead.",
            bool,
            lambda v: of(Composition.lead_free.is_(v)),
            example=True,
        ),
        "ion": Filter(
            "An ion on any site, e.g. MA or Br.",
            str,
            lambda values: of(has_ion(values)),
            many=True,
            example="MA",
        ),
        "halide": Filter(
            f"A halide on the X site: {', '.join(HALIDES)}; X where the formula leaves it open.",
            str,
            lambda values: of(has_ion(values, "X")),
            _HALIDES,
            many=True,
            example="Br",
        ),
        "dimensionality": Filter(
            "Dimensions in which the octahedra connect.",
            str,
            lambda values: of(Material.dimensionality.in_([int(value) for value in values])),
            ("0", "1", "2", "3"),
            many=True,
            example="3",
        ),
        "phase": Filter(
            "Phase of the material: space group or name.",
            str,
            lambda values: of(Material.phase.in_(values)),
            many=True,
            example="δ",
        ),
    }


def material_is(of: Callable[[ColumnElement[bool]], ColumnElement[bool]]) -> Filter:
    """The filter ``material``."""
    return Filter(
        "Public name, or formula in any spelling.",
        str,
        lambda values: of(is_material(values)),
        many=True,
        example="MAPbI3",
    )


def through(column: Column) -> Callable[[ColumnElement[bool]], ColumnElement[bool]]:
    """Say of a condition on materials that the material in a column meets it."""
    return lambda condition: column.in_(materials_where(condition))


def of_material(column: Column, attribute: Any) -> ColumnElement[Any]:
    """A value of a row's material, to sort and to count by."""
    found = select(attribute).select_from(Material).join(Material.composition)
    return found.where(Material.id == column).scalar_subquery()
