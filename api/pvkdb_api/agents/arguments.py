"""Arguments of tools for language models: their schemas from the REST service's, and checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from pvkdb.errors import InputError
from pvkdb.schemas import unfit

#: Rows of one answer: by default, and at most.
ROWS, MOST_ROWS = 10, 50

#: What arguments of several tools mean, in few words.
COMMON = {
    "limit": f"At most {MOST_ROWS}",
    "cursor": "From `more`",
    "fields": "Only these fields, separated by commas",
    "sort": "Fields; a minus before one: largest first",
    "facets": "Fields whose values are counted",
}
LIMIT: dict[str, dict[str, Any]] = {"limit": {"type": "integer"}}
#: The names that a list of the service may hold, in the pattern of its parameter.
_NAMES = re.compile(r"\^ \*\(\((.*?)\)\)\? \*\(,")
#: Characters from which on a meaning is cut to its first sentence.
LONG = 80
#: The end of what has to be known of an argument; ``e.g.`` is none.
_END = re.compile(r"(?<=[^.g])[;.] ")


def names_in(route: str) -> list[str]:
    """Return the names in a route."""
    return re.findall(r"{(\w+)}", route)


def short(name: str, schema: Mapping[str, Any], others: Collection[str]) -> dict[str, Any]:
    """Return the JSON schema of an argument in the few words that a model needs.

    What a bound means, is said at the lower one; a bound of a column has the name of the column.
    """
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    given = {**schema, **(options[0] if options else {})}
    found = {each: given[each] for each in ("type", "enum") if each in given}
    if given.get("type") == "array":
        found["items"] = {"type": given["items"]["type"]}
    said = COMMON.get(name) or given["description"].rstrip(".")
    said = said if len(said) < LONG else _END.split(said)[0]
    named = _NAMES.match(given.get("pattern", ""))
    if named and name not in COMMON and "e.g." not in said:
        names = re.sub(r"\\(.)", r"\1", named[1]).split("|")
        said += "" if all(each in said for each in names) else f": {', '.join(names)}"
    if given.get("default"):
        said += f"; default: {given['default']}"
    lower = name.removesuffix("_max") + "_min"
    plain = said.startswith("Smallest value of ") or (name.endswith("_max") and lower in others)
    return found if plain else {**found, "description": said}


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
