"""Refusals of requests: their statuses, headers and texts, and the problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from starlette.responses import Response

from pvkdb.errors import (
    AccessError,
    DatabaseError,
    InputError,
    MissingExtraError,
    NotFoundError,
    PvkdbError,
    StateError,
)
from pvkdb.schemas.imports import FileProblem
from pvkdb.schemas.responses import Problem
from pvkdb.store.security.keys import KeyRefusedError

MEDIA_TYPE = "application/problem+json"

#: Status of each kind of error; the first kind that matches decides.
STATUS: dict[type[PvkdbError], HTTPStatus] = {
    StateError: HTTPStatus.CONFLICT,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingExtraError: HTTPStatus.NOT_IMPLEMENTED,
    KeyRefusedError: HTTPStatus.UNAUTHORIZED,
    AccessError: HTTPStatus.FORBIDDEN,
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


class ParameterError(InputError):
    """The value of one named parameter of a request cannot be used."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@contextmanager
def naming(parameter: str) -> Iterator[None]:
    """Turn each input error raised inside into a :class:`ParameterError` of this parameter."""
    try:
        yield
    except InputError as error:
        raise ParameterError(parameter, str(error)) from error


def problem_response(
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
    problems: list[FileProblem] | None = None,
) -> Response:
    """Return a problem document as a response."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        parameter=parameter,
        problems=problems,
    )
    return Response(
        problem.model_dump_json(exclude_none=True), status, headers, media_type=MEDIA_TYPE
    )
