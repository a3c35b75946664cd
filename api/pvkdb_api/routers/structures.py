"""One structure, as JSON or as a file that other codes read."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from pvkdb.errors import NotFoundError
from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.rows import structure_document
from pvkdb.store.structure_files import FILES, document_text
from pvkdb.store.structures import Structure
from pvkdb_api.paths import API
from pvkdb_api.queries import Text
from pvkdb_api.sessions import ReadSession

router = APIRouter(prefix=f"{API}/structures", tags=["structures"])


@router.get(
    "/{key}",
    summary="One of the structures, by its id: JSON, CIF, POSCAR or extended XYZ",
    operation_id="get_structures",
    response_model=StructureDocument,
    responses={
        200: {
            "description": "The structure.",
            "content": {media_type.partition(";")[0]: {} for media_type, _ in FILES.values()},
        }
    },
)
def get_structure(
    session: ReadSession,
    key: Annotated[Text, Path()],
    format: Annotated[
        Literal["json", "cif", "poscar", "extxyz"],
        Query(description="Kind of answer. A CIF has the conventional cell with its symmetry."),
    ] = "json",
) -> Any:
    """A structure with its coordinates.

    Raises:
        NotFoundError: there is none.
        MissingExtraError: the server lacks what writes structures.
    """
    found = session.get(Structure, key)
    if found is None:
        raise NotFoundError(f"structures holds no {key!r}")
    document = structure_document(found)
    if format == "json":
        return document
    media_type, ending = FILES[format]
    name = re.sub(r"[^\w.-]", "_", document.id, flags=re.ASCII)
    return Response(
        document_text(document, format),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'},
    )
