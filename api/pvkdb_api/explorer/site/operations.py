"""The operations of the service as the page ``/docs`` lists them, from its OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    place: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: method, path, what it does, what it takes."""

    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[Parameter, ...]
    bodies: tuple[tuple[str, str], ...]


def operations(description: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """Every operation of an OpenAPI description, by tag."""
    found: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, entry in methods.items():
            tag = entry.get("tags", ["other"])[0]
            found.setdefault(tag, []).append(_operation(method, path, entry))
    return found


def _operation(method: str, path: str, entry: Mapping[str, Any]) -> Operation:
    content = entry.get("requestBody", {}).get("content", {})
    return Operation(
        method.upper(),
        path,
        entry["summary"],
        entry.get("description", ""),
        tuple(
            Parameter(each["name"], each["in"], _type(each["schema"]), _meaning(each))
            for each in entry.get("parameters", ())
        ),
        tuple(
            (kind, str(body["schema"].get("$ref", "")).rpartition("/")[2])
            for kind, body in content.items()
        ),
    )


def _meaning(parameter: Mapping[str, Any]) -> str:
    several = " Several by commas." if "x-separator" in parameter["schema"] else ""
    return f"{parameter.get('description', '')}{several}"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type(entry) for entry in schema["anyOf"] if entry.get("type") != "null")
    kind = str(schema.get("type", ""))
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind
