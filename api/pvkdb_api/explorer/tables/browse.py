"""A collection as a page: a table with filters, of which the address is the whole query.

The parameters of a page are those of the collection in the REST service, with ``columns`` beside
them, so that one query can be read as an address, a request, a line of Python and a file.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from pvkdb.errors import unknown_name
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.explorer.site.rendering import page, part, part_wanted
from pvkdb_api.explorer.tables.table import COLUMNS, Asked, Bounds, Choice, Table, quoted
from pvkdb_api.listing.cursors import write_cursor
from pvkdb_api.listing.parameters import query_model, split_names
from pvkdb_api.listing.queries import cursor_position, read_filters

#: Rows on a page, unless more are asked for.
ROWS = 50

#: Parameters of the REST service that a page has no use for.
_PROGRAMS_ONLY = {"facets", "fields"}


def browse(request: Request, session: Session, table: Table, **shown: Any) -> Response:
    """The page of a table, its results alone, or the counts beside its boxes.

    Raises:
        ParameterError: a parameter is unknown or its value cannot be used.
        RequestValidationError: a value is of another type.
    """
    asked = read(request, table)
    counts: QueryCache = request.app.state.query_cache
    wanted = part_wanted(request)
    if wanted == "counts":
        return JSONResponse(_counted(counts, session, asked), headers={"Cache-Control": "no-store"})
    with naming("cursor"):
        bound = {"filters": asked.filters, "sort": asked.sorting}
        after = cursor_position(table.collection, asked.sorting, bound, asked.query.cursor)
    limit = asked.query.limit
    found = table.collection.find(session, asked.search, limit, asked.sorting, after)
    name = table.collection.name
    results = {
        "table": table,
        "asked": asked,
        "rows": table.beside(counts, session, found.rows) if table.beside else found.rows,
        "cells": [(key, table.cells[key]) for key in asked.columns],
        "total": counts.get(
            session, name, asked.filters, lambda: table.collection.count(session, asked.search)
        ),
        "later": (
            asked.address(cursor=write_cursor(name, bound, json.dumps(found.place)))
            if found.place
            else None
        ),
        "chips": [*_chips(asked)],
        "orders": _orders(asked),
        "same": _same(request, asked),
        **table.extra,
        **shown,
    }
    if wanted == "results":
        return part(request, "_results.html", **results)
    return page(
        request,
        table.template,
        values={choice.name: _values(counts, session, asked, choice) for choice in table.choices},
        ranges=[_range(asked, entry) for entry in table.bounds],
        **results,
    )


def read(request: Request, table: Table) -> Asked:
    """The query of a page. What is empty was not asked; what is ticked twice is a list.

    Raises:
        ParameterError: a parameter is unknown or its value cannot be used.
        RequestValidationError: a value is of another type.
    """
    collection = table.collection
    model = query_model(collection)
    known = {COLUMNS, *table.own, *model.model_fields} - _PROGRAMS_ONLY
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise ParameterError(name[:60], unknown_name("parameter", name[:60], known))
        if value.strip():
            given[name] = f"{given[name]},{value}" if name in given else value
    columns = split_names(given.get(COLUMNS, "")) or table.shown
    for name in columns:
        if name not in table.cells:
            raise ParameterError(COLUMNS, unknown_name("column", name[:60], table.cells))
    query: Any = _validated(model, {"limit": str(ROWS), **_without(given, COLUMNS, *table.own)})
    filters, search = read_filters(collection, query)
    with naming("sort"):
        sorting = collection.sorting(query.sort)
    return Asked(table, given, query, filters, search, sorting, columns)


def _without(given: Mapping[str, str], *names: str) -> dict[str, str]:
    return {key: value for key, value in given.items() if key not in names}


def _validated(model: type[BaseModel], given: Mapping[str, str]) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        complaints = error.errors(include_url=False)
        raise RequestValidationError(
            [{**complaint, "loc": ("query", *complaint["loc"])} for complaint in complaints]
        ) from error


@dataclass(frozen=True, slots=True)
class Box:
    """A box to tick, and how many rows it stands for among those that the other filters leave."""

    value: str
    label: str
    ticked: bool
    count: int | None


def _values(counts: QueryCache, session: Session, asked: Asked, choice: Choice) -> list[Box]:
    """The boxes of a choice. Their counts for the query at hand follow later, asked for by the
    page's script: they take longer than the rows."""
    ticked = asked.chosen(choice.name)
    counted = {} if asked.filters else _count_of(counts, session, asked, choice)
    if choice.values:
        return [
            Box(quoted(value), label, value in ticked, counted.get(value))
            for value, label in choice.values
        ]
    if asked.filters:
        counted = _facet(counts, session, asked, choice, {})
    return [
        Box(quoted(str(value)), str(value), str(value) in ticked, None if asked.filters else number)
        for value, number in counted.items()
        if value is not None
    ]


