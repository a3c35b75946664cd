"""Maps of an array: the voltages while one cell is read, and the read margin of each cell."""

from __future__ import annotations

import numpy as np

from pvkdb.crossbar.checks import size
from pvkdb.crossbar.field import Array
from pvkdb.crossbar.reading import CellReading, Crosspoint, read_cell
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Read


def voltage_map(
    device: Crosspoint,
    n: int,
    pull_up_ohm: float,
    line_ohm: float = 0.0,
    read: Read = Read.FLOATING,
    cell: tuple[int, int] | None = None,
) -> CellReading:
    """Return the read of one cell of an N × N array in LRS, with the voltage of every cell.

    Args:
        device: the device at every crosspoint.
        n: lines of each kind.
        pull_up_ohm: from the selected bit line to ground.
        line_ohm: resistance of a line between neighbouring cells.
        read: how the other lines are held.
        cell: row and column of the cell that is read; None for the one farthest from the drivers.

    Raises:
        InputError: an argument is out of its range.
    """
    lines = int(size("the number of lines", n))
    row, column = (0, lines - 1) if cell is None else cell
    pattern = np.ones((lines, lines), dtype=bool)
    return read_cell(device, pattern, row, column, pull_up_ohm, line_ohm, read)


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
    """Return the read margin of cells by their place, all others in LRS.

    Each place needs a circuit, since it drives other lines. Therefore only those of :func:`places`
    are solved, at most ``most`` in each direction. Without line resistance all are equal.

    Returns:
        The rows, which are the columns too, and margins in units of the read voltage (rows ×
        columns).

    Raises:
        InputError: an argument is out of its range.
    """
    lines = int(size("the number of lines", n))
    pattern = np.ones((lines, lines), dtype=bool)
    chosen = places(lines, most)

    def margin(row: int, column: int) -> float:
        return read_cell(device, pattern, row, column, pull_up_ohm, line_ohm, read).margin

    if line_ohm == 0:
        return chosen, np.full((len(chosen), len(chosen)), margin(0, lines - 1))
    return chosen, np.array([[margin(row, column) for column in chosen] for row in chosen])
