"""Refusals of requests: their statuses, headers and texts, and the forms that show them.

Programs get a problem document (RFC 9457). The web pages and OPTIMADE have their own forms and
register them in a :class:`Renderers`, which the application keeps in its state. Middleware finds
them there, so that it depends on neither of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pvkdb import errors
from pvkdb.errors import PvkdbError
from pvkdb.schemas.imports import FileProblem
from pvkdb.schemas.responses import Problem
from pvkdb.store.security.keys import KeyRefusedError
from pvkdb_api.core.problem_types import PROBLEM_TYPES
from pvkdb_api.core.sessions import NoAnswerError, NoTurnError

MEDIA_TYPE = "application/problem+json"

#: Status of each kind of error; the first kind that matches decides.
STATUS: dict[type[PvkdbError], HTTPStatus] = {
    errors.StateError: HTTPStatus.CONFLICT,
    errors.InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ReadOnlyStoreError: HTTPStatus.FORBIDDEN,
    errors.DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.MissingExtraError: HTTPStatus.NOT_IMPLEMENTED,
    KeyRefusedError: HTTPStatus.UNAUTHORIZED,
    errors.AccessError: HTTPStatus.FORBIDDEN,
}

#: Header that a refusal for lack of a key must have (RFC 9110, section 11.6.1).
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pvkdb"'}

#: When to try again after the database was unreachable (RFC 9110, sections 10.2.3 and 15.6.4):
#: PostgreSQL restarts within seconds.
RETRY_AFTER = {"Retry-After": "5"}

#: Public texts about a failing database; the details, such as its address, go to the log only.
UNREACHABLE = "the database of this service cannot be reached; try again later"
NOT_MIGRATED = (
    "the database of this service lacks the tables of this version; on the server, run: "
    "pvkdb init (a new database) or pvkdb upgrade"
)
READ_ONLY = "the database of this service may only be read; write through another service"
DATABASE: dict[type[PvkdbError], str] = {
    errors.NotMigratedError: NOT_MIGRATED,
    errors.ReadOnlyStoreError: READ_ONLY,
    NoTurnError: "too many requests wait before this one; try again later",
    NoAnswerError: "the database of this service does not answer; try again later",
    errors.StoreBusyError: "the database of this service is being written by another "
    "program; try again later",
}


#: Returns the refusal of a request, with further headers, in the form of one interface; None for
#: requests to other interfaces.
ErrorRenderer = Callable[[Request, Problem, Mapping[str, str]], Response | None]


async def _refuse_without_page(request: Request, reason: str, *, forget: bool = False) -> Response:
    return refuse(request, HTTPStatus.UNAUTHORIZED, reason, headers=CHALLENGE)


@dataclass(frozen=True, slots=True)
class Renderers:
    """The error renderers of a service, and the page that asks for an API key."""

    errors: Sequence[ErrorRenderer] = ()
    #: Takes the request and the reason; with ``forget``, the browser also deletes the key it has.
    ask_for_key: Callable[..., Awaitable[Response]] = _refuse_without_page


def refuse(
    request: Request,
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
    problems: list[FileProblem] | None = None,
) -> Response:
    """Return a refusal in the form of the requested interface, by default a problem document."""
    known = PROBLEM_TYPES.get(status)
    problem = Problem(
        type=known.uri if known else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        parameter=parameter,
        problems=problems,
    )
    renderers: Renderers = request.app.state.renderers
    for render in renderers.errors:
        if (response := render(request, problem, headers or {})) is not None:
            return response
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status, headers, media_type=MEDIA_TYPE)
