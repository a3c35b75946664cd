"""Entry types, and searching a page of their entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, cast, func, literal, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.errors import ParameterError, unknown_name
from pvkdb.store.base import UtcDateTime
from pvkdb.store.collections.collection import MOST_COUNTED
from pvkdb.store.collections.keyset import Order, behind
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.listing.cursors import read_cursor, write_cursor
from pvkdb_api.optimade.entries.properties import PerFrame, Property, Scalar, number
from pvkdb_api.optimade.errors import OptimadeError

#: Members of an entry besides its attributes.
TOP_LEVEL = ("id", "type", "relationships", "links")

#: The condition that every entry fulfils.
ALL: ColumnElement[bool] = true()


@dataclass(frozen=True, eq=False)
class EntryType:
    """An entry type: its properties, and where its entries come from.

    ``source`` joins the tables of the properties, one row for each entry, and selects no columns.
    ``key`` is the id. ``relations`` are properties for filters that are not attributes.
    ``related_references`` returns the keys of references of some entries, by id, and ``frames`` the
    lists of their :class:`PerFrame` properties, by id and name.
    """

    name: str
    description: str
    source: Select[Any]
    key: InstrumentedAttribute[str]
    properties: Mapping[str, Property]
    relations: Mapping[str, Property] = field(default_factory=dict)
    related_references: Callable[[Session, Sequence[str]], Mapping[str, Any]] | None = None
    frames: Callable[[Session, Sequence[str], Sequence[str]], Mapping[str, Any]] | None = None

    @property
    def searchable(self) -> Mapping[str, Property]:
        """Return the properties that a filter may name."""
        return {**self.properties, **self.relations}


@dataclass(frozen=True)
class EntryPage:
    """A page of entries as JSON; ``cursor`` leads to the next page.

    ``total`` counts all pages; None without a filter, and for more than :data:`MOST_COUNTED`.
    """

    entries: list[dict[str, Any]]
    total: int | None
    cursor: str | None


def search_entries(
    session: Session,
    kind: EntryType,
    condition: ColumnElement[bool],
    fields: Sequence[str],
    *,
    filter: str = "",
    sort: str = "",
    limit: int = 1,
    cursor: str | None = None,
    offset: int = 0,
) -> EntryPage:
    """Return a page of the entries that meet a condition, with the properties ``fields``.

    Raises:
        OptimadeError: the order or the cursor cannot be used.
    """
    sorted_by = sort_properties(kind, sort)
    orders = [_order(each, descending) for each, descending in sorted_by]
    matching = kind.source.where(condition)
    page = matching.add_columns(*(each.expression for each, _ in sorted_by))
    bound = {"filter": filter, "sort": sort}
    if cursor is not None:
        page = page.where(behind(orders, _position(kind, bound, cursor, sorted_by)))
    page = page.order_by(*(order.clause() for order in orders))
    rows = session.execute(page.limit(limit + 1).offset(offset or None)).all()
    more, rows = len(rows) > limit, rows[:limit]
    total = None
    if condition is not ALL:
        counted = matching.add_columns(kind.key).limit(MOST_COUNTED + 1).subquery()
        number = session.scalar(select(func.count()).select_from(counted)) or 0
        total = number if number <= MOST_COUNTED else None
    return EntryPage(
        entries_of(session, kind, fields, [row[-1] for row in rows]),
        total=total,
        cursor=write_cursor(kind.name, bound, [*rows[-1]]) if more and rows else None,
    )


def number_of(session: Session, kind: EntryType) -> int:
    """Return how many entries there are."""
    ids = kind.source.with_only_columns(func.count(kind.key), maintain_column_froms=True)
    return session.scalar(ids if kind.frames else select(func.count(kind.key))) or 0


def entries_of(
    session: Session, kind: EntryType, names: Sequence[str], keys: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the entries with these ids.

    This is a second query, since a database computes the columns of every row that it sorts.
    """
    fields = [kind.properties[name] for name in names if name not in TOP_LEVEL]
    columns = {name: column for each in fields for name, column in each.columns.items()}
    rows = session.execute(
        kind.source.add_columns(
            kind.key.label("_key"), *(column.label(name) for name, column in columns.items())
        ).where(among(kind.key)),
        {KEYS: keys},
    )
    found = {row._key: {each.name: each.value(row) for each in fields} for row in rows}
    per_frame = [each.name for each in fields if isinstance(each, PerFrame)]
    if kind.frames is not None and per_frame:
        for key, lists in kind.frames(session, keys, per_frame).items():
            found[key].update(lists)
    return [{"id": key, "type": kind.name, "attributes": found[key]} for key in keys]


def sort_properties(kind: EntryType, sort: str) -> list[tuple[Scalar, bool]]:
    """Return the properties to sort by, each with whether it is descending, then the id.

    Raises:
        OptimadeError: a property does not exist or cannot be used for sorting.
    """
    sortable = {name: each for name, each in kind.properties.items() if each.sortable}
    found = []
    for part in filter(None, (part.strip() for part in sort.split(","))):
        name = part.removeprefix("-")
        each = sortable.get(name)
        if not isinstance(each, Scalar):
            raise OptimadeError(unknown_name("property to sort by", name, sortable), "sort")
        found.append((each, part.startswith("-")))
    by_id = kind.properties["id"]
    assert isinstance(by_id, Scalar)
    return [*found, (by_id, False)]


def _order(each: Scalar, descending: bool) -> Order:
    expression = each.expression
    if each.kind == "boolean":
        expression = cast(expression, Integer)  # truth values cannot be compared by < and >
    return Order(expression, descending, each.nullable)


def _position(
    kind: EntryType, bound: Mapping[str, Any], cursor: str, sorted_by: Sequence[tuple[Scalar, bool]]
) -> list[Any]:
    """Return the values in a cursor as parameters of the types of their columns."""
    try:
        values = read_cursor(kind.name, bound, cursor)
        return [_parameter(each, value) for (each, _), value in zip(sorted_by, values, strict=True)]
    except (ParameterError, ValueError, TypeError, RecursionError) as error:
        raise OptimadeError(
            "the cursor cannot be used; follow links.next of the page before unchanged",
            "page_cursor",
        ) from error


def _parameter(each: Scalar, value: Any) -> ColumnElement[Any] | None:
    if value is None and each.nullable:
        return None
    if each.kind == "timestamp":
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError(value)
        return literal(time, UtcDateTime)
    if each.kind == "string":
        if not isinstance(value, str) or "\0" in value:
            raise ValueError(value)
        return literal(value, Text)
    return number(value if each.kind == "float" else int(value))
