"""The spacing of cells at which their neighbours do not switch: crosstalk.

The review (Chem. Soc. Rev. 2026, 55, 2145, section 5.1.1) takes from de Boer and Ehrler (ACS Energy
Lett. 2024, 9, 5787, its ref. 332) that crosstalk is avoided if the spacing is at least 100 times
the thickness: no switching below 1 mV at 60 nm, so that at 100 mV the field between neighbours
stays below 1 mV / 60 nm from 6 μm on. Every function raises InputError if an argument is not
positive.
"""

from __future__ import annotations

from math import isfinite

from pvkdb.errors import InputError

#: Spacing over thickness that avoids crosstalk: section 5.1.1 of the review, its ref. 332.
SPACING_TO_THICKNESS = 100.0


def smallest_spacing_m(thickness_m: float) -> float:
    """Return the smallest spacing in m by the rule of 100 thicknesses."""
    return SPACING_TO_THICKNESS * _positive("the thickness", thickness_m, "m")


def critical_field_v_per_m(lowest_switching_v: float, thickness_m: float) -> float:
    """Return the field in V/m below which nothing switches: E = V/d."""
    voltage = _positive("the lowest switching voltage", lowest_switching_v, "V")
    return voltage / _positive("the thickness", thickness_m, "m")


def spacing_by_field_m(operating_v: float, critical_field: float) -> float:
    """Return the spacing in m at which an operating voltage makes the critical field."""
    voltage = _positive("the operating voltage", operating_v, "V")
    return voltage / _positive("the critical field", critical_field, "V/m")


def _positive(name: str, value: float, unit: str) -> float:
    if not isfinite(value) or value <= 0:
        raise InputError(f"{name} = {value:g} {unit} must be positive; give it in {unit}")
    return value
