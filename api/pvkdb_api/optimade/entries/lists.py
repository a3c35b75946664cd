"""Properties that are lists, and how HAS, HAS ALL, HAS ANY, HAS ONLY and LENGTH search them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, true

from pvkdb_api.optimade.entries.properties import (
    OPERATORS,
    Kind,
    Operator,
    Property,
    Scalar,
    number,
    shown,
)
from pvkdb_api.optimade.errors import RefusedError


@dataclass(frozen=True, eq=False)
class Items(Property):
    """A list whose items are rows of a table, ``item`` in each of them.

    ``rows`` selects the entry that a row belongs to, by its ``owner``. It does not look at the
    entry itself, so that a database may begin with the few rows of a rare item. Lists over the
    same rows can be zipped.
    """

    kind: Kind = "list"
    rows: Select[Any] = field(kw_only=True)
    owner: ColumnElement[Any] = field(kw_only=True)
    item: ColumnElement[Any] = field(kw_only=True)
    item_kind: Kind = field(kw_only=True)
    count: ColumnElement[Any] | None = field(default=None, kw_only=True)
    loads: Mapping[str, ColumnElement[Any]] = field(default_factory=dict, kw_only=True)
    made: Callable[[Any], Any] = field(default=lambda row: None, kw_only=True)

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        """What the list is made from."""
        return self.loads

    def value(self, row: Any) -> Any:
        """The list."""
        return self.made(row)

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """An item fulfils it."""
        return self.any_row(self.fulfils(operator, value))

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        """No item fulfils none of the conditions, and there is an item."""
        fulfilled = or_(*(self.fulfils(*condition) for condition in wanted))
        return and_(self.not_empty(), not_(self.any_row(not_(fulfilled))))

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """Number of items, where SQL knows it."""
        if self.count is None:
            return super().length(operator, value)
        compared: ColumnElement[bool] = OPERATORS[operator](self.count, number(value))
        return compared

    def fulfils(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """The condition on one item."""
        item = Scalar(self.name, self.item_kind, expression=self.item, nullable=False)
        return item.compare(operator, value)

    def any_row(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a row of the entry fulfils a condition."""
        return self.owner.in_(self.rows.where(condition))

    def not_empty(self) -> ColumnElement[bool]:
        """Whether there is an item."""
        return self.owner.in_(self.rows) if self.count is None else self.count > 0


@dataclass(frozen=True, eq=False)
class Fixed(Property):
    """A list that is the same for every entry."""

    kind: Kind = "list"
    items: tuple[Any, ...] = field(default=(), kw_only=True)

    def value(self, row: Any) -> list[Any]:
        """The list."""
        return [*self.items]

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Decided without the database."""
        return _truth(any(self._fulfils(item, operator, value) for item in self.items))

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        """Decided without the database."""
        fulfilled = [any(self._fulfils(item, *each) for each in wanted) for item in self.items]
        return _truth(bool(fulfilled) and all(fulfilled))

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """Decided without the database."""
        return _truth(OPERATORS[operator](len(self.items), value))

    def _fulfils(self, item: Any, operator: Operator, value: Any) -> bool:
        try:
            return bool(OPERATORS[operator](item, value))
        except TypeError as error:
            raise RefusedError(
                f"items of {self.name!r} cannot be compared with {shown(value)}", "filter"
            ) from error


@dataclass(frozen=True, eq=False)
class Made(Property):
    """A value made from columns that SQL does not look into; only its length can be asked for."""

    loads: Mapping[str, ColumnElement[Any]] = field(kw_only=True)
    made: Callable[[Any], Any] = field(kw_only=True)
    count: ColumnElement[Any] | None = field(default=None, kw_only=True)
    is_known: ColumnElement[bool] = field(default=true(), kw_only=True)

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        """What the value is made from."""
        return self.loads

    def value(self, row: Any) -> Any:
        """The value."""
        return self.made(row)

    def known(self) -> ColumnElement[bool]:
        """Whether there is a value."""
        return self.is_known

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """Number of items, where SQL knows it."""
        if self.count is None:
            return super().length(operator, value)
        compared: ColumnElement[bool] = OPERATORS[operator](self.count, number(value))
        return compared


def _truth(value: bool) -> ColumnElement[bool]:
    return true() if value else false()
