"""Collections: rows with named filters, orders, facets, counts and pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.errors import InputError, NotFoundError, ParameterError, unknown_name
from pvkdb.schemas.tables import Row
from pvkdb.store.collections.declarations import (
    CountTable,
    Filter,
    column_facets,
    column_filters,
    own_orders,
)
from pvkdb.store.collections.keyset import (
    CursorPosition,
    Sortable,
    Sorting,
    behind,
    named_levels,
    plain,
    without_indexes,
)
from pvkdb.store.models.references import Versioned
from pvkdb.store.rows.reading import TableRows

RowT = TypeVar("RowT", bound=Row)

#: Rows fetched at a time when a whole collection is read.
BATCH = 1000

#: Most values of a facet that are returned, the most frequent first.
FACET_VALUES = 50

#: Rows that are counted of what a search of energies or materials finds, unless all are wanted.
MOST_COUNTED = 5_000

#: Filters with their values, or the statement that :meth:`Collection.select` made of them.
Filters = Mapping[str, Any] | Select[Any]


class Search(dict[str, Any]):
    """Accepted values of filters by name, with their conditions in SQL, each made once."""

    conditions: Mapping[str, ColumnElement[bool]]


@dataclass(frozen=True)
class SearchPage(Generic[RowT]):
    """A page of rows in order; ``place`` is the position of its last row, None on the last page."""

    rows: list[RowT]
    place: CursorPosition | None


@dataclass(frozen=True, eq=False)
class Collection(Generic[RowT]):
    """A collection of the store.

    ``source`` selects the rows that belong to it without loading them; searches and counts use it.
    ``rows`` reads those that a search has found. A row that a correction has replaced is not
    listed. ``spelled`` returns the stored spelling of a key. Facets in ``several_in`` hold several
    values, separated by ``; ``, counted each.

    ``filters``, ``facets`` and ``sortable`` are those beside the ones that follow from the columns:
    filters and facets are declared there, and each column of the model itself is sorted by.

    ``most_counted`` rows are counted of what a search of a large collection finds. With ``counts``,
    numbers of what searches often find are kept. ``reversible`` orders have an index, which a
    descending order reads backwards: rows with the same value are in the direction of their order,
    and only orders of ``sortable`` are known.
    """

    name: str
    rows: TableRows[RowT]
    source: Select[Any]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sortable: Mapping[str, Sortable] = field(default_factory=dict)
    order: tuple[Sorting, ...] = ()
    facets: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]] = field(
        default_factory=dict
    )
    spelled: Callable[[str], str] = str
    several_in: frozenset[str] = frozenset()
    counts: CountTable | None = None
    most_counted: int | None = None
    reversible: bool = False

    def __post_init__(self) -> None:
        """Add what the columns declare."""
        orders = {} if self.reversible else own_orders(self.rows)
        for name, every in (
            ("filters", {**column_filters(self.rows), **self.filters}),
            ("facets", {**self.facets, **column_facets(self.rows), **self.facets}),
            ("sortable", {**orders, **self.sortable}),
        ):
            object.__setattr__(self, name, every)

    @cached_property
    def row(self) -> type[RowT]:
        """Model of a row."""
        return self.rows.row

    @cached_property
    def key(self) -> InstrumentedAttribute[Any]:
        """The key column."""
        return self.rows.key

    @cached_property
    def key_name(self) -> str:
        """Name of the key column."""
        return str(self.key.key)

    @property
    def public_key(self) -> str | None:
        """Name of the key column if users see it; None where several columns name a row."""
        return self.key_name if self.key_name in self.row.model_fields else None

    @property
    def statement(self) -> Select[Any]:
        """Statement that loads the models that have not been replaced, with their materials."""
        return self.current(self.rows.loads)

    def current(self, loads: Select[Any] | None = None) -> Select[Any]:
        """Return the SELECT of all rows that no correction has replaced, as it is or as loads."""
        rows = self.source if loads is None else loads
        model = self.key.class_
        # The list of replaced rows is short; looking for a newer row behind each row would be slow.
        return rows.where(model.current()) if issubclass(model, Versioned) else rows

    def search(self, filters: Filters) -> Search | Select[Any]:
        """Return filters with the conditions of their values; what has them is returned as it is.

        Raises:
            ParameterError: a filter is unknown (names the nearest one) or its value cannot be used.
        """
        if isinstance(filters, Search | Select):
            return filters
        found, conditions = Search(), {}
        for name, value in filters.items():
            if value is None:
                continue
            try:
                found[name] = self._accepted(name, value)
                if not self.filters[name].joint:
                    conditions[name] = self.filters[name].condition(found[name])
            except InputError as error:
                raise ParameterError(name, str(error)) from error
        if joint := {name: found[name] for name in found if self.filters[name].joint}:
            first = next(iter(joint))
            conditions[first] = self.filters[first].condition(joint)
        found.conditions = conditions
        return found

    def _accepted(self, name: str, value: Any) -> Any:
        """Return a filter's value after checks, as a tuple if the filter takes several values."""
        if name not in self.filters:
            raise InputError(unknown_name(f"filter of {self.name}", name, self.filters))
        wanted = self.filters[name]
        values = value if isinstance(value, list | tuple) else (value,)
        for each in values if wanted.choices else ():
            if each not in wanted.choices:
                raise InputError(unknown_name(f"{name} among {self.name}", each, wanted.choices))
        return tuple(values) if wanted.many else value

    def condition(self, name: str, value: Any) -> ColumnElement[bool]:
        """Return the SQL condition of one filter with a value.

        Raises:
            ParameterError: as :meth:`search`.
        """
        found = self.search({name: value})
        assert isinstance(found, Search)
        return found.conditions[name]

    def select(self, filters: Filters, by_key: bool = False) -> Select[Any]:
        """Return the SELECT of the current rows that match all filters.

        With ``by_key`` no index of a filter is read: SQLite then reads rows in the order of their
        key until a page is full, and does not sort all that an index finds.

        Raises:
            ParameterError: as :meth:`search`.
        """
        search = self.search(filters)
        if isinstance(search, Select):
            return search
        conditions = [*search.conditions.values()]
        if by_key:
            conditions = [without_indexes(each, self.key) for each in conditions]
        return self.current().where(*conditions)

    def _counted(self, filters: Filters) -> Select[Any] | None:
        """Return the SELECT of the numbers that add up to those of a search; None without them."""
        given = None if self.counts is None else self.search(filters)
        if self.counts is None or not isinstance(given, Search):
            return None
        condition = self.counts.where(given)
        return None if condition is None else select(self.counts.number).where(condition)

    def count(self, session: Session, filters: Filters, most: int | None = None) -> int:
        """Return the number of rows that match; ``most`` + 1 where there are more than that."""
        counted = self._counted(filters)
        if counted is not None:
            return session.scalar(select(func.sum(counted.subquery().c.number))) or 0
        found = _only(self.select(filters), self.key).limit(None if most is None else most + 1)
        return session.scalar(select(func.count()).select_from(found.subquery())) or 0

    def facet(
        self, session: Session, filters: Filters, name: str, most: int | None = None
    ) -> dict[Any, int]:
        """Return the most frequent values of a facet among the rows that match, with their counts.

        Of a search whose rows are not counted, ``most`` rows in no order are looked at.

        Raises:
            InputError: the facet is unknown; names the nearest one.
        """
        if name not in self.facets:
            raise InputError(unknown_name(f"facet of {self.name}", name, self.facets))
        value: Any
        number: ColumnElement[int]
        counted = self._counted(filters)
        if counted is not None and self.counts is not None:
            value, number = self.counts.facets[name], func.sum(self.counts.number)
            counted = counted.where(self.counts.number > 0)
        else:
            found = _only(self.select(filters), self.facets[name].label("value")).limit(most)
            listed = found.subquery()
            counted, value, number = select(listed), listed.c.value, func.count()
        counted = _only(counted, value.label("value"), number.label("number")).group_by(value)
        counted = counted.order_by(number.desc(), value)
        if name not in self.several_in:
            counted = counted.limit(FACET_VALUES)
            return {row.value: row.number for row in session.execute(counted)}
        numbers: Counter[str] = Counter()
        for row in session.execute(counted):
            for each in row.value.split("; "):
                numbers[each] += row.number
        return dict(numbers.most_common(FACET_VALUES))

    def sorting(self, text: str | None) -> tuple[Sorting, ...]:
        """Return the order written as ``family,-on_off_ratio``; the key is always its last level.

        Raises:
            InputError: rows cannot be sorted by a name; names the nearest one.
        """
        levels = named_levels(self.name, self.sortable, text) or self.order
        for order in (self.order, tuple([(name, not falls) for name, falls in self.order])):
            levels = order if levels == order[: len(levels)] else levels
        by_key = self.key_name in dict(levels)
        falling = self.reversible and bool(levels) and levels[-1][1]
        return levels if by_key else (*levels, (self.key_name, falling))

    def find(
        self,
        session: Session,
        filters: Filters,
        limit: int,
        sorting: Sequence[Sorting] | None = None,
        after: Sequence[Any] | None = None,
        total: int | None = None,
        fields: Iterable[str] | None = None,
    ) -> SearchPage[RowT]:
        """Return at most ``limit`` rows behind a cursor position.

        Their keys are found first; only these rows are then loaded, with all fields or some.
        ``total`` is what :meth:`count` returned for ``most_counted``, if it is known.

        Raises:
            ValueError: the position does not fit the order.
        """
        if total == 0:
            return SearchPage(rows=[], place=None)
        levels = sorting or self.sorting(None)
        orders = [self.sortable[name].order(descending) for name, descending in levels]
        many = self.most_counted is not None and (total or 0) > self.most_counted
        by_key = session.get_bind().dialect.name == "sqlite" and levels[0][0] == self.key_name
        matching = self.select(filters, by_key and many)
        wanted = _only(matching, self.key, *(each.expression for each in orders))
        if after:
            wanted = wanted.where(behind(orders, self.place(levels, after)))
        wanted = wanted.order_by(*(each.clause() for each in orders)).limit(limit + 1)
        found = session.execute(wanted).all()
        more, found = len(found) > limit, found[:limit]
        return SearchPage(
            rows=self.load(session, [row[0] for row in found], fields),
            place=[plain(value) for value in found[-1][1:]] if more and found else None,
        )

    def place(self, sorting: Sequence[Sorting], values: Sequence[Any]) -> list[Any]:
        """Return the values of a cursor position, checked, as parameters of the SQL statement.

        Raises:
            ValueError: the values do not fit the columns.
        """
        try:
            return [
                self.sortable[name].parameter(value)
                for (name, _), value in zip(sorting, values, strict=True)
            ]
        except (TypeError, OverflowError) as error:
            raise ValueError(str(error)) from error

    def load(
        self, session: Session, keys: Sequence[Any], fields: Iterable[str] | None = None
    ) -> list[RowT]:
        """Return the rows with these keys in the given order, with all fields or some."""
        return self.rows.read(session, keys, fields) if keys else []

    def iterate(
        self,
        session: Session,
        filters: Filters,
        sorting: Sequence[Sorting] | None = None,
        fields: Iterable[str] | None = None,
    ) -> Iterator[RowT]:
        """Yield every row that matches, in order, fetched in batches, with all fields or some."""
        after: CursorPosition | None = None
        search = self.search(filters)
        total = self.most_counted and self.count(session, search, self.most_counted)
        while True:
            found = self.find(session, search, BATCH, sorting, after, total, fields)
            yield from found.rows
            if found.place is None:
                return
            after = found.place

    def get(self, session: Session, key: str) -> RowT:
        """Return one row by its key.

        Raises:
            NotFoundError: the collection holds no such row.
        """
        found = session.scalar(_only(self.current().where(self.key == self.spelled(key)), self.key))
        if found is None:
            raise NotFoundError(f"{self.name} holds no {key!r}")
        return self.load(session, [found])[0]


def _only(statement: Select[Any], *columns: Any) -> Select[Any]:
    return statement.with_only_columns(*columns, maintain_column_froms=True)
