"""From a collection's table of filters to typed query parameters, and from those to a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from pvkdb.errors import unknown_name
from pvkdb.schemas.responses import FacetValue, Page
from pvkdb.schemas.tables import Row
from pvkdb.store.collections.collection import CursorPosition, Filter, Sorting
from pvkdb.store.collections.in_memory import Listed
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.etags import answer
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.listing.cursors import read_cursor, unreadable, write_cursor
from pvkdb_api.listing.list_parameters import LONGEST_LIST, names_type, split_names, split_values

#: Text that both databases take: PostgreSQL stores no NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
ListText = Annotated[str, Field(min_length=1, max_length=LONGEST_LIST, pattern=r"^[^\x00]*$")]

#: The type of a parameter for the type that a filter names, bounded to what both databases hold.
PARAMETER_TYPES: dict[type, Any] = {
    str: Text,
    float: Annotated[float, Field(allow_inf_nan=False)],
    int: Annotated[int, Field(ge=-(2**31), lt=2**31)],
    bool: bool,
}

#: Member of an OpenAPI schema that names the separator of a parameter with several values.
SEPARATOR = {"x-separator": ","}

MOST_ROWS = 500


class PageQuery(BaseModel):
    """Query parameters of every collection."""

    limit: int = Field(
        default=100,
        ge=0,
        le=MOST_ROWS,
        description="Rows on a page; 0 only counts.",
        examples=[100],
    )
    cursor: Annotated[str, Field(max_length=4000)] | None = Field(
        default=None, description="next_cursor of the page before."
    )


@cache
def query_model(collection: Listed) -> type[BaseModel]:
    """The query parameters of a collection: its filters, with fields, order, limit and cursor."""
    facets = names_type(collection.facets) | None
    return create_model(
        f"{collection.name.title()}Query",
        __base__=PageQuery,
        **filter_fields(collection),
        **fields_field(collection.row),
        **sort_field(collection),
        facets=(
            facets,
            Field(
                default=None,
                description="Fields whose values are to be counted, by commas.",
                examples=[next(iter(collection.facets))],
            ),
        ),
    )


def fields_field(row: type[Row]) -> dict[str, Any]:
    """The parameter ``fields`` for rows, as a field of a model."""
    columns = row.columns()
    return {
        "fields": (
            names_type(columns) | None,
            Field(
                default=None,
                description="Only these fields of each row, by commas.",
                examples=[",".join(columns[:2])],
            ),
        )
    }


def sort_field(collection: Listed) -> dict[str, Any]:
    """The parameter ``sort`` of a collection, as a field of a model."""
    return {
        "sort": (
            names_type(collection.sortable, "-?") | None,
            Field(
                default=None,
                description="Fields to sort by, by commas; a minus before a name: largest first. "
                "Rows without a value come last.",
                examples=[f"-{collection.key_name or next(iter(collection.sortable))}"],
            ),
        )
    }


def filter_fields(collection: Listed) -> dict[str, Any]:
    """The filters of a collection as fields of a model."""
    return {
        name: (
            parameter_type(entry) | None,
            Field(
                default=None,
                description=entry.description,
                json_schema_extra=dict(SEPARATOR) if entry.many else None,
                examples=None if entry.example is None else [entry.example],
            ),
        )
        for name, entry in collection.filters.items()
    }


def parameter_type(entry: Filter[Any]) -> Any:
    """The type of the parameter of a filter."""
    if entry.choices:
        return names_type(entry.choices)
    return ListText if entry.many else PARAMETER_TYPES[entry.type]


def read_filters(collection: Listed, query: BaseModel) -> tuple[dict[str, Any], Any]:
    """The filters of a query with their values, and what to look for.

    Raises:
        ParameterError: a value cannot be used.
    """
    filters: dict[str, Any] = {}
    matching: Any = collection.current()
    for name, entry in collection.filters.items():
        value = getattr(query, name)
        if value is None:
            continue
        if entry.many:
            value = split_names(value) if entry.choices else split_values(value)
        filters[name] = value
        with naming(name):
            matching = collection.narrow(matching, name, value)
    return filters, matching if filters else {}


def read_fields(row: type[Row], text: str | None) -> list[str] | None:
    """The fields that a ``fields`` parameter names; None for all.

    Raises:
        ParameterError: there is no such field; names the nearest one.
    """
    if text is None:
        return None
    names = split_names(text)
    for name in names:
        if name not in row.model_fields:
            raise ParameterError("fields", unknown_name("field", name[:60], row.model_fields))
    return [*names]


def page_answer(
    request: Request,
    session: Session,
    collection: Listed,
    query: Any,
    dataset_version: str,
) -> Response:
    """A page of a collection, as the answer to a request.

    Raises:
        ParameterError: a filter's value, a field, the order or the cursor cannot be used.
    """
    filters, search = read_filters(collection, query)
    fields = read_fields(collection.row, query.fields)
    facets = split_names(query.facets or "")
    for name in facets:
        if name not in collection.facets:
            known = collection.facets
            raise ParameterError("facets", unknown_name("facet", name[:60], known))
    with naming("sort"):
        sorting = collection.sorting(query.sort)
    bound = {"filters": filters, "sort": sorting}
    after = place_of(collection, sorting, bound, query.cursor)
    rows: list[Any] = []
    place = None
    if query.limit:
        found = collection.find(session, search, query.limit, sorting, after)
        rows, place = found.rows, found.place
    counts: QueryCache = request.app.state.query_cache
    row: Any = collection.row
    page = _page_of(row)(
        data=rows,
        total=counts.get(
            session, collection.name, filters, lambda: collection.count(session, search)
        ),
        next_cursor=write_cursor(collection.name, bound, json.dumps(place)) if place else None,
        dataset_version=dataset_version,
        facets={name: _facet(counts, session, collection, filters, search, name) for name in facets}
        or None,
    )
    include: Any = None
    if fields is not None:
        others = dict.fromkeys(Page.model_fields, True)
        include = {**others, "data": {"__all__": set(fields)}}
    return answer(request, page.model_dump_json(include=include))


@cache
def _page_of(row: type[Row]) -> type[Page[Any]]:
    """The pages of rows; pydantic would build the model anew each time."""
    return Page[row]  # type: ignore[valid-type]


def _facet(
    counts: QueryCache,
    session: Session,
    collection: Listed,
    filters: Mapping[str, Any],
    search: Any,
    name: str,
) -> list[FacetValue]:
    counted = counts.get(
        session,
        f"{collection.name}/{name}",
        filters,
        lambda: collection.facet(session, search, name),
    )
    return [FacetValue(value=value, count=number) for value, number in counted.items()]


def place_of(
    collection: Listed,
    sorting: Sequence[Sorting],
    bound: Mapping[str, Any],
    cursor: str | None,
) -> CursorPosition | None:
    """The place that a cursor stands for, None without one.

    Raises:
        ParameterError: the cursor is not one of this query.
    """
    if cursor is None:
        return None
    try:
        place = json.loads(read_cursor(collection.name, bound, cursor))
        collection.place(sorting, place)
    except (ValueError, TypeError, RecursionError) as error:
        raise unreadable() from error
    return [*place]


def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not know, and those given twice.

    Raises:
        ParameterError: names the nearest parameter that the route knows.
    """
    operation = request.app.openapi()["paths"][request.scope["route"].path]
    known = [
        parameter["name"]
        for parameter in operation[request.method.lower()].get("parameters", ())
        if parameter["in"] == "query"
    ]
    for name in request.query_params:
        if name not in known:
            raise ParameterError(name[:60], _unknown(name[:60], known))
        if len(request.query_params.getlist(name)) > 1:
            raise ParameterError(name, f"{name!r} is given more than once; give it once")


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"there is no parameter {name!r}; this path takes none"
    return unknown_name("parameter", name, known)
