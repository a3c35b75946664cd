"""The JSON:API envelope of OPTIMADE: data or errors, always with ``meta``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic_core import to_json

from pvkdb._version import __version__
from pvkdb.schemas.responses import Problem
from pvkdb_api.core.paths import OPTIMADE
from pvkdb_api.optimade import PREFIX

#: Version of the specification; the base URL holds the major version.
API_VERSION = "1.2.0"
BASE = f"{OPTIMADE}/v1"
OPENAPI = "/v1/openapi.json"

PROVIDER = {
    "name": "pvkdb",
    "description": "Halide perovskites for memristors: structures, migration barriers, devices",
    "prefix": PREFIX,
    "homepage": None,
}
IMPLEMENTATION = {"name": "pvkdb", "version": __version__}


class JsonApiResponse(JSONResponse):
    """A response with the media type of JSON:API."""

    media_type = "application/vnd.api+json"

    def render(self, content: Any) -> bytes:
        """Return the content as JSON; pydantic is five times as fast as Python's own encoder."""
        return to_json(content, inf_nan_mode="null")


def root_url(request: Request) -> str:
    """Return scheme and host of the service, as in the request."""
    return f"{request.url.scheme}://{request.url.netloc}"


def answer(
    request: Request,
    data: Any,
    *,
    returned: int | None,
    available: int,
    warnings: Sequence[str] = (),
    next_link: str | None = None,
    included: Sequence[dict[str, Any]] | None = None,
) -> JsonApiResponse:
    """Return a response with data.

    Args:
        data: One entry, a list of them, or None.
        returned: Entries that match the filter, on all pages; None is left out.
        available: Entries of the type.
        warnings: Sentences about unused parts of the request.
        next_link: The next page; None on the last one.
        included: Entries related to those of ``data``.
    """
    meta = _meta(request, warnings) | {
        **({} if returned is None else {"data_returned": returned}),
        "data_available": available,
        "more_data_available": next_link is not None,
    }
    body = {"data": data, "meta": meta, "links": {"next": next_link}}
    if included is not None:
        body["included"] = [*included]
    return JsonApiResponse(body)


def refusal(
    request: Request, status: int, title: str, detail: str, parameter: str | None = None
) -> JsonApiResponse:
    """Return a response with an error."""
    error: dict[str, Any] = {"status": str(status), "title": title, "detail": detail}
    if parameter is not None:
        error["source"] = {"parameter": parameter}
    meta = _meta(request, ()) | {"more_data_available": False}
    return JsonApiResponse({"errors": [error], "meta": meta}, status)


def show_error(
    request: Request, problem: Problem, headers: Mapping[str, str]
) -> JsonApiResponse | None:
    """Return a refusal by the enclosing service as JSON:API; None if the path is not OPTIMADE's."""
    if request.url.path != OPTIMADE and not request.url.path.startswith(f"{OPTIMADE}/"):
        return None
    response = refusal(request, problem.status, problem.title, problem.detail, problem.parameter)
    response.headers.update(headers)
    return response


def _meta(request: Request, warnings: Sequence[str]) -> dict[str, Any]:
    path = request.url.path.removeprefix(OPTIMADE).removeprefix("/v1")
    query = f"?{request.url.query}" if request.url.query else ""
    meta: dict[str, Any] = {
        "query": {"representation": f"{path}{query}"},
        "api_version": API_VERSION,
        "schema": f"{root_url(request)}{OPTIMADE}{OPENAPI}",
        "time_stamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "provider": PROVIDER,
        "implementation": IMPLEMENTATION,
    }
    version = getattr(request.state, "dataset_version", None)
    if version is not None:
        meta[f"_{PREFIX}_dataset_version"] = version
    if warnings:
        meta["warnings"] = [
            {"type": "warning", "title": "Not used", "detail": detail} for detail in warnings
        ]
    return meta
