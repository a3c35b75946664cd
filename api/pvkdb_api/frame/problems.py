"""Handlers that answer every kind of error, to programs as RFC 9457 describes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pvkdb.errors import DatabaseError, MissingExtraError, PvkdbError
from pvkdb_api.core.paths import OPTIMADE
from pvkdb_api.core.refusals import (
    CHALLENGE,
    DATABASE,
    NOT_MIGRATED,
    READ_ONLY,
    RETRY_AFTER,
    STATUS,
    UNREACHABLE,
    refuse,
)

_log = logging.getLogger("pvkdb_api")


def handle_problems(app: FastAPI) -> None:
    """Add the handlers of all expected errors; :mod:`.headers` catches the unexpected ones."""
    app.add_exception_handler(PvkdbError, _pvkdb_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _routing_error)


def _pvkdb_error(request: Request, error: Exception) -> Response:
    status = next(
        (status for kind, status in STATUS.items() if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    detail = str(error)
    headers = CHALLENGE if status == HTTPStatus.UNAUTHORIZED else None
    if isinstance(error, DatabaseError):
        _log.error("%s", error)
        detail = DATABASE.get(type(error), UNREACHABLE)
        headers = None if detail in (NOT_MIGRATED, READ_ONLY) else RETRY_AFTER
    parameter, problems = (getattr(error, name, None) for name in ("parameter", "problems"))
    return refuse(request, status, detail, parameter, headers, problems)


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    complaints = error.errors()
    return refuse(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(_sentence(complaint) for complaint in complaints),
        _field_of(complaints[0]),
    )


def _sentence(complaint: Mapping[str, Any]) -> str:
    if complaint["type"] == "missing":
        return f"{_field_of(complaint)!r} is missing"
    if complaint["type"] == "json_invalid":
        return f"the body is not JSON: {complaint['ctx']['error']}"
    if complaint["type"] == "model_attributes_type":
        return "the body is not a JSON object sent as application/json"
    value = complaint.get("input")
    shown = "" if isinstance(value, dict | list) else f" cannot be {_short(value)}"
    reason = str(complaint["msg"]).removeprefix("Value error, ")
    return f"{_field_of(complaint)!r}{shown}: {reason[:1].lower()}{reason[1:]}"


def _field_of(complaint: Mapping[str, Any]) -> str:
    """Return the refused parameter: 'limit', or 'settings.images' for a field of a body."""
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
        detail = f"there is nothing at {_short(request.url.path)}; {_suggestion(request)}"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # Starlette names the methods of the first route of a path; a path may have several.
        allowed = ", ".join(_methods_at(request)) or (headers or {}).get("Allow", "GET")
        detail = f"{_short(request.url.path)} does not take {request.method}; use {allowed}"
        headers = {**(headers or {}), "Allow": allowed}
    return refuse(request, error.status_code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """Return the methods of a path; ``/structures/similar`` is not the name of a structure."""
    routes = [each for each in request.app.state.routes if each.path_regex.match(request.url.path)]
    own = [each for each in routes if "{" not in each.path]
    return sorted({method for each in own or routes for method in each.methods})


def _suggestion(request: Request) -> str:
    if request.url.path.startswith(f"{OPTIMADE}/") and request.app.state.optimade_path is None:
        return str(MissingExtraError("optimade", "optimade"))
    described = (route.path for route in request.app.state.routes if route.include_in_schema)
    known = [path for path in described if "{" not in path]
    near = get_close_matches(request.url.path, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else "see /docs for what there is"