def _counted(counts: QueryCache, session: Session, asked: Asked) -> dict[str, dict[str, int]]:
    """How many rows each box stands for: of the filters, its own choice does not count."""
    found = {}
    for choice in asked.table.choices:
        if choice.has_counts:
            counted = _count_of(counts, session, asked, choice)
            found[choice.name] = {
                quoted(str(value)): number for value, number in counted.items() if value is not None
            }
    return found


def _count_of(counts: QueryCache, session: Session, asked: Asked, choice: Choice) -> dict[Any, int]:
    """How many rows each value of a choice stands for."""
    if not choice.has_counts:
        return {}
    others = {name: value for name, value in asked.filters.items() if name != choice.name}
    if not choice.values:
        return _facet(counts, session, asked, choice, others)
    collection = asked.table.collection
    ticked = asked.filters.get(choice.name, ()) if choice.every else ()
    found = {}
    for value, _ in choice.values:
        filters = {**others, choice.name: tuple(dict.fromkeys((*ticked, value)))}
        found[value] = counts.get(
            session, collection.name, filters, partial(collection.count, session, filters)
        )
    return found


def _facet(
    counts: QueryCache, session: Session, asked: Asked, choice: Choice, filters: Mapping[str, Any]
) -> dict[Any, int]:
    collection = asked.table.collection
    return counts.get(
        session,
        f"{collection.name}/{choice.name}",
        filters,
        lambda: collection.facet(session, filters, choice.name),
    )


def _range(asked: Asked, entry: Bounds) -> dict[str, Any]:
    ends = [f"{entry.name}_{end}" for end in ("min", "max")]
    return {
        "entry": entry,
        "ends": [
            (name, "from" if name.endswith("min") else "to", asked.given.get(name, ""))
            for name in ends
            if name in asked.table.collection.filters
        ],
    }


def _chips(asked: Asked) -> Iterator[tuple[str, str]]:
    """Each filter in words, with the address of the page without it."""
    labels = {entry.name: entry.label for entry in asked.table.choices}
    labels |= {"q": "words", **dict(asked.table.switches), **dict(asked.table.texts)}
    for entry in asked.table.bounds:
        unit = f" {entry.unit}" if entry.unit else ""
        for end, sign in (("min", "≥"), ("max", "≤")):
            name = f"{entry.name}_{end}"
            if name in asked.filters:
                text = f"{entry.label} {sign} {asked.given[name]}{unit}"
                yield text, asked.address(**{name: None})
    stems = tuple(f"{entry.name}_{end}" for entry in asked.table.bounds for end in ("min", "max"))
    for name, value in asked.filters.items():
        if name in stems:
            continue
        if isinstance(value, tuple):
            for one in value:
                rest = ",".join(quoted(other) for other in value if other != one)
                yield f"{labels.get(name, name)}: {one}", asked.address(**{name: rest or None})
        else:
            shown = {True: "yes", False: "no"}.get(value, value)
            yield f"{labels.get(name, name)}: {shown}", asked.address(**{name: None})


def _orders(asked: Asked) -> dict[str, tuple[str, str | None]]:
    """For each cell that sorts: the address that does, and how it is sorted now.

    Numbers begin with the largest, texts with the first.
    """
    leading, falling = asked.sorting[0]
    found = {}
    for key in asked.columns:
        cell = asked.table.cells[key]
        if cell.sort is None:
            continue
        now = None
        if asked.given.get("sort") and cell.sort == leading:
            now = "descending" if falling else "ascending"
        first, second = (f"-{cell.sort}", cell.sort)
        if not cell.numeric:
            first, second = second, first
        turned = (
            second if now == ("descending" if first.startswith("-") else "ascending") else first
        )
        found[key] = (asked.address(sort=turned), now)
    return found


def _same(request: Request, asked: Asked) -> dict[str, str]:
    """The same query for programs."""
    root = str(request.base_url).rstrip("/")
    name = asked.table.collection.name
    rest = f"{root}{asked.request(f'{API}/{name}')}"
    return {
        "rest": rest,
        "curl": f"curl {shlex.quote(rest)}",
        "python": _python(root, asked),
        "csv": asked.request(f"{API}/export/{name}", limit="", format="csv"),
    }


def _python(root: str, asked: Asked) -> str:
    """The query as lines of Python: ranges as pairs, as the client takes them."""
    arguments: dict[str, Any] = {}
    for name, value in asked.filters.items():
        stem, _, end = name.rpartition("_")
        if end in ("min", "max") and not isinstance(value, tuple) and stem:
            low, high = arguments.get(stem, (None, None))
            arguments[stem] = (value, high) if end == "min" else (low, value)
        elif isinstance(value, tuple):
            arguments[name] = value[0] if len(value) == 1 else [*value]
        else:
            arguments[name] = value
    if asked.given.get("sort"):
        arguments["sort"] = asked.given["sort"]
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return (
        f"import pvkdb\n\nwith pvkdb.Client({root!r}) as client:\n"
        f"    rows = client.{asked.table.collection.name}.search({call})\n"
        f"    table = rows.to_dataframe()"
    )
