"""The tidy forms of a measurement: what every file is read into, and every metric is made from.

Field names end in their units. What a file does not say stays None; nothing is assumed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@cache
def shipped(file: str, package: str = "pvkdb.measurements") -> dict[str, dict[str, str]]:
    """Return the rows of a table beside the modules of a package, by their first column."""
    text = (resources.files(package) / file).read_text(encoding="utf-8")
    return {next(iter(row.values())): row for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True, slots=True)
class Setup:
    """What is known of a measurement beside its points; None is unknown."""

    file: str = ""
    device: str = ""
    sha256: str = ""  # of the file
    rows: str = ""  # of the file, with its sheet or sweep
    thickness_m: float | None = None
    compliance_a: float | None = None
    read_voltage_v: float | None = None
    area_m2: float | None = None
    temperature_k: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """File, sheet or sweep, and lines of the points."""
        return f"{self.file} {self.rows}".strip()


@dataclass(frozen=True, slots=True)
class Trace:
    """Current over voltage, with times if they were recorded: a sweep or an answer to a pulse."""

    voltage_v: Floats
    current_a: Floats
    time_s: Floats | None = None
    lines: npt.NDArray[np.int64] | None = None  # of the file, from 1
    setup: Setup = field(default_factory=Setup)

    def place(self, point: int) -> str:
        """Return file and line of a point."""
        return self.setup.file + ("" if self.lines is None else f" line {self.lines[point]}")


@dataclass(frozen=True, slots=True)
class PulseTrain:
    """Conductance after each pulse; ``unit`` is S, or "arbitrary" where the file has none."""

    pulse: Floats
    conductance: Floats
    unit: str = "S"
    falling: bool = False  # depression
    amplitude_v: float | None = None
    width_s: float | None = None
    setup: Setup = field(default_factory=Setup)


@dataclass(frozen=True, slots=True)
class Cycles:
    """Resistances read in every cycle, devices × cycles; NaN where a device has fewer cycles."""

    hrs_ohm: Floats
    lrs_ohm: Floats
    devices: tuple[str, ...]
    setup: Setup = field(default_factory=Setup)
    gaps: bool | None = None  # whether cycle numbers are missing; None: the file has none


@dataclass(frozen=True, slots=True)
class Decay:
    """One state over time after it was written; ``unit`` is A, S, ohm or arbitrary."""

    time_s: Floats
    value: Floats
    unit: str = "A"
    setup: Setup = field(default_factory=Setup)
    bias_v: float | None = None  # on at every point; None: not known


@dataclass(frozen=True, slots=True)
class AreaSeries:
    """Sweeps of devices of several areas, each with ``setup.area_m2``."""

    members: tuple[Trace, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """A response over the interval between two pulses (PPF) or two spikes (STDP)."""

    interval_s: Floats
    response: Floats
    setup: Setup = field(default_factory=Setup)


@dataclass(frozen=True, slots=True)
class States:
    """Values of the states of a memory, each read several times; ``after`` a wait or a bake."""

    names: tuple[str, ...]
    before: tuple[Floats, ...]
    after: tuple[Floats, ...] = ()  # empty: not read again
    setup: Setup = field(default_factory=Setup)


@dataclass(frozen=True, slots=True)
class TemperatureSeries:
    """Decays at several temperatures, each with ``setup.temperature_k``."""

    members: tuple[Decay, ...]
