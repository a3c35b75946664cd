"""Checks of numbers: resistances, ratios, fractions and sizes that a crossbar can have.

Each function returns its number, and raises InputError if it is outside the range.
"""

from __future__ import annotations

from math import inf, isfinite, isnan

from pvkdb.errors import InputError

#: Limits of this code, far beyond any device: resistances in ohm, and the largest finite ratio.
#: Within them no formula here overflows (tests/pvkdb/crossbar/test_estimates.py).
LEAST_OHM, MOST_OHM, MOST_RATIO = 1e-12, 1e24, 1e15

#: A smaller margin is within rounding.
LEAST_FRACTION = 1e-6


def resistance(name: str, ohm: float, *, zero: bool = False) -> float:
    """Return a resistance in ohm, checked: finite and above 0, with ``zero`` also 0."""
    if not isfinite(ohm) or ohm < 0 or (ohm == 0 and not zero):
        least = "at least 0" if zero else "above 0"
        raise InputError(f"{name} = {ohm:g} is not a resistance; give ohms, finite and {least}")
    if ohm and not LEAST_OHM <= ohm <= MOST_OHM:
        raise InputError(
            f"{name} = {ohm:g} ohm is outside {LEAST_OHM:g} to {MOST_OHM:g} ohm; check the unit"
        )
    return ohm


def ratio(name: str, value: float) -> float:
    """Return a ratio of resistances, checked: at least 1; it may be infinite."""
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
    """Return a fraction, checked: above 0 and below 1 by more than rounding."""
    if not LEAST_FRACTION <= value <= 1 - LEAST_FRACTION:
        raise InputError(
            f"{name} = {value:g} is not between {LEAST_FRACTION:g} and {1 - LEAST_FRACTION:g}; "
            "give a fraction such as 0.1"
        )
    return value


def size(name: str, lines: float) -> float:
    """Return a number of lines, checked: finite and at least 1."""
    if not isfinite(lines) or lines < 1:
        raise InputError(f"{name} = {lines:g} is too small for an array; give at least 1")
    return lines
