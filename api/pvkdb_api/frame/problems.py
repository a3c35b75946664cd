"""Errors as RFC 9457 describes them: every one is ``application/problem+json``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pvkdb.errors import (
    AccessError,
    DatabaseError,
    InputError,
    MissingExtraError,
    NotFoundError,
    NotMigratedError,
    PvkdbError,
    StateError,
)
from pvkdb.schemas.imports import FileProblem
from pvkdb.schemas.responses import Problem
from pvkdb.store.security.keys import KeyRefusedError
from pvkdb_api import optimade
from pvkdb_api.explorer.site.errors import error_page, wants_page
from pvkdb_api.explorer.site.forms import SignInError
from pvkdb_api.explorer.site.sign_in import asking

MEDIA_TYPE = "application/problem+json"

#: The first kind that fits decides the status.
STATUS: dict[type[PvkdbError], HTTPStatus] = {
    StateError: HTTPStatus.CONFLICT,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingExtraError: HTTPStatus.NOT_IMPLEMENTED,
    KeyRefusedError: HTTPStatus.UNAUTHORIZED,
    AccessError: HTTPStatus.FORBIDDEN,
}

#: What a refusal for want of a key must say (RFC 9110, section 11.6.1).
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pvkdb"'}

#: How soon who found the database away may ask again (RFC 9110, sections 10.2.3 and 15.6.4): a
#: restart of PostgreSQL takes seconds.
RETRY_AFTER = {"Retry-After": "5"}

#: What the world may know of a database that fails; where it stands is for the log alone.
UNREACHABLE = "the database of this service cannot be reached; try again later"
NOT_MIGRATED = (
    "the database of this service lacks the tables of this version; on the server, run: "
    "pvkdb init (a new database) or pvkdb upgrade"
)

_log = logging.getLogger("pvkdb_api")


class ParameterError(InputError):
    """What a request gave for one named parameter cannot be used."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@contextmanager
def naming(parameter: str) -> Iterator[None]:
    """Say of every refusal inside which parameter it is about."""
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
    """A problem as a response."""
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


def answer_problem(
    request: Request,
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
    problems: list[FileProblem] | None = None,
) -> Response:
    """A problem, or a page for who came with a browser."""
    if wants_page(request):
        return error_page(request, status, detail, parameter, headers)
    return problem_response(status, detail, parameter, headers, problems)


def handle_problems(app: FastAPI) -> None:
    """Answer every kind of error with a problem. The unforeseen is caught in ``headers``."""
    app.add_exception_handler(PvkdbError, _pvkdb_error)
    app.add_exception_handler(SignInError, _sign_in)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _routing_error)


def _pvkdb_error(request: Request, error: Exception) -> Response:
    status = next(
        (status for kind, status in STATUS.items() if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    detail = str(error)
    if isinstance(error, DatabaseError):
        _log.error("%s", error)
        detail = NOT_MIGRATED if isinstance(error, NotMigratedError) else UNREACHABLE
    headers = CHALLENGE if status == HTTPStatus.UNAUTHORIZED else None
    if detail == UNREACHABLE:
        headers = RETRY_AFTER
    parameter, problems = (getattr(error, name, None) for name in ("parameter", "problems"))
    return answer_problem(request, status, detail, parameter, headers, problems)


def _sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInError)
    if wants_page(request):
        return asking(request, f"{str(error)[:1].upper()}{str(error)[1:]}.", error.typed)
    return _pvkdb_error(request, error)


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    complaints = error.errors()
    return answer_problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(_sentence(complaint) for complaint in complaints),
        _place(complaints[0]),
    )


def _sentence(complaint: Mapping[str, Any]) -> str:
    if complaint["type"] == "missing":
        return f"{_place(complaint)!r} is missing"
    if complaint["type"] == "json_invalid":
        return f"the body is not JSON: {complaint['ctx']['error']}"
    if complaint["type"] == "model_attributes_type":
        return "the body is not a JSON object sent as application/json"
    value = complaint.get("input")
    shown = "" if isinstance(value, dict | list) else f" cannot be {_short(value)}"
    reason = str(complaint["msg"])
    return f"{_place(complaint)!r}{shown}: {reason[:1].lower()}{reason[1:]}"


def _place(complaint: Mapping[str, Any]) -> str:
    """Name of the refused parameter: 'limit', or 'settings.images' for a field of a body."""
    kind, *names = complaint["loc"]
    if complaint["type"] == "json_invalid" or not names:
        return str(kind)
    return ".".join(map(str, names))


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _routing_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), error.headers
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"nothing stands at {_short(request.url.path)}; {_nearest_path(request)}"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # Starlette names the methods of the first route of a path; a path may have several.
        told = (headers or {}).get("Allow", "GET")  # of pages, which the description leaves out
        allowed = ", ".join(_methods_at(request)) or told
        detail = f"{_short(request.url.path)} does not take {request.method}; use {allowed}"
        headers = {**(headers or {}), "Allow": allowed}
    return answer_problem(request, error.status_code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """Methods that the description names for a path, in its order."""
    asked = request.url.path.split("/")
    methods: dict[str, None] = {}
    for path, operations in request.app.openapi()["paths"].items():
        parts = path.split("/")
        if len(parts) == len(asked) and all(
            part == given or part.startswith("{") for part, given in zip(parts, asked, strict=True)
        ):
            methods |= dict.fromkeys(map(str.upper, operations))
    return [*methods]


def _nearest_path(request: Request) -> str:
    if request.url.path.startswith(f"{optimade.PATH}/") and not optimade.available():
        return str(MissingExtraError("optimade", "optimade"))
    known = [path for path in request.app.openapi()["paths"] if "{" not in path]
    near = get_close_matches(request.url.path, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else "see /docs for what there is"
