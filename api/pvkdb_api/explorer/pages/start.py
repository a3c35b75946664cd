"""The start page, the search, and the list of REST operations."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pvkdb.schemas.tables import TABLES
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.overview import KINDS, applications, energy_overview, table_counts
from pvkdb_api.explorer.site.rendering import page
from pvkdb_api.explorer.site.search import find
from pvkdb_api.explorer.tables.cells import device_link, energy, material_link, reference_links

router = APIRouter(include_in_schema=False)


@router.get("/")
def get_start(request: Request, session: ReadSession) -> Response:
    """Return the start page: three entry points, the size of the store, and the energy plot."""
    counts: QueryCache = request.app.state.query_cache
    return page(
        request,
        "start.html",
        applications=applications(),
        table_counts=table_counts(counts, session),
        energy=energy,
        optimade=request.app.state.optimade_path,
        kinds=KINDS,
        overview=counts.get(session, "overview", {}, lambda: energy_overview(session)),
    )


@router.get("/find")
def get_found(
    request: Request,
    session: ReadSession,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """Return the results of a search, or redirect to the only exact match."""
    text = " ".join(q.split())
    found = find(session, text) if text else None
    if found is not None and found.exact is not None:
        return RedirectResponse(found.exact, HTTPStatus.SEE_OTHER)
    return page(
        request,
        "find.html",
        text=text,
        found=found,
        material_link=material_link,
        device_link=device_link,
        reference_links=reference_links,
    )


@router.get("/docs")
def get_operations(request: Request, session: ReadSession) -> Response:
    """Return the page of all REST operations with their parameters."""
    description = request.app.openapi()
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in description["paths"].items():
        for method, entry in methods.items():
            tag = entry.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append((method.upper(), path, entry))
    return page(
        request,
        "operations.html",
        info=description["info"],
        operations=by_tag,
        type_text=_type_text,
        tables=[*TABLES],
        optimade=request.app.state.optimade_path,
    )


def _type_text(schema: Mapping[str, Any]) -> str:
    """Return the type of an OpenAPI schema in words."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(
            _type_text(entry) for entry in schema["anyOf"] if entry.get("type") != "null"
        )
    kind = str(schema.get("type", ""))
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind
