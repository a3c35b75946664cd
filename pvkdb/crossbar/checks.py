"""Refusing numbers that no crossbar has."""

from __future__ import annotations

from math import inf, isfinite, isnan

from pvkdb.errors import InputError

#: Limits of this code, far beyond any device: resistances in ohm, and the largest finite ratio.
#: Within them no formula here overflows (tests/pvkdb/crossbar/test_estimates.py).
LEAST_OHM, MOST_OHM, MOST_RATIO = 1e-12, 1e24, 1e15

#: A margin below this cannot be told from rounding.
LEAST_FRACTION = 1e-6


def resistance(name: str, ohm: float, *, zero: bool = False) -> float:
    """A resistance in ohm: finite and above zero, or zero where ``zero`` allows it.

    Raises:
        InputError: it is not.
    """
    if not isfinite(ohm) or ohm < 0 or (ohm == 0 and not zero):
        least = "at least 0" if zero else "above 0"
        raise InputError(f"{name} = {ohm:g} is no resistance; give ohms, finite and {least}")
    if ohm and not LEAST_OHM <= ohm <= MOST_OHM:
        raise InputError(
            f"{name} = {ohm:g} ohm is no resistance of a device; give {LEAST_OHM:g} to {MOST_OHM:g}"
        )
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
    if MOST_RATIO < value < inf:
        raise InputError(f"{name} = {value:g} is above {MOST_RATIO:g}; give less, or infinity")
    return value


def fraction(name: str, value: float) -> float:
    """A number above 0 and below 1, told from both.

    Raises:
        InputError: it is not.
    """
    if not LEAST_FRACTION <= value <= 1 - LEAST_FRACTION:
        raise InputError(
            f"{name} = {value:g} is not between {LEAST_FRACTION:g} and {1 - LEAST_FRACTION:g}; "
            "give a fraction such as 0.1"
        )
    return value


def size(name: str, lines: float) -> float:
    """A number of lines, from 1 on.

    Raises:
        InputError: it is less, or not a number.
    """
    if not isfinite(lines) or lines < 1:
        raise InputError(f"{name} = {lines:g} is no array; give a number of lines from 1 on")
    return lines
