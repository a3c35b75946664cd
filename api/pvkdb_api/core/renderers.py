"""The forms in which the interfaces of the service show a refusal or ask for an API key.

Programs get a problem document. The web pages and OPTIMADE have their own forms and register them
in a :class:`Renderers`, which the application keeps in its state. Middleware asks there, so that it
depends on neither of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from pvkdb.schemas.imports import FileProblem
from pvkdb_api.core.refusals import problem_response


class ErrorRenderer(Protocol):
    """Writes refused requests in the form of one interface: pages, REST or OPTIMADE."""

    def __call__(
        self,
        request: Request,
        status: int,
        detail: str,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response | None:
        """Return the refusal in this interface's form; None for requests to other interfaces."""


class KeyRequest(Protocol):
    """Shows a page that asks for an API key."""

    def __call__(
        self, request: Request, reason: str, *, forget: bool = False
    ) -> Awaitable[Response]:
        """Return the page; with ``forget``, the browser also deletes the key it has."""


@dataclass(frozen=True, slots=True)
class Renderers:
    """The error renderers of a service, and the page that asks for an API key."""

    errors: Sequence[ErrorRenderer]
    ask_for_key: KeyRequest


def renderers_of(request: Request) -> Renderers:
    """Return the renderers of the service that answers a request."""
    renderers: Renderers = request.app.state.renderers
    return renderers


def refuse(
    request: Request,
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
    problems: list[FileProblem] | None = None,
) -> Response:
    """Return a refusal in the form of the requested interface, by default a problem document."""
    for render in renderers_of(request).errors:
        response = render(request, status, detail, parameter, headers)
        if response is not None:
            return response
    return problem_response(status, detail, parameter, headers, problems)
