"""Several values in one parameter: ``absorber=MAPbI3,(FA,Cs)PbI3``."""

from __future__ import annotations

from pvkdb_api.problems import ParameterError

#: Most values of one parameter, longest value, longest parameter.
MOST_VALUES = 500
LONGEST_VALUE = 200
LONGEST_LIST = 16_000

_OPENING, _CLOSING = "([{", ")]}"


def split_values(name: str, text: str) -> tuple[str, ...]:
    """The values of a list; a comma within brackets or double quotes does not part them.

    Raises:
        ParameterError: a value is empty or too long, a quote is open, or there are too many.

    Example:
        >>> split_values("absorber", 'MAPbI3, (FA,Cs)PbI3,"a, b"')
        ('MAPbI3', '(FA,Cs)PbI3', 'a, b')
    """
    values, value, depth, quoted = [], "", 0, False
    for character in text:
        if character == '"':
            quoted = not quoted
            continue
        if not quoted:
            depth += (character in _OPENING) - (character in _CLOSING)
        if character == "," and depth <= 0 and not quoted:
            values.append(value.strip())
            value = ""
        else:
            value += character
    values.append(value.strip())
    if quoted:
        raise ParameterError(name, f"{name!r} has a double quote that is never closed")
    if not all(values):
        raise ParameterError(name, f"{name!r} has an empty value; write values as A,B,C")
    if len(values) > MOST_VALUES:
        raise ParameterError(
            name, f"{name!r} has {len(values)} values; ask for at most {MOST_VALUES} at a time"
        )
    if max(map(len, values)) > LONGEST_VALUE:
        raise ParameterError(name, f"a value of {name!r} is longer than {LONGEST_VALUE} characters")
    return tuple(dict.fromkeys(values))
