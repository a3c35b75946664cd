"""The data dictionary, and the tables that have no page of their own."""

from __future__ import annotations

import itertools
from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.tables import TABLES
from pvkdb.schemas.tables.columns import SOURCES
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.collections.export import table_rows
from pvkdb.store.files.table_files import FORMATS
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.rendering import link, page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.generic import plain_cells, searchable, sentence
from pvkdb_api.explorer.tables.table import Table
from pvkdb_api.listing.parameters import Text

router = APIRouter(include_in_schema=False)

#: Tables that have pages of their own.
ELSEWHERE = {
    "materials": "/materials",
    "devices": "/devices",
    "references": "/references",
    "calculations": "/jobs",
    "rankings": "/applications",
}

#: Rows of a table that is shown as a whole; its file holds all.
MOST = 1000

TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "datetime": "time",
    "array": "list",
}


@router.get("/dictionary")
def get_dictionary(request: Request, session: ReadSession) -> Response:
    """What every column of every table means."""
    return page(
        request,
        "dictionary.html",
        tables=TABLES,
        formats=[*FORMATS],
        sources=SOURCES,
        types=TYPES,
        sentence=sentence,
    )


@router.get("/tables")
def get_tables() -> Response:
    """The list of tables is the beginning of the dictionary."""
    return RedirectResponse("/dictionary", HTTPStatus.SEE_OTHER)


@router.get("/tables/{name}")
def get_table(request: Request, session: ReadSession, name: Text) -> Response:
    """The rows of a table.

    Raises:
        NotFoundError: no table has this name; names the nearest one.
    """
    if name not in TABLES:
        raise NotFoundError(unknown_name("table", name, TABLES))
    if name in ELSEWHERE:
        return RedirectResponse(ELSEWHERE[name], HTTPStatus.SEE_OTHER)
    if name in COLLECTIONS:
        return browse(request, session, _browsed(name))
    rows = [*itertools.islice(table_rows(session, name), MOST + 1)]
    return page(
        request,
        "rows.html",
        name=name,
        row=TABLES[name],
        rows=rows[:MOST],
        more=len(rows) > MOST,
        cells=plain_cells(TABLES[name]),
        formats=[*FORMATS],
    )


@cache
def _browsed(name: str) -> Table:
    return searchable(COLLECTIONS[name], link("/tables", name))
