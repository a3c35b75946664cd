"""Structures as JSON or as files for other codes: one, or all that match filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from pvkdb.operations.fields import Text
from pvkdb.schemas.tables import StructureDocument
from pvkdb.snapshots.structures import documents
from pvkdb.store.collections import STRUCTURES
from pvkdb.store.files.structure_files import FILES, MANY, document_text, many_text
from pvkdb_api.core.etags import CONDITIONAL, answer
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.listing.parameters import filter_fields
from pvkdb_api.listing.queries import read_filters
from pvkdb_api.listing.streams import file_responses, send_file
from pvkdb_api.rest.collections import read_one
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/structures", tags=["structures"])


class _FileQuery(BaseModel):
    format: Literal["extxyz", "cif", "jsonl"] = Field(
        default="extxyz",
        description="Kind of file: extended XYZ with a frame, CIF with a block, or JSON lines with "
        "a line for each structure.",
        examples=["extxyz"],
    )


StructuresFile = create_model("StructuresFile", __base__=_FileQuery, **filter_fields(STRUCTURES))


@router.get(
    "/file",
    summary="All matching structures with coordinates, as one file",
    description="In the order of their ids. The filters are those of the list.",
    operation_id="export_structure_file",
    response_class=Response,
    responses=file_responses(media_type for media_type, _ in MANY.values()),
)
async def get_structure_file(
    request: Request, query: Annotated[StructuresFile, Query()]
) -> Response:
    """A file with all matching structures."""
    filters = read_filters(STRUCTURES, query)
    kind = query.format
    media_type, ending = MANY[kind]

    def make(session: Session) -> Iterator[bytes]:
        return (many_text(each, kind).encode() for each in documents(session, filters))

    return await send_file(
        request, make, media_type=media_type, file_name=f"pvkdb-structures.{ending}"
    )


@router.get(
    "/{key}",
    summary="One of the structures, by its id: JSON, CIF, POSCAR or extended XYZ",
    operation_id="get_structure",
    response_model=StructureDocument,
    responses={
        **CONDITIONAL,
        200: {
            "description": "The structure.",
            "content": {media_type.partition(";")[0]: {} for media_type, _ in FILES.values()},
        },
    },
)
def get_structure(
    request: Request,
    session: ReadSession,
    key: Annotated[Text, Path(description="The id of the structure.")],
    format: Annotated[
        Literal["json", "cif", "poscar", "extxyz"],
        Query(description="Kind of answer. A CIF has the conventional cell with its symmetry."),
    ] = "json",
) -> Any:
    """A structure with its coordinates.

    Raises:
        NotFoundError: it does not exist.
        MissingExtraError: the server lacks the extra that writes structures.
    """
    document = read_one(session, STRUCTURES, key)
    assert isinstance(document, StructureDocument)
    if format == "json":
        return answer(request, document.model_dump_json())
    media_type, ending = FILES[format]
    name = re.sub(r"[^\w.-]", "_", document.id, flags=re.ASCII)
    return answer(
        request,
        document_text(document, format),
        media_type,
        {"Content-Disposition": f'attachment; filename="{name}.{ending}"'},
    )
