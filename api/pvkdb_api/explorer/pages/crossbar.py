"""The page of crossbar arrays: the largest readable array, by formula and by circuit."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.crossbar import Cell, Read
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.crossbar import page as crossbar
from pvkdb_api.explorer.crossbar.controls import CELLS, MAPS, READS
from pvkdb_api.explorer.site.rendering import page, part, part_json, part_wanted

router = APIRouter(include_in_schema=False)


@router.get(crossbar.PATH)
def get_crossbar(request: Request, session: ReadSession) -> Response:
    """Return the crossbar page, or only its results, or only the voltage map of the circuit.

    The page shows errors beside the fields, which keep their texts.
    """
    wanted = part_wanted(request)
    texts = request.query_params
    try:
        query = crossbar.read_query(session, texts)
        if wanted == "map":
            return part_json(crossbar.array_map(query))
        results = crossbar.results(query)
    except (InputError, NotFoundError) as error:
        if wanted is not None:
            raise
        missing = isinstance(error, NotFoundError)
        return page(
            request,
            "crossbar.html",
            HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY,
            **_form(texts),
            refusal=str(error),
            parameter=getattr(error, "parameter", "device" if missing else None),
        )
    if wanted == "results":
        return part(request, "_crossbar.html", **results)
    return page(request, "crossbar.html", **_form(texts, query), **results, refusal=None)


def _form(texts: Mapping[str, str], query: crossbar.CrossbarQuery | None = None) -> dict[str, Any]:
    """Return the fields and choices of the crossbar form."""
    cell = query.cell if query else texts.get("cell", Cell.SELECTOR)
    read = query.read if query else texts.get("read", Read.FLOATING)
    return {
        "fields": crossbar.form_fields(texts, query),
        "device": texts.get("device", "")[:200],
        "choices": [
            ("cell", "Kind of cell", CELLS, cell),
            ("read", "Read scheme", READS, read),
            ("map", "Map of the circuit", MAPS, query.map if query else texts.get("map")),
        ],
    }
