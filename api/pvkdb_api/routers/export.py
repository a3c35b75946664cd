"""Whole tables as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.tables import TABLES, Row
from pvkdb.store.export import FORMATS, Format, table_rows, write_table
from pvkdb_api.paths import API
from pvkdb_api.queries import Text
from pvkdb_api.sessions import ReadSession

router = APIRouter(prefix=f"{API}/export", tags=["export"])


@router.get(
    "/{name}",
    summary="A table as a file",
    description=f"All rows of a table: {', '.join(TABLES)}. An empty cell is 'not reported'.",
    operation_id="export_table",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {media_type.partition(";")[0]: {} for media_type in FORMATS.values()},
        }
    },
)
def export_table(
    name: Text,
    session: ReadSession,
    format: Annotated[Format, Query(description="Kind of file.")] = "csv",
) -> Response:
    """A table as a file.

    Raises:
        NotFoundError: no table has this name.
    """
    if name not in TABLES:
        raise NotFoundError(unknown_name("table", name, TABLES))
    return Response(
        write_table(name, _rows(session, name), format),
        media_type=FORMATS[format],
        headers={"Content-Disposition": f'attachment; filename="pvkdb-{name}.{format}"'},
    )


def _rows(session: Session, name: str) -> Iterator[Row]:
    if name == "rankings":
        return suitability.rankings_rows(session)
    return table_rows(session, name)
