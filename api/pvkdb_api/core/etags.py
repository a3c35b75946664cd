"""Answers that clients may cache and revalidate (ETag, If-None-Match)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response, status

#: OpenAPI response of routes with such answers.
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer whose ETag was sent."}
}


def answer(
    request: Request,
    content: str | bytes,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response with the content and its ETag, or 304 if the client has the content."""
    body = content.encode() if isinstance(content, str) else content
    tag = etag(hashlib.sha256(body).hexdigest())
    if matches(request, tag):
        return not_modified(tag)
    return Response(body, media_type=media_type, headers={**(headers or {}), "ETag": tag})


def etag(*parts: str) -> str:
    """Return a weak ETag, since the same content may be sent compressed or not."""
    return f'W/"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]}"'


def matches(request: Request, tag: str) -> bool:
    """Return whether the request's If-None-Match header contains this ETag."""
    wanted = request.headers.get("If-None-Match", "")
    known = [part.strip().removeprefix("W/") for part in wanted.split(",")]
    return "*" in known or tag.removeprefix("W/") in known


def not_modified(tag: str) -> Response:
    """Return the response 304 (Not Modified) for a client that has the content already."""
    return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
