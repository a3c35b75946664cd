"""Tables as files, whole or filtered, and the whole dataset as one file."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, naming, unknown_name
from pvkdb.operations.fields import Text
from pvkdb.schemas.tables import TABLES, Row
from pvkdb.store.collections import LISTED
from pvkdb.store.files.bibliography import BIBLIOGRAPHIES, ENDINGS
from pvkdb.store.files.table_files import formats_of, stream_table
from pvkdb.store.rows.corrected import corrected_references
from pvkdb.suitability import exported_rows
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.etags import CONDITIONAL
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.listing.parameters import fields_field, filter_fields, sort_field
from pvkdb_api.listing.queries import read_fields, read_filters
from pvkdb_api.listing.snapshots import (
    DIGEST,
    OCTETS,
    SNAPSHOT_TYPES,
    SnapshotFormat,
    send_snapshot,
)
from pvkdb_api.listing.streams import file_responses, send_file
from pvkdb_api.operations.rankings import require_rankable
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/export", tags=["export"])

#: Route for tables that do not exist; the OpenAPI description leaves it out.
unknown = APIRouter(prefix=f"{API}/export", include_in_schema=False)

#: Route of the whole dataset.
snapshot = rest_router(prefix=API, tags=["export"])

#: Tables that change only with the dataset version; calculations change the others too.
OF_VERSION = frozenset(TABLES) - {
    *("calculations", "compositions", "energetics", "materials"),
    *("rankings", "series", "structures", "tolerance"),
}


class FileQuery(BaseModel):
    """Query parameters of every table."""

    raw: bool = Field(
        default=False,
        description="Whether CSV has texts unchanged that a spreadsheet would run as formulas; "
        "otherwise they begin with an apostrophe.",
    )


def _rankings(request: Request, session: Session) -> list[Row]:
    """Return the table of rankings, made once for all that ask.

    Raises:
        InputError: the store holds too many devices.
    """
    require_rankable(session, "pvkdb export rankings")
    known: QueryCache = request.app.state.query_cache
    return known.get(session, "rankings", {}, lambda: [*exported_rows(session, "rankings")])


def _add_table(name: str) -> None:
    collection = LISTED.get(name)
    formats = formats_of(name)
    parameters = {
        "format": (
            Literal[tuple(formats)],
            Field(default="csv", description="Kind of file.", examples=["csv"]),
        ),
        **fields_field(TABLES[name]),
    }
    if collection is not None:
        parameters |= {**filter_fields(collection), **sort_field(collection)}
    query_type = create_model(f"{name.title()}File", __base__=FileQuery, **parameters)

    @router.get(
        f"/{name}",
        summary=f"The table {name} as a file",
        description=f"{TABLES[name].purpose} An empty cell is 'not reported'.",
        operation_id=f"export_{name}",
        response_class=Response,
        responses={**file_responses(formats.values()), **CONDITIONAL},
    )
    async def export_table(request: Request, query: Annotated[query_type, Query()]) -> Response:
        chosen: Any = query
        fields = read_fields(TABLES[name], chosen.fields)
        search: Any = {}
        sorting = None
        if collection is not None:
            search = read_filters(collection, chosen)
            with naming("sort"):
                sorting = collection.sorting(chosen.sort)

        def make(session: Session) -> Iterator[bytes]:
            if collection is not None:
                needed = None if chosen.format in BIBLIOGRAPHIES else fields
                rows: Iterator[Row] = collection.iterate(session, search, sorting, needed)
            elif name == "rankings":
                rows = iter(_rankings(request, session))
            else:
                rows = exported_rows(session, name)
            if chosen.format in BIBLIOGRAPHIES:
                rows = corrected_references(session, rows)
            return stream_table(name, rows, chosen.format, fields, raw=chosen.raw)

        return await send_file(
            request,
            make,
            media_type=formats[chosen.format],
            file_name=f"pvkdb-{name}.{ENDINGS.get(chosen.format, chosen.format)}",
            of_version=name in OF_VERSION,
        )


class SnapshotQuery(BaseModel):
    """Query parameters of the whole dataset."""

    format: SnapshotFormat = Field(
        default="zip",
        description="`zip`: SQLite, Parquet, description and licence; `sqlite`: SQLite alone.",
        examples=["zip"],
    )


def _require_small(session: ReadSession) -> None:
    require_rankable(session, "pvkdb snapshot")


@snapshot.get(
    "/snapshot",
    dependencies=[Depends(_require_small)],
    summary="The whole dataset as a file",
    operation_id="get_snapshot",
    description=f"All tables of one moment, as `pvkdb snapshot` writes them; `{DIGEST}` has the "
    "SHA-256 of the file.",
    response_class=Response,
    responses={**file_responses([*SNAPSHOT_TYPES.values(), OCTETS]), **CONDITIONAL},
)
async def get_snapshot(request: Request, query: Annotated[SnapshotQuery, Query()]) -> Response:
    return await send_snapshot(request, query.format)


@unknown.get("/{name}")
def refuse_table(name: Text) -> None:
    """Refuse the name of an unknown table.

    Raises:
        NotFoundError: always; names the nearest table.
    """
    raise NotFoundError(unknown_name("table", name, TABLES))


for _name in TABLES:
    _add_table(_name)
