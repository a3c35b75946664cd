"""Drivers of a crossbar's lines, the voltages on them, and parts that no driver reaches."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drive:
    """The drivers at the ends of all word lines or of all bit lines.

    ``voltage_v`` and ``series_ohm`` have one entry a line; a series resistance of infinity leaves
    the line floating, zero makes an ideal source.
    """

    voltage_v: Array
    series_ohm: Array

    def checked(self, kind: str, lines: int) -> Drive:
        """Return the drivers as arrays of floats.

        Raises:
            InputError: the shapes do not fit the lines, or a value is out of its range.
        """
        voltage, series = np.asarray(self.voltage_v, float), np.asarray(self.series_ohm, float)
        if voltage.shape != (lines,) or series.shape != (lines,):
            raise InputError(
                f"{lines} {kind} lines need as many voltages and series resistances; "
                f"{voltage.shape} and {series.shape} are given"
            )
        if not np.isfinite(voltage).all():
            raise InputError(f"a {kind} line is driven at a voltage that is not finite; give volts")
        if np.isnan(series).any() or (series < 0).any():
            raise InputError(
                f"a series resistance of a {kind} line is negative or not a number; give ohms from "
                "0 on, infinity for a floating line"
            )
        return Drive(voltage, series)


def floating(lines: int) -> Drive:
    """Return drivers for floating lines: 0 V behind an infinite resistance."""
    return Drive(np.zeros(lines), np.full(lines, inf))


@dataclass(frozen=True, slots=True)
class Field:
    """Voltages in V: one value for each line, and the departure of each node from it.

    ``word_line`` (rows) and ``bit_line`` (columns) are the values, ``word`` and ``bit`` (rows ×
    columns) the departures. Kept apart, the small drops along a line lose no digits to its voltage.
    """

    word_line: Array
    bit_line: Array
    word: Array
    bit: Array

    def plus(self, factor: float, other: Field) -> Field:
        """Return this field plus ``factor`` times another one."""
        return Field(
            self.word_line + factor * other.word_line,
            self.bit_line + factor * other.bit_line,
            self.word + factor * other.word,
            self.bit + factor * other.bit,
        )

    def across(self) -> Array:
        """Return the voltage of every cell, word line minus bit line: rows × columns."""
        difference: Array = (self.word_line[:, None] - self.bit_line) + (self.word - self.bit)
        return difference


def pins(matrix: Any, driven: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return conductances to ground: 1 S at one node of each part of the circuit without a driver.

    Such a part carries no current and its voltage is undefined. Grounding makes it 0 V, so that the
    equations have one solution. An entry of the matrix, n × n, that is not 0 joins two nodes;
    ``driven``, n: whether a driver reaches the node.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix(matrix)
    graph.eliminate_zeros()
    parts, part_of = connected_components(graph, directed=False)
    reached = np.zeros(parts, dtype=bool)
    reached[part_of[driven]] = True
    grounded = np.zeros(len(part_of))
    first_of_part = np.unique(part_of, return_index=True)[1]
    grounded[first_of_part[~reached]] = 1.0
    return grounded
