"""Import of papers over HTTP, in the format of ``pvkdb import``: all rows or none."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Query, Request

from pvkdb.literature.entries import TABLES
from pvkdb.schemas.access import Scope
from pvkdb.schemas.imports import ImportReport
from pvkdb.store.curation.sources import Upload
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import WriteSession
from pvkdb_api.frame.access import needs
from pvkdb_api.operations.writes import Writing, import_upload
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/import", tags=["import"])

#: File extensions by the media types of bodies. ``application/yaml`` is RFC 9512; the other YAML
#: types are older.
EXTENSIONS = {
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "text/yaml": ".yaml",
    "application/json": ".json",
    "text/csv": ".csv",
}

_ROWS: dict[str, Any] = {"type": ["array", "null"], "items": {"type": "object"}}

#: A paper, as YAML or JSON; its fields are those of the tables, see the data dictionary.
_PAPER: dict[str, Any] = {
    "type": "object",
    "properties": {"reference": {"type": "object"}, **dict.fromkeys(TABLES, _ROWS)},
    "additionalProperties": False,
    "example": {
        "reference": {"doi": "10.1000/example-paper", "title": "An example", "year": 2026},
        "energetics": [
            {"material": "CsPbBr3", "defect": "V_Br", "quantity": "E_A", "value": "~25 kJ/mol"}
        ],
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "The paper, in the form of `pvkdb import --template paper.yaml`. The same "
        "as YAML is taken with the Content-Type application/yaml; one table as CSV, whose header "
        "names it, with text/csv.",
        # Types that generators of clients have no code for are named in the text alone.
        "content": {"application/json": {"schema": _PAPER}},
    }
}


async def _read_body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "",
    summary="Add papers: checked, without duplicates, all of them or nothing",
    operation_id="import_papers",
    dependencies=[needs(Scope.IMPORT)],
    openapi_extra=_BODY,
)
def post_import(
    content: Annotated[bytes, Depends(_read_body)],
    request: Request,
    session: WriteSession,
    writing: Writing,
    name: Annotated[
        str,
        Query(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$",
            description="Name of the import in the history and in problems, like a file name "
            "without its extension.",
            examples=["zhang2026"],
        ),
    ] = "paper",
    dry_run: Annotated[
        bool, Query(description="Whether to report the changes without making them.")
    ] = False,
) -> ImportReport:
    """The changes of the import, row by row, and the new dataset version.

    If anything is wrong, nothing is added, and the problem names each position (line and field),
    the value, and what to write instead.
    """
    upload = Upload(f"{name}{_extension(request)}", content)
    if dry_run:
        return import_upload(request, session, upload, dry_run=True)

    def write() -> tuple[ImportReport, bool]:
        return import_upload(request, session, upload, dry_run=False), False

    report = writing.once(
        f"import {upload.name} {sha256(content).hexdigest()}", ImportReport, write
    )
    request.state.dataset_version = report.dataset_version
    return report


def _extension(request: Request) -> str:
    """Return the file extension for the body.

    Raises:
        HTTPException: this media type cannot be imported.
    """
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in EXTENSIONS:
        shown = ascii(given[:60]) if given else "nothing"
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the Content-Type says {shown}; send application/yaml, application/json or text/csv",
        )
    return EXTENSIONS[given]
