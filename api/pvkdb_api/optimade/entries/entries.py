"""What an entry type is, and reading a page of its entries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, cast, func, literal, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.errors import unknown_name
from pvkdb.store.base import UtcDateTime
from pvkdb.store.collections.keyset import Order, behind
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.core.refusals import ParameterError
from pvkdb_api.listing.cursors import read_cursor, write_cursor
from pvkdb_api.optimade.entries.properties import Property, Scalar, number
from pvkdb_api.optimade.errors import RefusedError

#: Members of an entry that stand beside its attributes.
TOP_LEVEL = ("id", "type", "relationships", "links")

#: The condition that every entry fulfils.
ALL: ColumnElement[bool] = true()

#: Keys of the references behind some entries, by the entry's id.
RelatedReferences = Callable[[Session, Sequence[str]], Mapping[str, Sequence[str]]]


@dataclass(frozen=True, eq=False)
class EntryType:
    """An entry type: its properties, and where its entries come from.

    ``source`` joins the tables that the properties speak of, one row an entry; it selects nothing
    by itself. ``key`` is the id. ``relations`` can be filtered by and stand beside the attributes.
    """

    name: str
    description: str
    source: Select[Any]
    key: InstrumentedAttribute[str]
    properties: Mapping[str, Property]
    relations: Mapping[str, Property] = field(default_factory=dict)
    related_references: RelatedReferences | None = None

    @property
    def searchable(self) -> Mapping[str, Property]:
        """What a filter may name."""
        return {**self.properties, **self.relations}


@dataclass(frozen=True, eq=False)
class Listing:
    """Which entries are wanted, in which order, with which attributes."""

    condition: ColumnElement[bool]
    filter: str
    sort: str
    fields: tuple[str, ...]
    limit: int
    cursor: str | None = None
    offset: int = 0


@dataclass(frozen=True)
class Found:
    """A page of entries as JSON; ``total`` counts all pages, ``cursor`` leads to the next one."""

    entries: list[dict[str, Any]]
    total: int
    available: int
    cursor: str | None


def find(session: Session, kind: EntryType, wanted: Listing) -> Found:
    """A page of entries.

    Raises:
        RefusedError: the order or the cursor cannot be used.
    """
    sorted_by = sort_properties(kind, wanted.sort)
    orders = [_order(each, descending) for each, descending in sorted_by]
    matching = kind.source.where(wanted.condition)
    page = matching.add_columns(*(each.expression for each, _ in sorted_by))
    bound = {"filter": wanted.filter, "sort": wanted.sort}
    if wanted.cursor is not None:
        page = page.where(behind(orders, _place(kind, bound, wanted.cursor, sorted_by)))
    page = page.order_by(*(clause for order in orders for clause in order.clauses()))
    places = session.execute(page.limit(wanted.limit + 1).offset(wanted.offset or None)).all()
    more, places = len(places) > wanted.limit, places[: wanted.limit]
    cursor = None
    if more and places:
        cursor = write_cursor(kind.name, bound, json.dumps([*places[-1]], default=str))
    available = session.scalar(select(func.count(kind.key))) or 0
    return Found(
        entries_of(session, kind, wanted.fields, [place[-1] for place in places]),
        total=available if wanted.condition is ALL else _count(session, matching),
        available=available,
        cursor=cursor,
    )


def entries_of(
    session: Session, kind: EntryType, names: Sequence[str], keys: Sequence[str]
) -> list[dict[str, Any]]:
    """The entries with these ids. Apart from the search, since a database that sorts works out
    the columns of every row that it sorts."""
    fields = [kind.properties[name] for name in names if name not in TOP_LEVEL]
    columns = {name: column for each in fields for name, column in each.columns.items()}
    rows = session.execute(
        kind.source.add_columns(
            kind.key.label("_key"), *(column.label(name) for name, column in columns.items())
        ).where(among(kind.key)),
        {KEYS: keys},
    )
    found = {row._key: {each.name: each.value(row) for each in fields} for row in rows}
    return [{"id": key, "type": kind.name, "attributes": found[key]} for key in keys]


def sort_properties(kind: EntryType, sort: str) -> list[tuple[Scalar, bool]]:
    """What a ``sort`` parameter names, each with whether it descends; the id decides in the end.

    Raises:
        RefusedError: a property does not exist or cannot be sorted by.
    """
    sortable = {name: each for name, each in kind.properties.items() if each.sortable}
    found = []
    for part in filter(None, (part.strip() for part in sort.split(","))):
        name = part.removeprefix("-")
        each = sortable.get(name)
        if not isinstance(each, Scalar):
            raise RefusedError(unknown_name("property to sort by", name, sortable), "sort")
        found.append((each, part.startswith("-")))
    by_id = kind.properties["id"]
    assert isinstance(by_id, Scalar)
    return [*found, (by_id, False)]


def _order(each: Scalar, descending: bool) -> Order:
    expression = each.expression
    if each.kind == "boolean":
        expression = cast(expression, Integer)  # truth values cannot be compared by < and >
    return Order(expression, descending, each.nullable)


def _place(
    kind: EntryType,
    bound: Mapping[str, Any],
    cursor: str,
    sorted_by: Sequence[tuple[Scalar, bool]],
) -> list[Any]:
    """The values that a cursor stands for, as parameters of the types of their columns."""
    try:
        values = json.loads(read_cursor(kind.name, bound, cursor))
        return [_parameter(each, value) for (each, _), value in zip(sorted_by, values, strict=True)]
    except (ParameterError, ValueError, TypeError, RecursionError) as error:
        raise RefusedError(
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


def _count(session: Session, source: Select[Any]) -> int:
    return session.scalar(source.add_columns(func.count())) or 0
