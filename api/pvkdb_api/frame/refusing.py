"""Refusals from in front of the routes, in the form that the asked interface uses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pvkdb_api import optimade
from pvkdb_api.frame.problems import answer_problem


def refuse(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem, or under ``/optimade`` an error of JSON:API."""
    if request.url.path.startswith(f"{optimade.PATH}/") and optimade.available():
        from pvkdb_api.optimade.responses import refusal

        response: Response = refusal(request, status, HTTPStatus(status).phrase, detail)
        response.headers.update(headers or {})
        return response
    return answer_problem(request, status, detail, headers=headers)
