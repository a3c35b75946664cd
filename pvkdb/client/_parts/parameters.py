"""Parameters of requests as text."""

from __future__ import annotations

from collections.abc import Mapping

from pvkdb.errors import InputError

#: A value, a range (low, high), or either as text like on the command line: "90:300".
RangeValue = float | tuple[float, float] | str


def parameters_of(**given: RangeValue | bool | Mapping[str, float] | None) -> dict[str, str]:
    """Return the query parameters of values, ranges and weights that are not None.

    Raises:
        InputError: a tuple does not have two values.

    Example:
        >>> parameters_of(thickness_nm=(90, 300), bias_v=1.0, temperature_k=None)
        {'thickness_nm': '90:300', 'bias_v': '1.0'}
        >>> parameters_of(thickness_nm="90:300", lead_free=True)
        {'thickness_nm': '90:300', 'lead_free': 'true'}
    """
    found = {}
    for name, value in given.items():
        if isinstance(value, tuple):
            if len(value) != 2:
                raise InputError(f"{name}={value!r} is not a range; write (low, high)")
            found[name] = ":".join(map(str, value))
        elif isinstance(value, Mapping):
            found[name] = ",".join(f"{key}={number!r}" for key, number in value.items())
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif value is not None:
            found[name] = str(value)
    return found
