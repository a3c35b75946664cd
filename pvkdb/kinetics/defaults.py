"""What the kinetics assumes where nobody gives a number, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pvkdb.chemistry import Interval


@dataclass(frozen=True, slots=True)
class Default:
    """A value in the unit of its name, and where it comes from."""

    value: Interval
    unit: str
    source: str


#: By argument name, as the functions call them.
DEFAULTS: Mapping[str, Default] = {
    "attempt_frequency_hz": Default(
        Interval(1e12, 1e13),
        "Hz",
        "frequencies of the inorganic cage of MAPbI3, a few THz: Brivio 2015, doi "
        "10.1103/PhysRevB.92.144308; the order that Vineyard 1957, doi "
        "10.1016/0022-3697(57)90059-8, gives an attempt frequency",
    ),
    "jump_length_m": Default(
        Interval.exactly(6.3285e-10 / 2**0.5),
        "m",
        "octahedron edge a/√2 of cubic MAPbI3, a = 6.3285 Å: Poglitsch 1987, doi 10.1063/1.453467",
    ),
    "equivalent_jumps": Default(
        Interval.exactly(8),
        "1",
        "geometry: every X site of a cubic ABX3 has 8 nearest X sites, along octahedron edges",
    ),
    "dimensions": Default(
        Interval.exactly(3), "1", "geometry: octahedra share corners in three dimensions"
    ),
}

#: The layer and how it is written, where nobody gives it: what the review prints of memristors.
LAYER_DEFAULTS: Mapping[str, Default] = {
    "thickness_m": Default(
        Interval(6e-8, 1e-6),
        "m",
        "span of the layers of perovskite memristors that the review prints: 60 nm (section "
        "5.1.1) to ~1 μm (section 3.2.2.2)",
    ),
    "bias_v": Default(
        Interval(0.17, 4.8),
        "V",
        "span of the SET voltages of Table 4 of the review, in magnitude: rows 5 and 6",
    ),
    "write_time_s": Default(
        Interval(1e-4, 2e-3),
        "s",
        "widths of electrical pulses that the review prints: 100 μs (section 5.1.3) and 2 ms "
        "(section 6.1.2)",
    ),
}

#: The temperature where none is given, in K.
ROOM_TEMPERATURE_K = 298.15
