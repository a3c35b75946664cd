"""Arguments of tools for language models: their schemas from the REST service's, and checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pvkdb.errors import InputError
from pvkdb.schemas import unfit

#: Rows of one answer: by default, and at most.
ROWS, MOST_ROWS = 10, 50

LIMIT: dict[str, dict[str, Any]] = {
    "limit": {
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": MOST_ROWS,
        "description": "Rows of the answer; `more` is the call for the next ones. By default as "
        "many, up to 10, as 2,000 tokens hold.",
    }
}


def names_in(route: str) -> list[str]:
    """Return the names in a route."""
    return re.findall(r"{(\w+)}", route)


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without what a model has no use for; every argument may be left out."""
    merged = first_option(schema)
    left_out = {"anyOf", "title", "x-separator", "minLength", "maxLength"}
    if "|" not in merged.get("pattern", ""):
        left_out.add("pattern")
    if merged.get("type") in ("integer", "number"):
        merged["type"] = [merged["type"], "string"]  # models write numbers as either
    return {name: value for name, value in merged.items() if name not in left_out}


def first_option(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with its first option that is not null in its own place."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**schema, **(options[0] if options else {})}


def checked(name: str, value: Any) -> Any:
    """Return the value of an argument as the service reads it.

    Raises:
        InputError: it is an object or a path, too large, or holds control characters.
    """
    if reason := unfit(value):
        raise InputError(f"{name}: {reason}")
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        texts = [str(checked(name, each)) for each in value]
        return ",".join(f'"{text}"' if "," in text and '"' not in text else text for text in texts)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        raise InputError(f"{name} cannot be a {type(value).__name__}; give a text or a number")
    if name in ("application", "formula", "key") and ("/" in value or not value.strip(". ")):
        raise InputError(f"{name} cannot be {value[:60]!r}; give one name without '/'")
    return value


def limit_in(given: Mapping[str, Any]) -> int:
    """Return how many rows are asked for.

    Raises:
        InputError: it is no whole number, or out of range.
    """
    value = given.get("limit", ROWS)
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= MOST_ROWS:
        wrong = f"limit cannot be {str(value)[:60]!r}"
        raise InputError(f"{wrong}; give a whole number from 1 to {MOST_ROWS}")
    return value
