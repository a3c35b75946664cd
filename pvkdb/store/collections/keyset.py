"""Orders of rows and places in them: the next page begins behind the values of the last row.

Rows added meanwhile neither repeat nor hide others. Rows without a value come last in both
directions, on both databases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Text,
    UnaryExpression,
    and_,
    cast,
    false,
    literal,
    or_,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.visitors import replacement_traverse

from pvkdb.errors import InputError, unknown_name
from pvkdb.store.base import UtcDateTime


@dataclass(frozen=True)
class Order:
    """One expression to sort by."""

    expression: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False

    def clause(self) -> UnaryExpression[Any]:
        """Return the clause for ``ORDER BY``."""
        sorted_by = self.expression.desc() if self.descending else self.expression.asc()
        # NULLS LAST would keep SQLite from using an index; it is not needed without empty values.
        return sorted_by.nulls_last() if self.nullable else sorted_by

    def same(self, value: Any) -> ColumnElement[bool]:
        """SQL condition for rows in which the expression has this value."""
        return self.expression.is_(None) if value is None else self.expression == value

    def behind(self, value: Any) -> ColumnElement[bool]:
        """SQL condition for rows that this order puts behind a value."""
        if value is None:
            return false()
        beyond = self.expression < value if self.descending else self.expression > value
        return or_(beyond, self.expression.is_(None)) if self.nullable else beyond


def behind(orders: Sequence[Order], place: Sequence[Any]) -> ColumnElement[bool]:
    """SQL condition for rows behind a position, which has one value for each order.

    The last order must be unique.
    """
    return or_(
        *(
            and_(
                *(
                    order.same(value)
                    for order, value in zip(orders[:depth], place[:depth], strict=True)
                ),
                orders[depth].behind(place[depth]),
            )
            for depth in range(len(orders))
        )
    )


@dataclass(frozen=True, slots=True)
class Sortable:
    """An expression to sort by, the type of its values, and whether it can be empty."""

    expression: ColumnElement[Any]
    type: type[Any]
    nullable: bool = False

    @classmethod
    def of(cls, attribute: InstrumentedAttribute[Any]) -> Sortable:
        """Return the sort expression for a column of a model."""
        column = attribute.property.columns[0]
        kind = datetime if isinstance(column.type, UtcDateTime) else column.type.python_type
        return cls(attribute.expression, kind, bool(column.nullable))

    def order(self, descending: bool) -> Order:
        """Return the SQL order by this expression. Booleans become numbers, which compare."""
        expression = cast(self.expression, Integer) if self.type is bool else self.expression
        return Order(expression, descending, self.nullable)

    def parameter(self, value: Any) -> Any:
        """Return one value of a cursor position, checked, as a parameter of the SQL statement.

        Raises:
            ValueError: the value does not fit this column.
        """
        if value is None:
            if not self.nullable:
                raise ValueError("a value is missing for a column that always has one")
            return None
        if self.type is str:
            if not isinstance(value, str) or "\0" in value:
                raise ValueError(f"{value!r} is not text")
            return value
        if self.type is datetime:
            return literal(_time(value), UtcDateTime)
        if isinstance(value, str) or not math.isfinite(value) or abs(value) >= 2**53:
            raise ValueError(f"{value!r} is not a number of a column")
        return value if self.type is float else int(value)


def sortables(model: Any, names: str) -> dict[str, Sortable]:
    """Sortable columns of a model by name; ``names`` are separated by spaces."""
    return {name: Sortable.of(getattr(model, name)) for name in names.split()}


#: One level of an order: the name of what is sorted by, and whether it descends.
Sorting = tuple[str, bool]


#: The values by which a row was sorted, its key last.
CursorPosition = list[Any]


def named_levels(of: str, sortable: Iterable[str], text: str | None) -> tuple[Sorting, ...]:
    """Return the sort fields written as ``family,-on_off_ratio``, each with "is descending".

    Raises:
        InputError: rows cannot be sorted by a name; names the nearest one.
    """
    known = set(sortable)
    named: dict[str, bool] = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name = part.removeprefix("-")
        if name not in known:
            raise InputError(unknown_name(f"field of {of} to sort by", name, known))
        named.setdefault(name, part.startswith("-"))  # repeating a name changes nothing
    return tuple(named.items())


def plain(value: Any) -> Any:
    """Return a value of a row as a cursor has it."""
    return value.isoformat() if isinstance(value, datetime) else value


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time")
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return time.astimezone(UTC)


def without_indexes(condition: ColumnElement[bool], key: Any) -> ColumnElement[bool]:
    """Return a condition that reads no index of the table of a key, but for that of the key."""
    own = key.property.columns[0]

    def computed(element: Any, **_: Any) -> ColumnElement[Any] | None:
        if not isinstance(element, Column) or element.table is not own.table or element is own:
            return None
        if isinstance(element.type, Boolean):
            return None
        return element + literal("", Text) if element.type.python_type is str else element + 0

    changed: ColumnElement[bool] = replacement_traverse(condition, {}, computed)
    return changed
