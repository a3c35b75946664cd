"""What a collection is: rows with named filters, orders, facets, counts and pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Integer, Select, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.tables import Row
from pvkdb.store.base import UtcDateTime
from pvkdb.store.collections.keyset import Order, behind

RowT = TypeVar("RowT", bound=Row)

#: Rows fetched at a time when a whole collection is read.
BATCH = 1000

#: Values of a facet that are given, the most frequent first.
FACET_VALUES = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: what it means, the type of its value, the condition it makes.

    A filter of ``many`` takes a sequence of values and keeps rows that fit any of them; its
    condition is made from the whole sequence.
    """

    description: str
    type: type[str] | type[float] | type[int] | type[bool]
    condition: Callable[[Any], ColumnElement[bool]]
    choices: tuple[str, ...] = ()
    many: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Sortable:
    """What rows can be sorted by: an expression, the type of its values, whether some lack one."""

    expression: ColumnElement[Any]
    type: type[Any]
    nullable: bool = False

    @classmethod
    def of(cls, attribute: InstrumentedAttribute[Any]) -> Sortable:
        """A column of a model."""
        column = attribute.property.columns[0]
        kind = datetime if isinstance(column.type, UtcDateTime) else column.type.python_type
        return cls(attribute.expression, kind, bool(column.nullable))

    def order(self, descending: bool) -> Order:
        """The order of a query. Truth values become numbers: they know no < and >."""
        expression = cast(self.expression, Integer) if self.type is bool else self.expression
        return Order(expression, descending, self.nullable)

    def parameter(self, value: Any) -> Any:
        """A value of a place as a query takes it.

        Raises:
            ValueError: it cannot be a value of this column.
        """
        if value is None:
            if not self.nullable:
                raise ValueError("a place has no value for a column that always has one")
            return None
        if self.type is str:
            if not isinstance(value, str) or "\0" in value:
                raise ValueError(f"{value!r} is not text")
            return value
        if self.type is datetime:
            return literal(_time(value), UtcDateTime)
        if isinstance(value, str) or not math.isfinite(value) or abs(value) >= 2**53:
            raise ValueError(f"{value!r} is no number of a column")
        return value if self.type is float else int(value)


def sortables(model: Any, names: str) -> dict[str, Sortable]:
    """Columns of a model, by their names."""
    return {name: Sortable.of(getattr(model, name)) for name in names.split()}


#: One level of an order: the name of what is sorted by, and whether it descends.
Sorting = tuple[str, bool]

#: What is looked for: filters with their values, or what :meth:`Collection.select` made of them.
Search = Mapping[str, Any] | Select[Any]

#: The values by which a row was sorted, its key last.
Place = list[Any]


@dataclass(frozen=True)
class Found(Generic[RowT]):
    """Some rows in order; ``place`` is that of the last one, None where no row stands behind."""

    rows: list[RowT]
    place: Place | None


