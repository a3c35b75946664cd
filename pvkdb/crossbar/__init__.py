"""Crossbar arrays of memristors: read margins, largest arrays, the circuit itself.

``limits`` has equations (1) and (2) of the review (Chem. Soc. Rev. 2026, 55, 2145, section 5.1.1)
in closed form, ``network`` solves the circuit with line resistance, ``spacing`` has the rule for
crosstalk.
"""

from typing import TYPE_CHECKING

from pvkdb._later import later

if TYPE_CHECKING:
    from pvkdb.crossbar.limits import LargestArray, largest_array, read_margin, sneak_resistance_ohm
    from pvkdb.crossbar.spacing import (
        critical_field_v_per_m,
        smallest_spacing_m,
        spacing_by_field_m,
    )

__all__ = [
    "LargestArray",
    "critical_field_v_per_m",
    "largest_array",
    "read_margin",
    "smallest_spacing_m",
    "sneak_resistance_ohm",
    "spacing_by_field_m",
]

__getattr__ = later(
    __name__,
    limits="LargestArray largest_array read_margin sneak_resistance_ohm",
    spacing="critical_field_v_per_m smallest_spacing_m spacing_by_field_m",
)
