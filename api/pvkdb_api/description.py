"""The OpenAPI description, with the errors as they are really answered."""

from __future__ import annotations

from threading import Lock
from typing import Any

from fastapi import FastAPI

from pvkdb.schemas.responses import Problem
from pvkdb_api.problems import MEDIA_TYPE

SUMMARY = "Halide-perovskite memristors: materials, barriers, devices, and what they are good for"

#: What a route says of its errors.
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What was refused, why, and what to do instead (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def describe(app: FastAPI) -> None:
    """Put the schema of a problem, which no route returns by itself, into the description."""
    generate = app.openapi
    one_at_a_time = Lock()

    def openapi() -> dict[str, Any]:
        # FastAPI makes the description at its first use and cannot do that twice at once.
        with one_at_a_time:
            description = generate()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return description

    app.openapi = openapi  # type: ignore[method-assign]
