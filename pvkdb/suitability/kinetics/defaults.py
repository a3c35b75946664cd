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


#: The temperature where none is given, in K.
ROOM_TEMPERATURE_K = 298.15
