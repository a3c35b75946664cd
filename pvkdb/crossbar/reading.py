"""Reading one cell of a real crossbar: the circuit of :mod:`pvkdb.crossbar.network` in its use.

The read scheme, the kind of cell and equation (2) are those of :mod:`pvkdb.crossbar.limits`; line
resistance comes in here, and any pattern of data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvkdb.crossbar.checks import ratio, resistance, size
from pvkdb.crossbar.limits import BIAS, blocking
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Cell, Read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pvkdb.crossbar.field import Drive

    Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Device:
    """What stands at every crosspoint: R_LRS in ohm, R_HRS over R_LRS, what blocks sneak paths."""

    r_lrs_ohm: float
    on_off_ratio: float
    cell: Cell = Cell.RESISTOR
    selectivity: float = 1.0

    def __post_init__(self) -> None:
        resistance("R_LRS", self.r_lrs_ohm)
        ratio("on/off ratio", self.on_off_ratio)
        ratio("selectivity", self.selectivity)


@dataclass(frozen=True, slots=True)
class Reading:
    """One cell read in both states, in units of the read voltage.

    ``level_lrs`` and ``level_hrs`` stand at the pull-up, ``margin`` is their difference,
    ``cell_voltage`` the voltage across the cell in LRS.
    """

    row: int
    column: int
    level_lrs: float
    level_hrs: float
    cell_voltage: float

    @property
    def margin(self) -> float:
        """ΔV over V_read."""
        return self.level_lrs - self.level_hrs


def read_cell(
    device: Device,
    lrs: npt.NDArray[np.bool_],
    row: int,
    column: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
) -> Reading:
    """Read a cell of a crossbar that holds any data.

    Args:
        device: what stands at the crosspoints.
        lrs: rows × columns, True for a cell in LRS; the cell that is read is set to both states.
        row: the selected word line, driven at its left end by an ideal source.
        column: the selected bit line, whose lower end the pull-up joins to ground.
        pull_up_ohm: that resistor.
        line_ohm: resistance of a line between neighbouring cells; see the network.
        read: what the other lines do.

    Raises:
        InputError: an argument is out of its range, or there is no such cell.
    """
    selected = select_cell(device, lrs, row, column, pull_up_ohm, line_ohm, read)
    return selected.reading


@dataclass(frozen=True, slots=True)
class Selected:
    """A cell as it is read: its two levels, and the voltages of the whole array while it is in LRS.

    ``across_v`` (rows × columns) is the voltage of every cell, word line minus bit line, in units
    of the read voltage.
    """

    reading: Reading
    across_v: Array


def select_cell(
    device: Device,
    lrs: npt.NDArray[np.bool_],
    row: int,
    column: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
) -> Selected:
    """As :func:`read_cell`, with the voltages of all cells.

    Raises:
        InputError: as there.
    """
    import numpy as np

    from pvkdb.crossbar.network import Circuit, Drive, conductance_s, floating

    resistance("R_pull-up", pull_up_ohm)
    pattern = np.asarray(lrs, dtype=bool)
    if pattern.ndim != 2 or not (0 <= row < pattern.shape[0] and 0 <= column < pattern.shape[1]):
        raise InputError(f"there is no cell ({row}, {column}) in an array of {pattern.shape}")
    on = 1 / device.r_lrs_ohm
    off = conductance_s(device.r_lrs_ohm * device.on_off_ratio)
    cells = np.where(pattern, on, off) / _blocked(device, pattern.shape, row, column, read)
    cells[row, column] = on
    rows, columns = pattern.shape
    word, bit = floating(rows), floating(columns)
    if read is not Read.FLOATING:
        alpha = BIAS[read]
        word = Drive(np.full(rows, alpha), np.zeros(rows))
        bit = Drive(np.full(columns, 1 - alpha), np.zeros(columns))
    _set(word, row, 1.0, 0.0)
    _set(bit, column, 0.0, pull_up_ohm)
    circuit = Circuit(cells, word, bit, line_ohm)
    in_lrs = circuit.voltages()
    in_hrs = circuit.voltages(row, column, off - on)
    reading = Reading(
        row=row,
        column=column,
        level_lrs=float(in_lrs.bit_end[column]),
        level_hrs=float(in_hrs.bit_end[column]),
        cell_voltage=float(in_lrs.across[row, column]),
    )
    return Selected(reading, in_lrs.across)


def near_and_far(
    device: Device,
    n: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
) -> tuple[Reading, Reading]:
    """The cells nearest to and farthest from the drivers of an N × N array, all others in LRS.

    The farthest cell has the most line in its path: it is the worst one, since every cell more or
    less is the same apart from that.

    Raises:
        InputError: an argument is out of its range.
    """
    import numpy as np

    lines = int(size("the number of lines", n))
    pattern = np.ones((lines, lines), dtype=bool)
    near = read_cell(device, pattern, lines - 1, 0, pull_up_ohm, line_ohm, read)
    if line_ohm == 0 or lines == 1:
        return near, near
    return near, read_cell(device, pattern, 0, lines - 1, pull_up_ohm, line_ohm, read)


def _blocked(device: Device, shape: tuple[int, ...], row: int, column: int, read: Read) -> Array:
    """Factors on the resistances: half-selected cells, and those on neither selected line.

    Where lines are held at a bias, no cell conducts backwards but those on neither line at V/3.
    """
    import numpy as np

    half, middle = blocking(device.cell, device.selectivity)
    factors = np.full(shape, middle)
    factors[row, :] = half
    factors[:, column] = half
    factors[row, column] = 1.0
    return factors


def _set(drive: Drive, line: int, voltage_v: float, series_ohm: float) -> None:
    drive.voltage_v[line] = voltage_v
    drive.series_ohm[line] = series_ohm
