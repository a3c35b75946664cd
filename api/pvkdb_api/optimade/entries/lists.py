"""Properties that are lists, and how HAS, HAS ALL, HAS ANY, HAS ONLY and LENGTH search them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    exists,
    false,
    not_,
    or_,
    true,
)
from sqlalchemy.sql.operators import in_op
from sqlalchemy.sql.visitors import replacement_traverse

from pvkdb_api.optimade.entries.properties import (
    OPERATORS,
    Kind,
    Operator,
    Property,
    Scalar,
    number,
    shown,
)
from pvkdb_api.optimade.errors import FilterError


@dataclass(frozen=True, eq=False)
class Made(Property):
    """A property made in Python by ``made`` from columns; filters can use only its length."""

    loads: Mapping[str, ColumnElement[Any]] = field(default_factory=dict, kw_only=True)
    made: Callable[[Any], Any] = field(default=lambda row: None, kw_only=True)
    count: ColumnElement[Any] | None = field(default=None, kw_only=True)
    is_known: ColumnElement[bool] = field(default=true(), kw_only=True)

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        return self.loads

    def value(self, row: Any) -> Any:
        return self.made(row)

    def known(self) -> ColumnElement[bool]:
        return self.is_known

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        if self.count is None:
            return super().length(operator, value)
        compared: ColumnElement[bool] = OPERATORS[operator](self.count, number(value))
        return compared


@dataclass(frozen=True, eq=False)
class Items(Made):
    """A list whose items are rows of a table, with ``item`` in each of them.

    ``rows`` selects the entry that a row belongs to, by its ``owner``. It does not read the entry
    itself, so that a database can start from the few rows of a rare item. Lists over the same
    rows can be zipped.
    """

    kind: Kind = "list"
    rows: Select[Any] = field(kw_only=True)
    owner: ColumnElement[Any] = field(kw_only=True)
    item: ColumnElement[Any] = field(kw_only=True)
    item_kind: Kind = field(default="string", kw_only=True)

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        return self.any_row(self.fulfils(operator, value))

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        fulfilled = or_(*(self.fulfils(*condition) for condition in wanted))
        return and_(self.not_empty(), opposite(self.any_row(not_(fulfilled))))

    def fulfils(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Return the SQL comparison of a row's item with a value."""
        item = Scalar(self.name, self.item_kind, expression=self.item, nullable=False)
        return item.compare(operator, value)

    def any_row(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the condition that at least one of the entry's rows fulfils ``condition``."""
        return self.owner.in_(self.rows.where(condition))

    def not_empty(self) -> ColumnElement[bool]:
        """Return the condition that the list has at least one item."""
        return self.owner.in_(self.rows) if self.count is None else self.count > 0


@dataclass(frozen=True, eq=False)
class Fixed(Property):
    """A list with the same items in every entry."""

    kind: Kind = "list"
    items: tuple[Any, ...] = field(default=(), kw_only=True)

    def value(self, row: Any) -> list[Any]:
        return [*self.items]

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        return _truth(any(self._fulfils(item, operator, value) for item in self.items))

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        fulfilled = [any(self._fulfils(item, *each) for each in wanted) for item in self.items]
        return _truth(bool(fulfilled) and all(fulfilled))

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        return _truth(OPERATORS[operator](len(self.items), value))

    def _fulfils(self, item: Any, operator: Operator, value: Any) -> bool:
        try:
            return bool(OPERATORS[operator](item, value))
        except TypeError as error:
            raise FilterError(
                f"items of {self.name!r} cannot be compared with {shown(value)}"
            ) from error


def opposite(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the opposite of a condition, with NOT EXISTS in place of NOT IN (SELECT ...).

    PostgreSQL would go through all rows of a large subquery for each entry.
    """

    def exists_in_place(element: Any, **_: Any) -> ColumnElement[bool] | None:
        if isinstance(element, ScalarSelect):
            return element  # the value of a property stays as it is
        if not isinstance(element, BinaryExpression) or element.operator is not in_op:
            return None
        if not isinstance(element.right, ScalarSelect):
            return None  # a list of values
        rows: Any = element.right.element
        return exists(rows.where(rows.selected_columns[0] == element.left))

    changed: ColumnElement[bool] = replacement_traverse(condition, {}, exists_in_place)
    return not_(changed)


def _truth(value: bool) -> ColumnElement[bool]:
    return true() if value else false()
