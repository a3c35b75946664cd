"""The start page, and the operations of the service."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pvkdb.schemas.tables import TABLES
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.operations import operations
from pvkdb_api.explorer.site.overview import KINDS, applications, counted, overview
from pvkdb_api.explorer.site.rendering import page
from pvkdb_api.explorer.tables.cells import energy

router = APIRouter(include_in_schema=False)


@router.get("/")
def get_start(request: Request, session: ReadSession) -> Response:
    """What this is, what it holds, and where to go."""
    counts: QueryCache = request.app.state.query_cache
    return page(
        request,
        "start.html",
        applications=applications(),
        counted=counted(counts, session),
        energy=energy,
        optimade=request.app.state.optimade_path,
        kinds=KINDS,
        overview=counts.get(session, "overview", {}, lambda: overview(session)),
    )


@router.get("/docs")
def get_operations(request: Request, session: ReadSession) -> Response:
    """Every operation, with its parameters."""
    description = request.app.openapi()
    return page(
        request,
        "operations.html",
        info=description["info"],
        sections_of=operations(description),
        tables=[*TABLES],
        optimade=request.app.state.optimade_path,
    )
