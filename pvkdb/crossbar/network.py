"""The exact solution of a crossbar's circuit: every node of every line, with line resistance.

Cell (r, c) joins word line r and bit line c. Word lines are driven at their left end (c = 0), bit
lines at their lower end (r = rows − 1), each through a segment of line and a series resistance;
between neighbouring cells lies one segment. Kirchhoff's current law is a symmetric linear system:
of rows + columns lines without line resistance, of 2·rows·columns nodes with it.

The nodal equations are those of Chen, IEEE Trans. Electron Devices 2013, 60, 1318 (doi
10.1109/TED.2013.2246791), for cells that are resistors. A selector or rectifier enters as the
resistance of a cell at its intended voltage; it is not iterated with the actual one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isinf

import numpy as np

from pvkdb.crossbar.checks import resistance
from pvkdb.crossbar.equations import DistributedLines, LumpedLines
from pvkdb.crossbar.field import Array, Drive, Field, floating
from pvkdb.errors import InputError

__all__ = ["Circuit", "Drive", "Voltages", "conductance_s", "floating", "seen_conductance_s"]


@dataclass(frozen=True, slots=True)
class Voltages:
    """Voltages in V.

    ``word``, ``bit`` and ``across`` (word minus bit) are rows × columns; ``bit_end`` are the
    voltages between line and series resistance at the drivers of the bit lines, one for each
    line, 0 for a floating one.
    """

    word: Array
    bit: Array
    across: Array
    bit_end: Array


class Circuit:
    """A crossbar with its cells and drivers, factorised once for any number of changed cells.

    Args:
        cells_s: rows × columns, siemens, 0 for a cell that does not conduct.
        word: what drives the word lines, one entry a row.
        bit: what drives the bit lines, one entry a column.
        line_ohm: resistance of a line between neighbouring cells, and from the driver to the
            first cell.

    Raises:
        InputError: shapes do not fit, or a value is negative or not finite.
    """

    def __init__(self, cells_s: Array, word: Drive, bit: Drive, line_ohm: float = 0) -> None:
        cells = np.asarray(cells_s, dtype=float)
        if cells.ndim != 2 or 0 in cells.shape:
            raise InputError(
                f"conductances of shape {cells.shape} do not form a crossbar; give rows × columns"
            )
        usable = np.isfinite(cells) & (cells >= 0)
        if not usable.all():
            raise InputError(
                f"a cell of {cells[~usable][0]:g} S is not a resistor; conductances are finite and "
                "at least 0"
            )
        resistance("line resistance", line_ohm, zero=True)
        self._cells, self._line_ohm = cells, line_ohm
        self._word = word.checked("word", cells.shape[0])
        self._bit = bit.checked("bit", cells.shape[1])
        self._equations: LumpedLines | DistributedLines = (
            LumpedLines(cells, self._word, self._bit)
            if line_ohm == 0
            else DistributedLines(cells, self._word, self._bit, line_ohm)
        )
        self._driven: Field = self._equations.driven()

    def voltages(self, row: int = 0, column: int = 0, change_s: float = 0.0) -> Voltages:
        """Return the voltages after one cell's conductance changed by ``change_s`` siemens.

        The change has rank one: one more solve with the same factors (Sherman–Morrison).

        Raises:
            InputError: the cell does not exist, or its conductance would be negative.
        """
        rows, columns = self._cells.shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(
                f"cell ({row}, {column}) is not in an array of {rows} × {columns}; count from 0"
            )
        if not isfinite(change_s) or self._cells[row, column] + change_s < 0:
            raise InputError(
                f"a change of {change_s:g} S leaves cell ({row}, {column}) without a positive "
                f"conductance; it has {self._cells[row, column]:g} S"
            )
        field = self._driven
        if change_s:
            jump = self._equations.jump(row, column)
            current = change_s * float(field.across()[row, column])
            weight = 1 + change_s * float(jump.across()[row, column])
            field = field.plus(-current / weight, jump)
        return Voltages(
            word=field.word_line[:, None] + field.word,
            bit=field.bit_line + field.bit,
            across=field.across(),
            bit_end=self._at_bit_drivers(field),
        )

    def _at_bit_drivers(self, field: Field) -> Array:
        """Return the voltages between series resistances and bit lines."""
        drive = self._bit
        driven = np.isfinite(drive.series_ohm)
        total = np.where(driven, drive.series_ohm, 1.0) + self._line_ohm
        share = np.where(total > 0, np.where(driven, drive.series_ohm, 0.0), 0.0) / np.where(
            total > 0, total, 1.0
        )
        lost = ((drive.voltage_v - field.bit_line) - field.bit[-1]) * share
        return np.where(driven, drive.voltage_v - lost, 0.0)


def seen_conductance_s(cells_s: Array, line_ohm: float) -> Array:
    """Return the current into each bit line for 1 V at each word line, in S: rows × columns.

    All other lines are held at 0 V. Without line resistance these are the cells; with it, currents
    and voltages change places by reciprocity, so that one solution gives a column.
    """
    if resistance("line resistance", line_ohm, zero=True) == 0:
        return np.asarray(cells_s, dtype=float)
    rows, columns = np.shape(cells_s)
    word, bit = (Drive(np.zeros(n), np.zeros(n)) for n in (rows, columns))
    lines = DistributedLines(np.asarray(cells_s, dtype=float), word, bit, line_ohm)
    seen = np.empty((rows, columns))
    for column in range(columns):
        field = lines.driven((np.arange(columns) == column).astype(float))
        seen[:, column] = (field.word_line + field.word[:, 0]) / line_ohm
    return seen


def conductance_s(resistance_ohm: float) -> float:
    """Return the conductance of a cell in S; 0 for an infinite resistance."""
    return 0.0 if isinf(resistance_ohm) else 1 / resistance("a cell's resistance", resistance_ohm)
