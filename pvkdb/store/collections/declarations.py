"""What a collection declares: filters, a table of counts, facets of related tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from pvkdb.errors import InputError, unknown_name

ConditionT = TypeVar("ConditionT")


@dataclass(frozen=True, slots=True)
class Filter(Generic[ConditionT]):
    """A filter: what it means, the type of its value, the condition it makes.

    A filter of ``many`` takes several values and keeps rows that match any of them; its condition
    is made from all of them.
    """

    description: str
    type: type[str] | type[float] | type[int] | type[bool]
    condition: Callable[[Any], ConditionT]
    choices: tuple[str, ...] = ()
    many: bool = False
    example: Any = None
    #: Searches of indexes that each find all rows that match, and maybe others: conditions on the
    #: rows, or SELECTs of their ids, in which an id may be repeated.
    indexed: Callable[[Any], Sequence[Any]] | None = None
    #: The SELECT of ids that ``indexed`` returns finds no others.
    exact: bool = False


#: A filter that makes a condition of SQL.
SqlFilter: TypeAlias = Filter[ColumnElement[bool]]


def accepted_value(of: str, filters: Mapping[str, Filter[Any]], name: str, value: Any) -> Any:
    """Return a filter's value after checks, as a tuple if the filter takes several values.

    Raises:
        InputError: the filter is unknown (names the nearest one) or the value is not one of its
            choices.
    """
    if name not in filters:
        raise InputError(unknown_name(f"filter of {of}", name, filters))
    wanted = filters[name]
    values = value if isinstance(value, list | tuple) else (value,)
    for each in values if wanted.choices else ():
        if each not in wanted.choices:
            raise InputError(unknown_name(f"{name} among {of}", each, wanted.choices))
    return tuple(values) if wanted.many else value


@dataclass(frozen=True)
class CountTable:
    """A table of numbers of rows: what searches by some filters alone find is counted there.

    ``where`` returns the condition for the numbers that add up to those of a search, or for numbers
    of all that it finds and more (``partly``); None for other searches. ``sortable`` are the values
    by which the rows that a number counts are sorted.
    """

    number: InstrumentedAttribute[int]
    where: Callable[[Mapping[str, Any], bool], ColumnElement[bool] | None]
    facets: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]
    sortable: Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Related:
    """A facet of what a column of the rows names, e.g. the family of their material."""

    column: InstrumentedAttribute[Any]
    value: Callable[[Any], ColumnElement[Any]]
