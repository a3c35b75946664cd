"""Keyset pagination: the next page begins behind the sorted values of the last row.

Every page costs the same, and rows added meanwhile neither repeat nor hide others. Rows without a
value come last in both directions, on both databases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, UnaryExpression, and_, false, or_, true


@dataclass(frozen=True)
class Order:
    """One expression to sort by."""

    expression: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False

    def clauses(self) -> list[UnaryExpression[Any]]:
        """Return the clauses for ``ORDER BY``."""
        sorted_by = self.expression.desc() if self.descending else self.expression.asc()
        # NULLS LAST would keep SQLite from using an index; it is not needed without empty values.
        return [sorted_by.nulls_last() if self.nullable else sorted_by]

    def same(self, value: Any) -> ColumnElement[bool]:
        """SQL condition for rows in which the expression has this value."""
        return self.expression.is_(None) if value is None else self.expression == value

    def behind(self, value: Any) -> ColumnElement[bool]:
        """SQL condition for rows that this order puts behind a value."""
        if value is None:
            return false()
        beyond = self.expression < value if self.descending else self.expression > value
        return or_(beyond, self.expression.is_(None)) if self.nullable else beyond


def parts(
    orders: Sequence[Order], place: Sequence[Any] | None
) -> Iterator[tuple[ColumnElement[bool], list[Order]]]:
    """Yield conditions for the rows behind a position, or for all rows, and the order within each.

    The parts follow one another. Each is one range of an index on the expressions, which a
    condition on all of them is not: neither database would begin to read at the position. The last
    order must be unique.
    """
    for depth in (0,) if place is None else reversed(range(len(orders))):
        first, rest = orders[depth], list(orders[depth + 1 :])
        known = zip(orders[:depth], place or (), strict=False)
        same = [order.same(value) for order, value in known]
        beyond: ColumnElement[bool]
        if place is None:
            beyond = first.expression.is_not(None) if first.nullable else true()
        elif place[depth] is None:
            continue
        else:
            beyond = replace(first, nullable=False).behind(place[depth])
        yield and_(*same, beyond), [replace(first, nullable=False), *rest]
        if first.nullable:
            yield and_(*same, first.expression.is_(None)), rest


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
