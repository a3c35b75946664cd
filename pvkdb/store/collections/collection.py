"""Collections: rows with named filters, orders, facets, counts and pages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Subquery,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.visitors import iterate

from pvkdb.errors import InputError, NotFoundError, ParameterError, unknown_name
from pvkdb.schemas.tables import Row
from pvkdb.store.base import Versioned
from pvkdb.store.collections.declarations import (
    CountTable,
    Filter,
    Related,
    column_facets,
    column_filters,
    own_orders,
)
from pvkdb.store.collections.keyset import (
    CursorPosition,
    Order,
    Piece,
    Sortable,
    Sorting,
    behind,
    named_levels,
    parts,
    plain,
    read_indexes,
    without_indexes,
)
from pvkdb.store.rows.among import among_found
from pvkdb.store.rows.reading import TableRows

RowT = TypeVar("RowT", bound=Row)

#: Rows fetched at a time when a whole collection is read.
BATCH = 1000

#: Most values of a facet that are returned, the most frequent first.
FACET_VALUES = 50

#: Rows that are counted of what a search of energies or materials finds, unless all are wanted.
MOST_COUNTED = 5_000

#: Most ids that a search of a large collection begins with; of more, it reads rows in their order.
_MOST_IDS = 20_000

#: Filters with their values, or the statement that :meth:`Collection.select` made of them.
Filters = Mapping[str, Any] | Select[Any]


class Search(dict[str, Any]):
    """Accepted values of filters by name, with their conditions in SQL, each made once."""

    conditions: Mapping[str, ColumnElement[bool]]

    def only(self, names: Iterable[str]) -> Search:
        """Return the search by some of its filters."""
        part = Search({name: self[name] for name in names})
        part.conditions = self.conditions
        return part


@dataclass(frozen=True)
class SearchPage(Generic[RowT]):
    """A page of rows in order; ``place`` is the position of its last row, None on the last page."""

    rows: list[RowT]
    place: CursorPosition | None


@dataclass(frozen=True, eq=False)
class _Start:
    """What a search begins with: the index of some filters, ids that they find, or the order.

    ``every``: the ids are all those found; otherwise some of them, which may be repeated.
    """

    by: tuple[str, ...] = ()
    ids: Subquery | None = None
    every: bool = True


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
    numbers of what searches often find are kept. With ``row_id``, as many rows as are counted are
    found by the filter that finds fewest ids in an index, and then sorted; more are read in their
    order until a page is full, and only orders with an index are in ``sortable``. Rows with the
    same value are in the direction of their order.
    """

    name: str
    rows: TableRows[RowT]
    source: Select[Any]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sortable: Mapping[str, Sortable] = field(default_factory=dict)
    order: tuple[Sorting, ...] = ()
    facets: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any] | Related] = field(
        default_factory=dict
    )
    spelled: Callable[[str], str] = str
    several_in: frozenset[str] = frozenset()
    counts: CountTable | None = None
    most_counted: int | None = None
    row_id: InstrumentedAttribute[int] | None = None

    def __post_init__(self) -> None:
        """Add what the columns declare."""
        orders = own_orders(self.rows) if self.row_id is None else {}
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
                accepted = self._accepted(name, value)
                conditions[name] = self.filters[name].condition(accepted)
            except InputError as error:
                raise ParameterError(name, str(error)) from error
            found[name] = accepted
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

    def select(
        self,
        filters: Filters,
        order: Sequence[Sorting] | None = None,
        among: Select[Any] | None = None,
        ids: Subquery | None = None,
    ) -> Select[Any]:
        """Return the SELECT of the rows that match all filters, among all current ones by default.

        With an ``order``, only its columns are read from indexes: right where rows are many. With
        ``ids``, conditions on the column of that name are tested before their rows are looked for.

        Raises:
            ParameterError: as :meth:`search`.
        """
        search = self.search(filters)
        if isinstance(search, Select):
            return search
        statement = self.current() if among is None else among
        for name in search:
            condition = search.conditions[name]
            if order is not None:
                kept: dict[str, Any] = dict(order)
                if ids is not None:
                    kept[ids.c[0].key] = ids.c[0]
                condition = without_indexes(condition, self.key, kept)
            statement = statement.where(condition)
        return statement

    def _found(self, session: Session, filters: Filters, most: int, *columns: Any) -> Subquery:
        """Return at most ``most`` + 1 rows that match, in any order."""
        if self.row_id is None:
            return _only(self.select(filters), *(columns or [self.key])).limit(most + 1).subquery()
        return self._found_by(self._starts(session, filters)[-1], filters, most, *columns)

    def _found_by(self, start: _Start, filters: Filters, most: int, *columns: Any) -> Subquery:
        within = None if self.row_id is None else self.order
        rest, by = self.search(filters), Search()
        if isinstance(rest, Search):
            by = rest.only(start.by)
            rest = rest.only(name for name in rest if name not in start.by)
        wanted = _only(self.select(rest, within, ids=start.ids), self.key, *columns)
        if start.ids is not None:
            # The sum is in no index: SQLite begins with the ids.
            wanted = wanted.where(start.ids.c[0] + 0 == self.row_id)
        elif by:
            # In the order of its index: PostgreSQL would read the largest one, for its columns.
            columns_read = iterate(by.conditions[next(iter(by))])
            first = next(each for each in columns_read if isinstance(each, Column))
            wanted = self.select(by, among=wanted).order_by(first)
        else:
            orders = [self.sortable[name].order(falls) for name, falls in self.sorting(None)]
            wanted = wanted.order_by(*(each.clause() for each in orders))
        return wanted.limit(most + 1).subquery()

    def _starts(self, session: Session, filters: Filters) -> list[_Start]:
        """Return the index that finds fewest, with ids where it is that of another table.

        Where each finds too many: some of a list of ids, of which many may match, then the order.
        """
        given = self.search(filters)
        if isinstance(given, Select) or self.row_id is None:
            return [_Start()]
        known: dict[str, list[_Start]] = session.info.setdefault("pvkdb_starts", {})
        search = repr((self.name, sorted(given.items())))
        if search in known:
            return known[search]
        read_indexes(session)
        sources: list[tuple[list[str], Select[Any], bool]] = []  # by what, what, whether ids
        ranges: dict[str, list[str]] = {}
        for name, value in given.items():
            search_of = self.filters[name].indexed or (lambda _: ())
            for each in search_of(value):
                if isinstance(each, ColumnElement):
                    of = name.removesuffix("_min").removesuffix("_max")
                    ranges.setdefault(of, []).append(name)
                else:
                    sources.append(([name], each, True))
        for names in ranges.values():
            matching = self.select(given.only(names))
            sources.append((names, _only(matching, literal(1)), False))
        found, number, fewest = [_Start()], _MOST_IDS, math.inf
        for names, rows, listed in sources:
            part = given.only(names)
            some = rows.limit(number).subquery()
            if self._counted(part) is not None:
                there = self.count(session, part)
            else:
                there = session.scalar(select(func.count()).select_from(some)) or 0
            by = () if listed and not self.filters[names[0]].exact else tuple(names)
            if there < number:
                ids = select(rows.subquery().c[0]).distinct().subquery() if listed else None
                found, number = [_Start(by, ids)], there
            elif number == _MOST_IDS and listed and there < fewest:
                some = rows.limit(_MOST_IDS // 2).subquery()
                found, fewest = [_Start(by, some, every=False), _Start()], there
            elif by == tuple(given) and not listed:  # each that it finds matches
                found = [_Start(by), _Start()]
        known[search] = found
        return found

    def _counted(self, filters: Filters, partly: bool = False) -> Select[Any] | None:
        """Return the SELECT of the numbers that add up to those of a search; None without them."""
        given = None if self.counts is None else self.search(filters)
        if self.counts is None or not isinstance(given, Search):
            return None
        condition = self.counts.where(given, partly)
        return None if condition is None else select(self.counts.number).where(condition)

    def count(self, session: Session, filters: Filters, most: int | None = None) -> int:
        """Return the number of rows that match; ``most`` + 1 where there are more than that."""
        counted = self._counted(filters)
        if counted is not None:
            return session.scalar(select(func.sum(counted.subquery().c.number))) or 0
        if most is not None and self.row_id is None:
            some = self._found(session, filters, most)
            return session.scalar(select(func.count()).select_from(some)) or 0
        if most is not None:
            number = 0
            for start in self._starts(session, filters):
                if start.every:
                    found, one = self._found_by(start, filters, most), func.count()
                else:  # some more, of which those that are repeated are counted once
                    found = self._found_by(start, filters, most * 11 // 10, self.row_id)
                    one = func.count(found.c[1].distinct())
                number = session.scalar(select(one).select_from(found)) or 0
                if number > most:
                    break
            return min(number, most + 1)
        model = self.key.class_
        if issubclass(model, Versioned) and not isinstance(filters, Select):
            # Few rows are replaced; looking for each row among them takes as long as the rest.
            replaced = self.source.where(self.key.in_(model.replaced()))
            every, old = (
                _only(rows, func.count()).scalar_subquery()
                for rows in (
                    self.select(filters, among=self.source),
                    self.select(filters, self.sorting(self.key_name), among=replaced),
                )
            )
            return session.scalar(select(every - old)) or 0
        return session.scalar(_only(self.select(filters), func.count())) or 0

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
        number: ColumnElement[int] = func.count()
        counted, facet = self._counted(filters), self.facets[name]
        if counted is not None and self.counts is not None:
            value, number = self.counts.facets[name], func.sum(self.counts.number)
            counted = counted.where(self.counts.number > 0)
        else:
            column = facet.column if isinstance(facet, Related) else facet
            counted, value = self.select(filters), column
            if most is not None:
                found = self._found(session, filters, most - 1, column.label("value"))
                counted, value = select(found), found.c.value
            # What rows name is far less than the rows: it is counted first.
            if isinstance(facet, Related):
                by = _only(counted, value.label("of"), number.label("number"))
                each = by.group_by(value).subquery()
                counted, number = select(each), func.sum(each.c.number)
                value = facet.value(each.c.of)
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
        falling = self.row_id is not None and bool(levels) and levels[-1][1]
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

        Their keys are found first, from indexes where possible; only these rows are then loaded,
        with all fields or some. ``total`` is what :meth:`count` returned for ``most_counted``; it
        is counted if missing.

        Raises:
            ValueError: the position does not fit the order.
        """
        if total == 0:
            return SearchPage(rows=[], place=None)
        levels = sorting or self.sorting(None)
        orders = [self.sortable[name].order(descending) for name, descending in levels]
        place = after and self.place(levels, after)
        if self._finds_few(session, filters, total):
            labels = [order.expression.label(f"level_{n}") for n, order in enumerate(orders)]
            few = self._found(session, filters, self.most_counted or 0, *labels)
            orders = [
                replace(order, expression=few.c[f"level_{n}"]) for n, order in enumerate(orders)
            ]
            wanted: Select[Any] = select(few)
            pieces = iter([(behind(orders, place) if place else true(), orders)])
        else:
            in_order = self.row_id is not None or self._is_read_in_order(session, levels, total)
            matching = self.select(filters, levels if in_order else None)
            wanted = _only(matching, self.key, *(each.expression for each in orders))
            pieces = self._parts(filters, levels[0][0], orders, place)
        found: list[Any] = []
        for condition, within in pieces:
            part = wanted.where(condition).order_by(*(order.clause() for order in within))
            found += session.execute(part.limit(limit + 1 - len(found)))
            if len(found) > limit:
                break
        more, found = len(found) > limit, found[:limit]
        return SearchPage(
            rows=self.load(session, [row[0] for row in found], fields),
            place=[plain(value) for value in found[-1][1:]] if more and found else None,
        )

    def _parts(
        self, filters: Filters, name: str, orders: Sequence[Order], place: Sequence[Any] | None
    ) -> Iterator[Piece]:
        """Return the parts of an order, without values of its first level that no row found has.

        Most of a large collection may have such values.
        """
        counted = None if _is_empty(filters) else self._counted(filters, partly=True)
        if counted is None or self.counts is None or name not in self.counts.sortable:
            return parts(orders, place)
        first = replace(orders[0], expression=self.counts.sortable[name])
        counted = _only(counted, first.expression).where(self.counts.number > 0)
        counted = counted.where(first.behind(place[0])) if place else counted
        there = among_found(orders[0].expression, counted)
        # In place of the range, which SQLite would test on all rows with one of these values.
        found = parts(orders, place)
        return ((there if len(of) == len(orders) else within, of) for within, of in found)

    def _is_read_in_order(
        self, session: Session, levels: Sequence[Sorting], total: int | None
    ) -> bool:
        # SQLite would sort all that an index finds, where the first rows by key fill a page.
        by_key = levels[0][0] == self.key_name and session.get_bind().dialect.name == "sqlite"
        return by_key and total is not None and total > (self.most_counted or _MOST_IDS)

    def _finds_few(self, session: Session, filters: Filters, total: int | None) -> bool:
        if self.row_id is None or isinstance(filters, Select) or _is_empty(filters):
            return False
        assert self.most_counted is not None
        read_indexes(session)
        total = self.count(session, filters, self.most_counted) if total is None else total
        return total <= self.most_counted

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


def _is_empty(filters: Filters) -> bool:
    return not isinstance(filters, Select) and all(value is None for value in filters.values())
