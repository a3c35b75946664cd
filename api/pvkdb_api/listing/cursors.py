"""Cursors: the position after the last row of a page, opaque and bound to its query."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from pvkdb.errors import ParameterError

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def write_cursor(collection: str, query: Mapping[str, Any], place: Any) -> str:
    """Return the cursor of the page that begins after this position (a JSON value, or times)."""
    content = json.dumps([_digest(collection, query), json.dumps(place, default=str)]).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_cursor(
    collection: str, query: Mapping[str, Any], cursor: str, kind: TypeAdapter[Any] = _ANY
) -> Any:
    """Return the position after which the page of a cursor begins, which is of this kind.

    Raises:
        ParameterError: the cursor cannot be read, or belongs to another collection or query.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise unreadable() from error
    if digest != _digest(collection, query) or not isinstance(place, str) or "\0" in place:
        raise ParameterError(
            "cursor",
            "the cursor belongs to another query; keep the filters and the order of the first "
            "page, or start again without a cursor",
        )
    try:
        return kind.validate_json(place, strict=True)
    except ValueError as error:
        raise unreadable() from error


def unreadable() -> ParameterError:
    """Return the error for a cursor that the service never issued."""
    return ParameterError(
        "cursor", "the cursor cannot be read; pass next_cursor of a page on unchanged"
    )


def _digest(collection: str, query: Mapping[str, Any]) -> str:
    content = json.dumps([collection, query], sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:12]
