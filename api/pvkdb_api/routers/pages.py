"""The pages for people: a front page, and the operations of the service. Nothing from outside."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pvkdb.store.collections import COLLECTIONS
from pvkdb_api import optimade
from pvkdb_api.html import front_page, operations_page
from pvkdb_api.sessions import DatasetVersion, ReadSession

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def get_front_page(session: ReadSession, version: DatasetVersion) -> HTMLResponse:
    """What this is, what it holds, and where to go."""
    counts = {name: entry.count(session, {}) for name, entry in COLLECTIONS.items()}
    return HTMLResponse(front_page(version, counts, optimade.available()))


@router.get("/docs")
def get_operations_page(request: Request) -> HTMLResponse:
    """Every operation, with its parameters."""
    return HTMLResponse(operations_page(request.app.openapi()))
