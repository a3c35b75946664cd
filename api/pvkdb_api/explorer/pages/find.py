"""Looking something up."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.rendering import page
from pvkdb_api.explorer.site.search import find
from pvkdb_api.explorer.tables.cells import device_link, material_link, reference_links

router = APIRouter(include_in_schema=False)


@router.get("/find")
def get_found(
    request: Request,
    session: ReadSession,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """What a text finds; where only one thing can be meant, its page."""
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
