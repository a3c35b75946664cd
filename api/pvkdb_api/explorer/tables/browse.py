"""Pages that show a collection as a table with filters; the address is the whole query.

A page has the parameters of the collection in the REST service, and ``columns``. So the
page can show its query as an address, a REST request, Python code and a file.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from pvkdb.errors import naming
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.explorer.site.parameters import given_parameters, known_choice
from pvkdb_api.explorer.site.rendering import (
    client_code,
    page,
    part,
    part_json,
    part_wanted,
    service_root,
)
from pvkdb_api.explorer.tables.table import (
    COLUMNS,
    ChoiceFilter,
    TablePage,
    TableQuery,
    quoted,
)
from pvkdb_api.listing.cursors import write_cursor
from pvkdb_api.listing.parameters import query_model, split_names
from pvkdb_api.listing.queries import count_rows, cursor_position, read_filters

#: Rows on a page by default.
ROWS = 50

#: Parameters of the REST service that pages do not have.
_REST_ONLY = {"facets", "fields"}


def browse(request: Request, session: Session, table: TablePage, **context: Any) -> Response:
    """Return a table page, or only its results, or only the counts beside its checkboxes.

    Raises:
        ParameterError: A parameter is unknown or has an invalid value.
        RequestValidationError: A value has the wrong type.
    """
    query = read_query(request, table)
    counts: QueryCache = request.app.state.query_cache
    wanted = part_wanted(request)
    if wanted == "counts":
        return part_json(BoxCounts(counts, session, query).all())
    with naming("cursor"):
        bound = {"filters": query.filters, "sort": query.sorting}
        after = cursor_position(table.collection, query.sorting, bound, query.query.cursor)
    collection, name = table.collection, table.collection.name
    most = collection.most_counted
    total, more = count_rows(counts, session, collection, query.filters, most)
    found = collection.find(
        session, query.filters, query.query.limit, query.sorting, after, total + more
    )
    extend = table.extend_rows
    context |= {
        "table": table,
        "query": query,
        "rows": extend(session, found.rows) if extend else found.rows,
        "columns": [(key, table.columns[key]) for key in query.columns],
        "total": total,
        "more": more,
        "next_page": (
            query.address(cursor=write_cursor(name, bound, found.place)) if found.place else None
        ),
        "active_filters": [*_active_filters(query)],
        "sort_links": _sort_links(query),
        "code": _code(request, query),
    }
    if wanted == "results":
        return part(request, "_results.html", **context)
    boxes = BoxCounts(counts, session, query)
    context["checkboxes"] = {each.name: boxes.checkboxes(each) for each in table.choices}
    return page(request, table.template, **context)


def read_query(request: Request, table: TablePage) -> TableQuery:
    """Return the query in the address of a page.

    Raises:
        ParameterError: A parameter is unknown or has an invalid value.
        RequestValidationError: A value has the wrong type.
    """
    collection = table.collection
    model = query_model(collection)
    page_only = {COLUMNS, *table.page_parameters}
    given = given_parameters(request, {*page_only, *model.model_fields} - _REST_ONLY)
    columns = split_names(given.get(COLUMNS, "")) or table.default_names
    for name in columns:
        known_choice(COLUMNS, name, table.columns, "column")
    rest = {name: value for name, value in given.items() if name not in page_only}
    query: Any = _validated(model, {"limit": str(ROWS), **rest})
    filters = read_filters(collection, query)
    with naming("sort"):
        sorting = collection.sorting(query.sort or table.default_sort)
    return TableQuery(table, given, query, filters, sorting, columns)


def _validated(model: type[BaseModel], given: Mapping[str, str]) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise RequestValidationError(
            [{**problem, "loc": ("query", *problem["loc"])} for problem in problems]
        ) from error


@dataclass(frozen=True, slots=True)
class Checkbox:
    """A checkbox of a filter and the number of rows that match it and all other filters."""

    value: str
    label: str
    checked: bool
    count: int | str | None


@dataclass(frozen=True, slots=True)
class BoxCounts:
    """Counts the rows behind the checkboxes of a page."""

    counts: QueryCache
    session: Session
    query: TableQuery

    def checkboxes(self, choice: ChoiceFilter) -> list[Checkbox]:
        """Return the checkboxes of a filter.

        If filters are set, the counts take longer than the rows; the script of the page requests
        them afterwards.
        """
        filtered, chosen = bool(self.query.filters), self.query.chosen(choice.name)
        counted = {} if filtered else self.of(choice)
        if choice.values:
            return [
                Checkbox(quoted(value), label, value in chosen, counted.get(value))
                for value, label in choice.values
            ]
        known = self._facet(choice, {}) if filtered else counted
        return [
            Checkbox(quoted(text), text, text in chosen, None if filtered else count)
            for text, count in ((str(each), n) for each, n in known.items() if each is not None)
        ]

    def all(self) -> dict[str, dict[str, int | str]]:
        """Return the counts by filter and value."""
        return {
            choice.name: {
                quoted(str(value)): number
                for value, number in self.of(choice).items()
                if value is not None
            }
            for choice in self.query.table.choices
            if choice.has_counts
        }

    def of(self, choice: ChoiceFilter) -> Mapping[Any, int | str]:
        """Return the number of rows for each value of a filter, with the other filters set."""
        if not choice.has_counts:
            return {}
        filters, collection = self.query.filters, self.query.table.collection
        others = {name: value for name, value in filters.items() if name != choice.name}
        most = collection.most_counted
        values = [value for value, _ in choice.values]
        if not values and others and most is not None and collection.counts is None:
            seen = self._facet(choice, others, most)
            _, cut = count_rows(self.counts, self.session, collection, others, most)
            return {value: f"{number:,}+" if cut else number for value, number in seen.items()}
        if not values and (most is None or not others):
            return self._facet(choice, others)
        chosen = filters.get(choice.name, ()) if choice.every else ()
        found: dict[Any, int | str] = {}
        for value in values or self._facet(choice, {}):
            if value is not None:
                asked = {**others, choice.name: tuple(dict.fromkeys((*chosen, value)))}
                number, more = count_rows(self.counts, self.session, collection, asked, most)
                found[value] = f"{number:,}+" if more else number
        return found

    def _facet(
        self, choice: ChoiceFilter, filters: Mapping[str, Any], most: int | None = None
    ) -> dict[Any, int]:
        collection = self.query.table.collection
        facet = partial(collection.facet, self.session, filters, choice.name, most)
        name = f"{collection.name}/{choice.name}/{most or 'all'}"
        return self.counts.get(self.session, name, filters, facet)


def _active_filters(query: TableQuery) -> Iterator[tuple[str, str]]:
    """Yield each filter in words, and the address of the page without it."""
    table = query.table
    labels = {entry.name: entry.label for entry in table.choices}
    labels |= {"q": "words", **dict(table.switches), **dict(table.texts)}
    ends = {
        f"{entry.name}_{end}": (entry, sign)
        for entry in table.ranges
        for end, sign in (("min", "≥"), ("max", "≤"))
    }
    for name in sorted(ends.keys() & query.filters, key=[*ends].index):
        entry, sign = ends[name]
        unit = f" {entry.unit}" if entry.unit else ""
        yield f"{entry.label} {sign} {query.given[name]}{unit}", query.address(**{name: None})
    for name, value in query.filters.items():
        if name in ends:
            continue
        label = labels.get(name, name)
        if isinstance(value, tuple):
            for one in value:
                rest = ",".join(quoted(other) for other in value if other != one)
                yield f"{label}: {one}", query.address(**{name: rest})
        else:
            shown = {True: "yes", False: "no"}.get(value, value)
            yield f"{label}: {shown}", query.address(**{name: None})


def _sort_links(query: TableQuery) -> dict[str, tuple[str, str | None]]:
    """Return for each sortable column: the address that sorts by it, and its present order.

    The first click sorts numbers from the largest and texts from the first.
    """
    leading, falling = query.sorting[0]
    links = {}
    for key in query.columns:
        column = query.table.columns[key]
        if column.sort is None:
            continue
        now = None
        if query.given.get("sort") and column.sort == leading:
            now = "descending" if falling else "ascending"
        first, second = (
            ("descending", "ascending") if column.numeric else ("ascending", "descending")
        )
        order = second if now == first else first
        sign = "-" if order == "descending" else ""
        links[key] = (query.address(sort=f"{sign}{column.sort}"), now)
    return links


def _code(request: Request, query: TableQuery) -> dict[str, str]:
    """Return the same query as a REST request, a curl command, Python code and a CSV file."""
    name = query.table.collection.name
    rest = service_root(request) + query.request(f"{API}/{name}")
    return {
        "rest": rest,
        "curl": f"curl {shlex.quote(rest)}",
        "python": client_code(
            request,
            f"rows = client.{name}.search({_search_arguments(query)})",
            "table = rows.to_dataframe()",
        ),
        "csv": query.request(f"{API}/export/{name}", limit="", format="csv"),
    }


def _search_arguments(query: TableQuery) -> str:
    """Return the query as arguments of the Python client, in which a range is a pair."""
    arguments: dict[str, Any] = {}
    for name, value in query.filters.items():
        stem, _, end = name.rpartition("_")
        if isinstance(value, tuple):
            arguments[name] = value[0] if len(value) == 1 else [*value]
        elif end in ("min", "max") and stem:
            low, high = arguments.get(stem, (None, None))
            arguments[stem] = (value, high) if end == "min" else (low, value)
        else:
            arguments[name] = value
    if order := query.given.get("sort") or query.table.default_sort:
        arguments["sort"] = order
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
