"""A crossbar whose lines have no resistance: one node a line, solved densely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.crossbar.field import Drive, Field
from pvkdb.crossbar.grounding import pins

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


class LumpedLines:
    """The factorised equations of rows + columns lines.

    Lines with an ideal source are no unknowns.
    """

    def __init__(self, cells_s: Array, word: Drive, bit: Drive) -> None:
        import numpy as np
        from scipy.linalg import lu_factor

        self._rows, self._columns = cells_s.shape
        count = self._rows + self._columns
        matrix = np.zeros((count, count))
        matrix[: self._rows, self._rows :] = -cells_s
        matrix[self._rows :, : self._rows] = -cells_s.T
        series = np.concatenate([word.series_ohm, bit.series_ohm])
        self._ideal = series == 0
        self._drive = np.where(self._ideal, 0.0, 1 / np.where(self._ideal, 1.0, series))
        self._driven = np.concatenate([word.voltage_v, bit.voltage_v])
        grounded = pins(matrix, (self._drive > 0) | self._ideal)
        np.fill_diagonal(matrix, -matrix.sum(axis=1) + self._drive + grounded)
        self._matrix = matrix
        self._free = np.flatnonzero(~self._ideal)
        free = matrix[np.ix_(self._free, self._free)]
        self._factors = lu_factor(free) if self._free.size else None

    def driven(self) -> Field:
        """The voltages that the drivers make."""
        import numpy as np

        held = np.where(self._ideal, self._driven, 0.0)
        return self._field(self._drive * self._driven - self._matrix @ held, held)

    def jump(self, row: int, column: int) -> Field:
        """The voltages of 1 A into a cell's word line and out of its bit line, drivers at 0 V."""
        import numpy as np

        right = np.zeros(self._rows + self._columns)
        right[row], right[self._rows + column] = 1.0, -1.0
        return self._field(right, np.zeros_like(right))

    def _field(self, right: Array, held: Array) -> Field:
        import numpy as np
        from scipy.linalg import lu_solve

        lines = held.copy()
        if self._factors is not None:
            lines[self._free] = lu_solve(self._factors, right[self._free])
        nothing = np.zeros((self._rows, self._columns))
        return Field(lines[: self._rows], lines[self._rows :], nothing, nothing)
