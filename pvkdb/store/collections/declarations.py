"""What a collection declares: filters and a table of counts.

Most filters, orders and facets follow from the columns of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from pvkdb.store.collections.keyset import Sortable
from pvkdb.store.rows.reading import TableRows


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: what it means, the type of its value, the condition it makes.

    A filter of ``many`` takes several values and keeps rows that match any of them; its condition
    is made from all of them. The ``joint`` filters of a collection make one condition together,
    from the values of those that are given, by their names.
    """

    description: str
    type: type[str] | type[float] | type[int] | type[bool]
    condition: Callable[[Any], ColumnElement[bool]]
    choices: tuple[str, ...] = ()
    many: bool = False
    example: Any = None
    joint: bool = False


@dataclass(frozen=True)
class CountTable:
    """A table of numbers of rows: what searches by some filters alone find is counted there.

    ``where`` returns the condition for the numbers that add up to those of a search; None for a
    search by other filters.
    """

    number: InstrumentedAttribute[int]
    where: Callable[[Mapping[str, Any]], ColumnElement[bool] | None]
    facets: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]


def column_filters(table: TableRows[Any]) -> dict[str, Filter]:
    """Return the filters by columns that are declared with ``filter_by``.

    Decimal numbers are filtered by a range, whole numbers by one value, texts by several.
    """
    found = {}
    for name, column in table.row.dictionary().items():
        if column.filter_by is None:
            continue
        held, example = table.expression(name), column.filter_by
        if column.type == "number":
            unit = "" if column.unit in (None, "1") else f", in {column.unit}"
            for end, which in (("min", "Smallest"), ("max", "Largest")):
                meaning = f"{which} value of {name}{unit}."
                meets = held.__ge__ if end == "min" else held.__le__
                found[f"{name}_{end}"] = Filter(meaning, float, meets, example=example)
        elif column.type == "string":
            found[name] = Filter(column.meaning, str, held.in_, column.values, True, example)
        else:
            found[name] = Filter(column.meaning, int, held.__eq__, example=example)
    return found


def column_facets(table: TableRows[Any]) -> dict[str, Any]:
    """Return the columns whose values can be counted."""
    declared = table.row.dictionary().values()
    return {each.name: table.expression(each.name) for each in declared if each.facet}


def own_orders(table: TableRows[Any]) -> dict[str, Sortable]:
    """Return the columns of rows that are columns of the model itself, to sort by."""
    mapped = table.key.class_.__mapper__
    return {
        name: Sortable.of(getattr(table.key.class_, name))
        for name in table.row.model_fields
        if name in mapped.columns and name not in table.columns
    }
