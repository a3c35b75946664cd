"""Several values in one parameter: ``absorber=MAPbI3,(FA,Cs)PbI3``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

#: Longest parameter with several values.
LONGEST_LIST = 8_000

_OPENING, _CLOSING = "([{", ")]}"


def split_values(text: str) -> tuple[str, ...]:
    """The values of a list; a comma within brackets or double quotes does not part them.

    Example:
        >>> split_values('MAPbI3, (FA,Cs)PbI3,"a, b"')
        ('MAPbI3', '(FA,Cs)PbI3', 'a, b')
    """
    values, value, depth, quoted = [], "", 0, False
    for character in text:
        if character == '"':
            quoted = not quoted
            continue
        if not quoted:
            depth = max(0, depth + (character in _OPENING) - (character in _CLOSING))
        if character == "," and depth == 0 and not quoted:
            values.append(value)
            value = ""
        else:
            value += character
    return _tidy([*values, value])


def split_names(text: str) -> tuple[str, ...]:
    """The values of a list of names, in which nothing needs brackets or quotes."""
    return _tidy(text.split(","))


def names_type(names: Iterable[str], sign: str = "") -> Any:
    """The type of a list of names; the description of the service says which there are.

    What else is given is refused by whoever reads the list, with the nearest name.
    """
    one = f" *({sign}({'|'.join(map(re.escape, names))}))? *"
    return Annotated[
        str,
        Field(max_length=LONGEST_LIST, json_schema_extra={"pattern": f"^{one}(,{one})*$"}),
    ]


def _tidy(values: Iterable[str]) -> tuple[str, ...]:
    stripped = (value.strip(" ") for value in values)
    return tuple(dict.fromkeys(value for value in stripped if value))
