"""Reads of cells in a crossbar with line resistance and any data: one cell, or a map of many.

The read scheme, the kind of cell and equation (2) are those of :mod:`pvkdb.crossbar`; the
circuit is solved by :mod:`pvkdb.crossbar.network`. Every function raises InputError if an argument
is out of its range.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pvkdb.crossbar.checks import ratio, resistance, size
from pvkdb.crossbar.field import Array
from pvkdb.crossbar.limits import BIAS, blocking
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Cell, Read

__all__ = ["CellReading", "Crosspoint", "margin_map", "read_cell", "voltage_map"]


@dataclass(frozen=True, slots=True)
class Crosspoint:
    """The device at every crosspoint: R_LRS in ohm, R_HRS over R_LRS, what blocks sneak paths."""

    r_lrs_ohm: float
    on_off_ratio: float
    cell: Cell = Cell.RESISTOR
    selectivity: float = 1.0

    def __post_init__(self) -> None:
        resistance("R_LRS", self.r_lrs_ohm)
        ratio("on/off ratio", self.on_off_ratio)
        ratio("selectivity", self.selectivity)


@dataclass(frozen=True, slots=True)
class CellReading:
    """The read of one cell in both states, in units of the read voltage.

    ``level_lrs`` and ``level_hrs`` are the voltages at the pull-up, ``margin`` is their difference,
    ``cell_voltage`` is the voltage across the cell in LRS. ``across_v`` (rows × columns) is then
    the voltage of every cell, word line minus bit line.
    """

    row: int
    column: int
    level_lrs: float
    level_hrs: float
    cell_voltage: float
    across_v: Array = field(repr=False, compare=False)

    @property
    def margin(self) -> float:
        """The read margin ΔV/V_read: level in LRS minus level in HRS."""
        return self.level_lrs - self.level_hrs


def read_cell(
    device: Crosspoint,
    lrs: npt.NDArray[np.bool_],
    row: int,
    column: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
) -> CellReading:
    """Return the read levels of a cell, in LRS and in HRS, in a crossbar with any data.

    Args:
        device: the device at every crosspoint.
        lrs: rows × columns, True for a cell in LRS; the selected cell is read in both states.
        row: the selected word line, driven at its left end by an ideal source.
        column: the selected bit line; the pull-up joins its lower end to ground.
        pull_up_ohm: the pull-up resistor.
        line_ohm: resistance of a line between neighbouring cells; see the network.
        read: how the other lines are held.
    """
    from pvkdb.crossbar.network import Circuit, Drive, conductance_s, floating

    resistance("R_pull-up", pull_up_ohm)
    pattern = np.asarray(lrs, dtype=bool)
    if pattern.ndim != 2 or not (0 <= row < pattern.shape[0] and 0 <= column < pattern.shape[1]):
        raise InputError(f"cell ({row}, {column}) is not in an array of {pattern.shape}")
    on = 1 / device.r_lrs_ohm
    off = conductance_s(device.r_lrs_ohm * device.on_off_ratio)
    cells = np.where(pattern, on, off) / _blocked(device, pattern.shape, row, column)
    cells[row, column] = on
    rows, columns = pattern.shape
    word, bit = floating(rows), floating(columns)
    if read is not Read.FLOATING:
        alpha = BIAS[read]
        word = Drive(np.full(rows, alpha), np.zeros(rows))
        bit = Drive(np.full(columns, 1 - alpha), np.zeros(columns))
    word.voltage_v[row], word.series_ohm[row] = 1.0, 0.0
    bit.voltage_v[column], bit.series_ohm[column] = 0.0, pull_up_ohm
    circuit = Circuit(cells, word, bit, line_ohm)
    in_lrs = circuit.voltages()
    in_hrs = circuit.voltages(row, column, off - on)
    return CellReading(
        row=row,
        column=column,
        level_lrs=float(in_lrs.bit_end[column]),
        level_hrs=float(in_hrs.bit_end[column]),
        cell_voltage=float(in_lrs.across[row, column]),
        across_v=in_lrs.across,
    )


def near_and_far(
    device: Crosspoint,
    n: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
) -> tuple[CellReading, CellReading]:
    """Return the reads of the cells nearest to and farthest from the drivers, all others in LRS.

    The array is N × N. The farthest cell is the worst one: it has the most line in its path.
    """
    lines = int(size("the number of lines", n))
    near = voltage_map(device, lines, pull_up_ohm, line_ohm, read, (lines - 1, 0))
    if line_ohm == 0 or lines == 1:
        return near, near
    return near, voltage_map(device, lines, pull_up_ohm, line_ohm, read)


def voltage_map(
    device: Crosspoint,
    n: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
    cell: tuple[int, int] | None = None,
) -> CellReading:
    """Return the read of one cell of an N × N array in LRS, with the voltage of every cell.

    ``cell`` is the row and column of the cell that is read; None for the one farthest from the
    drivers. See :func:`read_cell` for the other arguments.
    """
    lines = int(size("the number of lines", n))
    pattern = np.ones((lines, lines), dtype=bool)
    return read_cell(device, pattern, *(cell or (0, lines - 1)), pull_up_ohm, line_ohm, read)


def places(n: int, most: int) -> list[int]:
    """Return at most ``most`` of ``n`` lines, evenly spaced from the first to the last.

    Example:
        >>> places(64, 4), places(3, 8)
        ([0, 21, 42, 63], [0, 1, 2])
    """
    if most < 2:
        raise InputError(f"{most} places do not span an array; give at least 2")
    count = min(n, most)
    return sorted({round(step * (n - 1) / max(1, count - 1)) for step in range(count)})


def margin_map(
    device: Crosspoint,
    n: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
    most: int = 8,
) -> tuple[list[int], Array]:
    """Return the read margin of each cell by its position, with all other cells in LRS.

    Each place needs a circuit, since it drives other lines. Therefore only those of ``places``
    are solved, at most ``most`` in each direction. Without line resistance all are equal.

    Returns:
        The rows, which are the columns too, and margins in units of the read voltage (rows ×
        columns).
    """
    chosen = places(int(size("the number of lines", n)), most)

    def margin(cell: tuple[int, int] | None) -> float:
        return voltage_map(device, n, pull_up_ohm, line_ohm, read, cell).margin

    if line_ohm == 0:
        return chosen, np.full((len(chosen), len(chosen)), margin(None))
    return chosen, np.array([[margin((row, column)) for column in chosen] for row in chosen])


def _blocked(device: Crosspoint, shape: tuple[int, ...], row: int, column: int) -> Array:
    """Return factors on the resistances of half-selected cells and of cells on neither line.

    If lines are held at a bias, only the cells on neither line at V/3 conduct backwards.
    """
    half, middle = blocking(device.cell, device.selectivity)
    factors = np.full(shape, middle)
    factors[row, :] = half
    factors[:, column] = half
    factors[row, column] = 1.0
    return factors
