"""Reading of query parameters, and the page of rows that they select."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import ParameterError, naming, unknown_name
from pvkdb.schemas.responses import FacetValue, Page
from pvkdb.schemas.tables import Row
from pvkdb.store.collections.collection import Collection, Search
from pvkdb.store.collections.keyset import CursorPosition, Sorting
from pvkdb_api.core.cache import QUEUE, QueryCache
from pvkdb_api.core.etags import answer
from pvkdb_api.listing.cursors import read_cursor, unreadable, write_cursor
from pvkdb_api.listing.parameters import split_names, split_values

#: Seconds after which a kept page of unchanged data is made again.
KEPT_S = 60.0


def read_filters(collection: Collection[Any], query: BaseModel) -> Search:
    """Return the values of a query's filters by name, with their conditions.

    Raises:
        ParameterError: a value cannot be used.
    """
    filters: dict[str, Any] = {}
    for name, entry in collection.filters.items():
        value = getattr(query, name)
        if entry.many and value is not None:
            value = split_names(value) if entry.choices else split_values(value)
        filters[name] = value
    return cast("Search", collection.search(filters))


def read_fields(row: type[BaseModel], text: str | None) -> list[str] | None:
    """Return the fields named in a ``fields`` parameter; None for all, also where it names none.

    Raises:
        ParameterError: a field does not exist; names the nearest one.
    """
    names = split_names(text) if text else []
    for name in names:
        if name not in row.model_fields:
            raise ParameterError("fields", unknown_name("field", name[:60], row.model_fields))
    return [*names] or None


def page_answer(
    request: Request,
    session: Session,
    collection: Collection[Any],
    query: BaseModel,
    dataset_version: str,
) -> Response:
    """Return a page of a collection as the answer to a request.

    It is kept while the data are the same. What another program writes past pvkdb is not counted
    as a change of them: it shows within :data:`KEPT_S`.

    Raises:
        ParameterError: a filter's value, a field, the order or the cursor cannot be used.
    """
    app = request.app.state

    def make() -> str:
        return _page(app.query_cache, session, collection, query, dataset_version)

    if collection.name in QUEUE:
        return answer(request, make())
    asked = {"version": dataset_version, "period": time.monotonic() // KEPT_S}
    asked |= query.model_dump(mode="json")
    return answer(request, app.page_cache.get(session, collection.name, asked, make))


def _page(
    results: QueryCache,
    session: Session,
    collection: Collection[Any],
    query: Any,
    dataset_version: str,
) -> str:
    filters = read_filters(collection, query)
    fields = read_fields(collection.row, query.fields)
    facets = split_names(query.facets) if query.facets else []
    for name in facets:
        if name not in collection.facets:
            known = collection.facets
            raise ParameterError("facets", unknown_name("facet", name[:60], known))
    with naming("sort"):
        sorting = collection.sorting(query.sort)
    bound = {"filters": filters, "sort": sorting}
    after = cursor_position(collection, sorting, bound, query.cursor)
    most = collection.most_counted if query.limit else None
    counted_as = _counted_as(collection, most)
    total, more = count_rows(results, session, collection, filters, most)
    rows: list[Any] = []
    place = None
    if query.limit and total:
        named = fields and [name for name in collection.row.model_fields if name in fields]
        found = collection.find(session, filters, query.limit, sorting, after, total + more, named)
        rows, place = found.rows, found.place

    def count_values(facet: str) -> list[FacetValue]:
        counted = results.get(
            session,
            f"{counted_as}/{facet}",
            filters,
            lambda: collection.facet(session, filters, facet, most),
        )
        return [FacetValue(value=value, count=number) for value, number in counted.items()]

    row: Any = type(rows[0]) if rows else collection.row
    page = _page_of(row)(
        data=rows,
        total=total,
        more_than_total=more,
        next_cursor=write_cursor(collection.name, bound, place) if place else None,
        dataset_version=dataset_version,
        facets={name: count_values(name) for name in facets} or None,
    )
    return page.model_dump_json()


def count_rows(
    results: QueryCache,
    session: Session,
    collection: Collection[Any],
    filters: Mapping[str, Any],
    most: int | None,
) -> tuple[int, bool]:
    """Return the number of rows that match, and whether more do, which were not counted.

    ``most`` is the collection's ``most_counted``, or None to count all.
    """
    number = results.get(
        session,
        _counted_as(collection, most),
        filters,
        lambda: collection.count(session, filters, most),
    )
    more = most is not None and number == most + 1
    return number - more, more


def _counted_as(collection: Collection[Any], most: int | None) -> str:
    return collection.name if most is None else f"{collection.name}, {most} at most"


@lru_cache(maxsize=500)
def _page_of(row: type[Row]) -> type[Page[Any]]:
    """Return the type of a page of rows; pydantic would build the model each time."""
    return Page[row]  # type: ignore[valid-type]


def cursor_position(
    collection: Collection[Any],
    sorting: Sequence[Sorting],
    bound: Mapping[str, Any],
    cursor: str | None,
) -> CursorPosition | None:
    """Return the position that a cursor contains; None without a cursor.

    Raises:
        ParameterError: the cursor does not belong to this query.
    """
    if cursor is None:
        return None
    place = read_cursor(collection.name, bound, cursor)
    try:
        collection.place(sorting, place)
    except (ValueError, TypeError, RecursionError) as error:
        raise unreadable() from error
    return [*place]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse unknown query parameters, and parameters given twice that are no lists.

    It needs no thread, which ``/livez`` would have to wait for.

    Raises:
        ParameterError: names the nearest parameter of the route.
    """
    known = dict(_query_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            none = f"there is no parameter {name[:60]!r}; this path takes none"
            message = unknown_name("parameter", name[:60], known) if known else none
            raise ParameterError(name[:60], message)
        if len(request.query_params.getlist(name)) > 1 and "list[" not in str(known[name]):
            raise ParameterError(name, f"{name!r} is given more than once; give it once")


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """Yield the query parameters of a route with their types."""
    for field in dependant.query_params:
        of_model = getattr(field.field_info.annotation, "model_fields", None)
        for name, info in (of_model or {field.alias: field.field_info}).items():
            yield info.alias or name, info.annotation
    for each in dependant.dependencies:
        yield from _query_parameters(each)
