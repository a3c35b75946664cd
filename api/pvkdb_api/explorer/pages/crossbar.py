"""Crossbar: how large an array can be read, by the formula and by the circuit."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.crossbar import Cell, Read
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.crossbar import page as crossbar
from pvkdb_api.explorer.crossbar.controls import CELLS, MAPS, READS
from pvkdb_api.explorer.site.rendering import page, part, part_wanted

router = APIRouter(include_in_schema=False)


@router.get(crossbar.PATH)
def get_crossbar(request: Request, session: ReadSession) -> Response:
    """The page, the part that follows the sliders, or the map of the circuit.

    What cannot be used is told in the page, beside the fields as they were filled in.
    """
    wanted = part_wanted(request)
    query = request.query_params
    try:
        asked = crossbar.read(session, query)
        if wanted == "map":
            found = crossbar.array_map(asked)
            return JSONResponse(found, headers={"Cache-Control": "no-store"})
        shown = crossbar.shown(asked)
    except (InputError, NotFoundError) as error:
        if wanted is not None:
            raise
        missing = isinstance(error, NotFoundError)
        return page(
            request,
            "crossbar.html",
            HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY,
            **_form(query),
            refused=str(error),
            parameter=getattr(error, "parameter", "device" if missing else None),
        )
    if wanted == "results":
        return part(request, "_crossbar.html", **shown)
    return page(
        request,
        "crossbar.html",
        **_form(query, asked),
        **shown,
        refused=None,
        parameter=None,
    )


def _form(query: Mapping[str, str], asked: crossbar.Asked | None = None) -> dict[str, Any]:
    """What the form shows: fields as they were filled in, and the choices."""
    cell = asked.cell if asked else query.get("cell", Cell.SELECTOR)
    read = asked.read if asked else query.get("read", Read.FLOATING)
    return {
        "fields": crossbar.fields(query, asked),
        "device": query.get("device", "")[:200],
        "choices": [
            (name, label, {each.value: words for each, words in values.items()}, chosen)
            for name, label, values, chosen in (
                ("cell", "Kind of cell", CELLS, cell),
                ("read", "Read scheme", READS, read),
            )
        ],
        "maps": MAPS,
        "map_chosen": asked.map if asked else query.get("map", "voltage"),
    }
