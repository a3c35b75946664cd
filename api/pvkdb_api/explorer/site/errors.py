"""Errors as pages, for those who came with a browser."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

#: Below these, programs read.
_PROGRAMS = ("/api", "/optimade", "/openapi.json", "/metrics", "/healthz", "/livez", "/readyz")


def for_programs(request: Request) -> bool:
    """Whether what is asked for is an interface of programs, where a browser's cookies are
    nothing."""
    return request.url.path.startswith(_PROGRAMS)


def wants_page(request: Request) -> bool:
    """Whether an error is to be read by a person."""
    return not for_programs(request) and "text/html" in request.headers.get("accept", "")


def error_page(
    request: Request,
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page that says what went wrong and where to go on."""
    from pvkdb_api.explorer.site.rendering import (
        page,  # templates are no part of an error of a program
    )

    return page(
        request,
        "error.html",
        status,
        headers,
        title=HTTPStatus(status).phrase,
        detail=detail,
        parameter=parameter,
    )