@dataclass(frozen=True, eq=False)
class Collection(Generic[RowT]):
    """A collection.

    ``source`` says which rows belong to it, without loading them; searching and counting need no
    more. ``loads`` loads models, which ``to_row`` turns into rows; ``listed`` makes rows of keys
    without models, where many are asked for. A row whose key stands in ``supersedes`` has been
    replaced and is not listed.
    """

    name: str
    row: type[RowT]
    source: Select[Any]
    loads: Select[Any]
    key: InstrumentedAttribute[str]
    filters: Mapping[str, Filter]
    to_row: Callable[..., RowT]
    sortable: Mapping[str, Sortable]
    order: tuple[Sorting, ...] = ()
    facets: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]] = field(
        default_factory=dict
    )
    supersedes: InstrumentedAttribute[str | None] | None = None
    listed: Callable[[Session, Sequence[str]], list[RowT]] | None = None

    @property
    def key_name(self) -> str:
        """The column by which one row is named."""
        return str(self.key.key)

    def narrow(self, search: Select[Any], name: str, value: Any) -> Select[Any]:
        """A search that asks for a filter too.

        Raises:
            InputError: the filter is unknown (names the nearest one) or its value cannot be used.
        """
        return search.where(self.condition(name, value))

    def current(self) -> Select[Any]:
        """The rows that nothing has replaced."""
        return self._current(self.source)

    @property
    def statement(self) -> Select[Any]:
        """What loads the rows that nothing has replaced, joined to their materials: others add
        conditions to it."""
        return self._current(self.loads)

    def _current(self, rows: Select[Any]) -> Select[Any]:
        if self.supersedes is None:
            return rows
        # A list, which is short, rather than a look for a newer row behind each row.
        column: Any = self.supersedes
        replaced = select(column).where(column.is_not(None))
        return rows.where(self.key.not_in(replaced))

    def select(self, filters: Search) -> Select[Any]:
        """The rows that match.

        Raises:
            InputError: a filter is unknown (names the nearest one) or its value cannot be used.
        """
        if isinstance(filters, Select):
            return filters
        statement = self.current()
        for name, value in filters.items():
            if value is not None:
                statement = statement.where(self.condition(name, value))
        return statement

    def condition(self, name: str, value: Any) -> ColumnElement[bool]:
        """The condition of one filter.

        Raises:
            InputError: the filter is unknown (names the nearest one) or its value cannot be used.
        """
        if name not in self.filters:
            raise InputError(unknown_name(f"filter of {self.name}", name, self.filters))
        wanted = self.filters[name]
        values = value if isinstance(value, list | tuple) else (value,)
        for each in values if wanted.choices else ():
            if each not in wanted.choices:
                raise InputError(unknown_name(f"{name} among {self.name}", each, wanted.choices))
        return wanted.condition(tuple(values) if wanted.many else value)

    def count(self, session: Session, filters: Search) -> int:
        """How many rows match."""
        if self.supersedes is not None and _is_empty(filters):
            # Each replaced row is named once, and few are: the whole table need not be looked at.
            column: Any = self.supersedes
            replaced = self.source.where(column.is_not(None))
            every, old = (
                _only(rows, func.count()).scalar_subquery() for rows in (self.source, replaced)
            )
            return session.scalar(select(every - old)) or 0
        return session.scalar(_only(self.select(filters), func.count())) or 0

    def facet(self, session: Session, filters: Search, name: str) -> dict[Any, int]:
        """The most frequent values of a facet among the rows that match, with how many have each.

        Raises:
            InputError: there is no such facet; names the nearest one.
        """
        if name not in self.facets:
            raise InputError(unknown_name(f"facet of {self.name}", name, self.facets))
        value, number = self.facets[name].label("value"), func.count().label("number")
        counted = (
            _only(self.select(filters), value, number)
            .group_by(value)
            .order_by(number.desc(), value)
            .limit(FACET_VALUES)
        )
        return {row.value: row.number for row in session.execute(counted)}

    def sorting(self, text: str | None) -> tuple[Sorting, ...]:
        """The order that a text like ``family,-on_off_ratio`` names; the key decides in the end.

        Raises:
            InputError: rows cannot be sorted by a name; names the nearest one.
        """
        named: dict[str, bool] = {}
        for part in filter(None, (part.strip() for part in (text or "").split(","))):
            name = part.removeprefix("-")
            if name not in self.sortable:
                raise InputError(
                    unknown_name(f"field of {self.name} to sort by", name, self.sortable)
                )
            named.setdefault(name, part.startswith("-"))  # a second level of it decides nothing
        levels = tuple(named.items()) or self.order
        return (
            levels
            if any(name == self.key.key for name, _ in levels)
            else (*levels, (self.key.key, False))
        )

    def find(
        self,
        session: Session,
        filters: Search,
        limit: int,
        sorting: Sequence[Sorting] | None = None,
        after: Sequence[Any] | None = None,
    ) -> Found[RowT]:
        """At most ``limit`` rows behind a place.

        Which rows are wanted is found first, from indexes where there are some; only those rows
        are then loaded.

        Raises:
            ValueError: the place does not fit the order.
        """
        levels = sorting or self.sorting(None)
        orders = [self.sortable[name].order(descending) for name, descending in levels]
        wanted = _only(self.select(filters), self.key, *(order.expression for order in orders))
        if after is not None:
            wanted = wanted.where(behind(orders, self.place(levels, after)))
        clauses = [clause for order in orders for clause in order.clauses()]
        found = session.execute(wanted.order_by(*clauses).limit(limit + 1)).all()
        more, found = len(found) > limit, found[:limit]
        return Found(
            rows=self.load(session, [row[0] for row in found]),
            place=[_plain(value) for value in found[-1][1:]] if more and found else None,
        )

    def place(self, sorting: Sequence[Sorting], values: Sequence[Any]) -> list[Any]:
        """Values of a place as a query takes them.

        Raises:
            ValueError: they cannot be the values of a row.
        """
        try:
            return [
                self.sortable[name].parameter(value)
                for (name, _), value in zip(sorting, values, strict=True)
            ]
        except (TypeError, OverflowError) as error:
            raise ValueError(str(error)) from error

    def load(self, session: Session, keys: Sequence[str]) -> list[RowT]:
        """The rows with these keys, in their order."""
        if not keys:
            return []
        if self.listed is not None:
            return self.listed(session, keys)
        loaded = session.execute(self.loads.where(self.key.in_(keys)))
        rows = {getattr(row[0], self.key.key): row for row in loaded}
        return [self.to_row(*rows[key]) for key in keys]

    def iterate(
        self, session: Session, filters: Search, sorting: Sequence[Sorting] | None = None
    ) -> Iterator[RowT]:
        """Every row that matches, in order, fetched in batches."""
        after: Place | None = None
        while True:
            found = self.find(session, filters, BATCH, sorting, after)
            yield from found.rows
            if found.place is None:
                return
            after = found.place

    def get(self, session: Session, key: str) -> RowT:
        """One row by its key.

        Raises:
            NotFoundError: there is none.
        """
        if session.scalar(_only(self.current().where(self.key == key), self.key)) is None:
            raise NotFoundError(f"{self.name} holds no {key!r}")
        return self.load(session, [key])[0]


def _only(statement: Select[Any], *columns: Any) -> Select[Any]:
    return statement.with_only_columns(*columns, maintain_column_froms=True)


def _is_empty(filters: Search) -> bool:
    return not isinstance(filters, Select) and all(value is None for value in filters.values())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no time")
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return time.astimezone(UTC)
