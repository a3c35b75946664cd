"""Lines of a TOML text: where a key of a table stands, which tomllib does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?\s*([\w.\-]+)\s*\]?\]")
_KEY = re.compile(r"\s*(?:([\w\-]+)|\"([^\"]+)\")\s*=")

#: Names of nested tables and their places in arrays: (("devices", 1), ("readings", 0)).
Path = tuple[tuple[str, int], ...]


def line_of(text: str, path: Path, key: str | None = None) -> int | None:
    """The line, from 1, of a table's header, or of a key in it; None where it is not found.

    Args:
        text: the TOML text.
        path: the table; empty for the top level. A table that is not in an array has place 0.
        key: a key of the table; where it is not found, the header's line is given.
    """
    counts: dict[str, int] = {}
    here: Path = ()
    header = 1 if not path else None
    for number, line in enumerate(text.splitlines(), start=1):
        match = _HEADER.match(line)
        if match:
            here = _enter(match[1], counts)
            if here == path:
                header = number
            continue
        found = _KEY.match(line)
        if found and here == path and (found[1] or found[2]) == key:
            return number
        if found and key is None and len(path) == 1 and not here and found[1] == path[0][0]:
            return number  # an inline table or array
    return header


def _enter(name: str, counts: dict[str, int]) -> Path:
    counts[name] = counts.get(name, -1) + 1
    for other in list(counts):
        if other.startswith(f"{name}."):
            del counts[other]
    parts = name.split(".")
    return tuple(
        (part, counts.get(".".join(parts[: depth + 1]), 0)) for depth, part in enumerate(parts)
    )
