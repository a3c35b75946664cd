"""Refusing numbers that no crossbar has."""

from __future__ import annotations

from math import isfinite, isnan

from pvkdb.errors import InputError


def resistance(name: str, ohm: float, *, zero: bool = False) -> float:
    """A resistance in ohm: finite and above zero, or zero where ``zero`` allows it.

    Raises:
        InputError: it is not.
    """
    if not isfinite(ohm) or ohm < 0 or (ohm == 0 and not zero):
        least = "at least 0" if zero else "above 0"
        raise InputError(f"{name} = {ohm:g} is no resistance; give ohms, finite and {least}")
    return ohm


def ratio(name: str, value: float) -> float:
    """A ratio of resistances from 1 on; infinite is allowed.

    Raises:
        InputError: it is below 1 or not a number.
    """
    if isnan(value):
        raise InputError(f"{name} is not a number; give the larger resistance over the smaller one")
    if value < 1:
        raise InputError(
            f"{name} = {value:g} is below 1; give the larger resistance over the smaller one"
        )
    return value


def fraction(name: str, value: float) -> float:
    """A number above 0 and below 1.

    Raises:
        InputError: it is not.
    """
    if not 0 < value < 1:
        raise InputError(f"{name} = {value:g} is not between 0 and 1; give a fraction such as 0.1")
    return value


def size(name: str, lines: float) -> float:
    """A number of lines, from 1 on.

    Raises:
        InputError: it is less, or not a number.
    """
    if not isfinite(lines) or lines < 1:
        raise InputError(f"{name} = {lines:g} is no array; give a number of lines from 1 on")
    return lines
