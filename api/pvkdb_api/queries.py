"""From a collection's table of filters to typed query parameters, and from those to a page."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.responses import Page
from pvkdb.schemas.tables import Row
from pvkdb.store.collection import Collection
from pvkdb_api.cursors import read_cursor, write_cursor
from pvkdb_api.problems import ParameterError, naming

RowT = TypeVar("RowT", bound=Row)

#: Text that both databases take: PostgreSQL stores no NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

#: The type of a parameter for the type that a filter names, bounded to what both databases hold.
PARAMETER_TYPES: dict[type, Any] = {
    str: Text,
    float: Annotated[float, Field(allow_inf_nan=False)],
    int: Annotated[int, Field(ge=-(2**31), lt=2**31)],
    bool: bool,
}


class PageQuery(BaseModel):
    """Query parameters of every collection."""

    limit: int = Field(default=100, ge=1, le=500, description="Rows on a page.")
    cursor: str | None = Field(
        default=None, max_length=1000, description="next_cursor of the page before."
    )


def query_model(collection: Collection[Any]) -> type[PageQuery]:
    """The query parameters of a collection: its filters, with limit and cursor."""
    fields: dict[str, Any] = {
        name: (
            PARAMETER_TYPES[entry.type] | None,
            Field(default=None, description=entry.description),
        )
        for name, entry in collection.filters.items()
    }
    return create_model(f"{collection.name.title()}Query", __base__=PageQuery, **fields)


def read_page(
    session: Session, collection: Collection[RowT], query: PageQuery, dataset_version: str
) -> Page[RowT]:
    """A page of a collection.

    Raises:
        ParameterError: a filter's value or the cursor cannot be used.
    """
    filters = query.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    for name, value in filters.items():
        with naming(name):
            collection.select({name: value})
    after = None
    if query.cursor is not None:
        after = read_cursor(collection.name, filters, query.cursor)
    try:
        rows = collection.page(session, filters, query.limit + 1, after)
    except NotFoundError as error:
        raise ParameterError("cursor", str(error)) from error
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    last = str(getattr(rows[-1], collection.key.key)) if more else ""
    return Page[collection.row](  # type: ignore[name-defined]
        data=rows,
        total=collection.count(session, filters),
        next_cursor=write_cursor(collection.name, filters, last) if more else None,
        dataset_version=dataset_version,
    )


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
