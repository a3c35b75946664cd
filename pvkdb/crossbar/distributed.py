"""A crossbar whose lines have resistance: two nodes a cell, solved by sparse LU factorisation.

Lines conduct up to twelve decades better than cells that block, and adding such conductances on the
diagonal of a matrix loses the cells. The factors therefore only serve to correct a solution whose
currents are computed node by node from differences of voltages (iterative refinement), with the
voltage of a line and the drops along it kept apart: the result has the accuracy of those
differences, whatever the ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.crossbar.dissection import elimination_order
from pvkdb.crossbar.field import Drive, Field
from pvkdb.crossbar.grounding import pins
from pvkdb.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

#: Size of the last correction, over that of the solution.
TOLERANCE = 1e-12
#: Corrections tried; each gains several digits unless the line resistance is absurdly small.
CORRECTIONS = 20


class DistributedLines:
    """The factorised equations of 2·rows·columns nodes.

    Raises:
        InputError: the resistances are too far apart to be told from one another.
    """

    def __init__(self, cells_s: Array, word: Drive, bit: Drive, line_ohm: float) -> None:
        import numpy as np
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        rows, columns = cells_s.shape
        count = 2 * rows * columns
        self._cells, self._segment, self._line_ohm = cells_s, 1 / line_ohm, line_ohm
        self._word, self._bit = word, bit
        self._word_drive = 1 / (line_ohm + word.series_ohm)
        self._bit_drive = 1 / (line_ohm + bit.series_ohm)
        word_nodes = np.arange(rows * columns).reshape(rows, columns)
        bit_nodes = word_nodes + rows * columns
        first = [word_nodes.ravel(), word_nodes[:, :-1].ravel(), bit_nodes[:-1].ravel()]
        second = [bit_nodes.ravel(), word_nodes[:, 1:].ravel(), bit_nodes[1:].ravel()]
        start, end = np.concatenate(first), np.concatenate(second)
        lines = np.full(len(start) - rows * columns, self._segment)
        conductance = np.concatenate([cells_s.ravel(), lines])
        drive = np.zeros(count)
        drive[word_nodes[:, 0]] = self._word_drive
        drive[bit_nodes[-1]] = self._bit_drive
        places = np.concatenate([start, end]), np.concatenate([end, start])
        matrix = coo_matrix((-np.tile(conductance, 2), places), shape=(count, count)).tocsc()
        diagonal = drive + pins(matrix, drive > 0)
        diagonal += np.bincount(start, conductance, count) + np.bincount(end, conductance, count)
        matrix.setdiag(diagonal)
        self._order = elimination_order(rows, columns)
        # Symmetric and diagonally dominant: no pivoting is needed, so that the order holds.
        try:
            self._factors = splu(
                matrix[self._order][:, self._order].tocsc(),
                permc_spec="NATURAL",
                diag_pivot_thresh=0,
                options={"SymmetricMode": True},
            )
        except RuntimeError as error:  # "Factor is exactly singular"
            raise InputError(
                f"a line resistance of {line_ohm:g} ohm is so far from the cells' that the circuit "
                "cannot be solved in double precision; give one that is nearer"
            ) from error

    def driven(self) -> Field:
        """The voltages that the drivers make.

        Raises:
            InputError: the line resistance is too small beside the cells' to be told from 0.
        """
        return self._refined(self._word.voltage_v, self._bit.voltage_v, None)

    def jump(self, row: int, column: int) -> Field:
        """The voltages of 1 A into a cell's word node and out of its bit node, drivers at 0 V.

        Raises:
            InputError: as above.
        """
        import numpy as np

        rows, columns = self._cells.shape
        return self._refined(np.zeros(rows), np.zeros(columns), (row, column))

    def _refined(self, word_v: Array, bit_v: Array, jump: tuple[int, int] | None) -> Field:
        import numpy as np

        rows, columns = self._cells.shape
        nothing = np.zeros((rows, columns))
        field = Field(np.zeros(rows), np.zeros(columns), nothing, nothing)
        last = np.inf
        for _ in range(CORRECTIONS):
            missing = self._missing_current(field, word_v, bit_v, jump)
            answer = np.empty_like(missing)
            answer[self._order] = self._factors.solve(missing[self._order])
            word = answer[: rows * columns].reshape(rows, columns)
            bit = answer[rows * columns :].reshape(rows, columns)
            word_line, bit_line = word.mean(axis=1), bit.mean(axis=0)
            field = field.plus(
                1.0, Field(word_line, bit_line, word - word_line[:, None], bit - bit_line)
            )
            correction = float(np.abs(answer).max())
            if correction <= TOLERANCE * _largest(field):
                return field
            if correction > last:
                break
            last = correction
        raise InputError(
            f"a line resistance of {self._line_ohm:g} ohm is too small beside the cells' to be "
            "told from none; give 0"
        )

    def _missing_current(
        self, field: Field, word_v: Array, bit_v: Array, jump: tuple[int, int] | None
    ) -> Array:
        """What Kirchhoff's current law lacks at every node, in A."""
        import numpy as np

        cell = self._cells * field.across()
        word, bit = -cell, cell
        along = self._segment * np.diff(field.word, axis=1)
        word[:, :-1] += along
        word[:, 1:] -= along
        along = self._segment * np.diff(field.bit, axis=0)
        bit[:-1] += along
        bit[1:] -= along
        word[:, 0] += self._word_drive * ((word_v - field.word_line) - field.word[:, 0])
        bit[-1] += self._bit_drive * ((bit_v - field.bit_line) - field.bit[-1])
        if jump is not None:
            word[jump] += 1.0
            bit[jump] -= 1.0
        return np.concatenate([word.ravel(), bit.ravel()])


def _largest(field: Field) -> float:
    import numpy as np

    word, bit = field.word_line[:, None] + field.word, field.bit_line + field.bit
    return float(max(np.abs(word).max(), np.abs(bit).max(), 1e-300))
