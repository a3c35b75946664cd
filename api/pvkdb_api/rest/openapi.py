"""The OpenAPI description, with the errors that routes return and an example of each field.

The examples are real answers about the curated literature; ``docs/reference/openapi.py`` collects
them.
"""

from __future__ import annotations

import json
from functools import cache, partial
from importlib import resources
from threading import Lock
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse

from pvkdb.schemas.responses import Problem
from pvkdb.store.collections import LISTED
from pvkdb_api.core.refusals import MEDIA_TYPE
from pvkdb_api.listing.queries import refuse_unknown_parameters

SUMMARY = "Halide-perovskite memristors: materials, barriers, devices, and their suitability"

#: The file with an example of each field, by schema.
EXAMPLES = "examples.json"

#: The documented error response of each route.
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What was refused, why, and what to do instead (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}

#: What every router of REST has in common.
rest_router = partial(
    APIRouter, dependencies=[Depends(refuse_unknown_parameters)], responses=PROBLEM
)


#: What the operations of each tag are about; collections say so themselves.
_TAGS = {
    "screenings": "Runs of plans that screen compositions, with their candidates.",
    "rankings": "Devices and materials, ranked for applications.",
    "tolerance": "Tolerance factors of formulas.",
    "compare": "Two to four candidates side by side.",
    "series": "Devices of one paper that differ in one thing.",
    "kinetics": "Rates and times of ion migration.",
    "crossbar": "The largest arrays that can be read.",
    "export": "Tables and the whole dataset as files.",
    "drafts": "Papers at the desk: proposals, decisions, entry.",
    "import": "Adding papers.",
    "health": "Whether the service works.",
}


def describe(app: FastAPI) -> None:
    """Complete FastAPI's description: problems, tags, and an example of each field.

    It is served with the address at which it was requested.
    """

    def get_description(request: Request) -> JSONResponse:
        servers = [{"url": str(request.base_url).rstrip("/"), "description": "This service."}]
        return JSONResponse({**app.openapi(), "servers": servers})

    app.add_route("/openapi.json", get_description)
    generate = app.openapi
    one_at_a_time = Lock()

    def openapi() -> dict[str, Any]:
        # FastAPI makes the description at its first use and must not do that in two threads.
        with one_at_a_time:
            if app.openapi_schema:
                return app.openapi_schema
            return _completed(generate())

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in {**problem.pop("$defs"), "Problem": problem}.items():
        schemas.setdefault(name, schema)
    for name, schema in schemas.items():
        _add_examples(name, schema)
    meanings = {name: each.row.purpose for name, each in LISTED.items()} | _TAGS
    operations = [each for methods in description["paths"].values() for each in methods.values()]
    tags = dict.fromkeys(tag for each in operations for tag in each["tags"])
    description["tags"] = [
        {"name": tag, "description": meanings.get(tag, "Operations of another package.")}
        for tag in tags
    ]
    return description


@cache
def examples() -> dict[str, dict[str, Any]]:
    """Return an example of each field by schema; empty if the file does not exist."""
    file = resources.files("pvkdb_api.rest").joinpath(EXAMPLES)
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _add_examples(name: str, schema: dict[str, Any]) -> None:
    stem = name.removesuffix("Part")
    shared = examples().get(f"{stem}Row", examples().get(stem, {})) if "Part" in name else {}
    known = {**shared, **examples().get(name, {})}
    for field, declared in schema.get("properties", {}).items():
        if field in known:
            declared.setdefault("examples", [known[field]])
        elif declared.get("values"):  # of a closed vocabulary that no shipped row uses
            declared.setdefault("examples", declared["values"][:1])
