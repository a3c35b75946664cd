"""The equations of a crossbar's circuit, factorised: lines without and with resistance.

Lines without resistance have one node each and are solved densely. Lines with resistance have two
nodes a cell and are solved by sparse LU factorisation. They conduct up to twelve decades better
than blocking cells, and adding such conductances on the diagonal of a matrix loses the cells. The
factors therefore only correct a solution whose currents are computed node by node from differences
of voltages (iterative refinement). The voltage of a line and the drops along it are kept apart, so
that the result has the accuracy of those differences for any ratio.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pvkdb.crossbar.field import Array, Drive, Field, pins
from pvkdb.errors import InputError

#: Cells of a block that is not divided further.
LEAF_CELLS = 16
#: Size of the last correction over the size of the solution.
TOLERANCE = 1e-12
#: Corrections tried; each gains several digits unless the line resistance is absurdly small.
CORRECTIONS = 20


class LumpedLines:
    """The equations of rows + columns lines without resistance.

    Lines with an ideal source are not unknowns.
    """

    def __init__(self, cells_s: Array, word: Drive, bit: Drive) -> None:
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
        """Return the voltages that the drivers make."""
        held = np.where(self._ideal, self._driven, 0.0)
        return self._field(self._drive * self._driven - self._matrix @ held, held)

    def jump(self, row: int, column: int) -> Field:
        """Return the voltages of 1 A from a cell's bit line into its word line, drivers at 0 V."""
        right = np.zeros(self._rows + self._columns)
        right[row], right[self._rows + column] = 1.0, -1.0
        return self._field(right, np.zeros_like(right))

    def _field(self, right: Array, held: Array) -> Field:
        from scipy.linalg import lu_solve

        lines = held.copy()
        if self._factors is not None:
            lines[self._free] = lu_solve(self._factors, right[self._free])
        nothing = np.zeros((self._rows, self._columns))
        return Field(lines[: self._rows], lines[self._rows :], nothing, nothing)


class DistributedLines:
    """The equations of the 2·rows·columns nodes of lines with resistance.

    Raises:
        InputError: the resistances differ too much for double precision.
    """

    def __init__(self, cells_s: Array, word: Drive, bit: Drive, line_ohm: float) -> None:
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
                "cannot be solved in double precision; give one closer to theirs"
            ) from error

    def driven(self, bit_v: Array | None = None) -> Field:
        """Return the voltages that the drivers make, with others at the bit lines if given.

        Raises:
            InputError: the line resistance is too small beside the cells' for double precision.
        """
        bit = self._bit.voltage_v if bit_v is None else bit_v
        return self._refined(self._word.voltage_v, bit, None)

    def jump(self, row: int, column: int) -> Field:
        """Return the voltages of 1 A from a cell's bit node into its word node, drivers at 0 V."""
        rows, columns = self._cells.shape
        return self._refined(np.zeros(rows), np.zeros(columns), (row, column))

    def _refined(self, word_v: Array, bit_v: Array, jump: tuple[int, int] | None) -> Field:
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
            f"a line resistance of {self._line_ohm:g} ohm is too small beside the cells' to "
            "differ from none; give 0"
        )

    def _missing_current(
        self, field: Field, word_v: Array, bit_v: Array, jump: tuple[int, int] | None
    ) -> Array:
        """Return the error in Kirchhoff's current law at every node, in A."""
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
    word, bit = field.word_line[:, None] + field.word, field.bit_line + field.bit
    return float(max(np.abs(word).max(), np.abs(bit).max(), 1e-300))


def elimination_order(rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Return the 2·rows·columns nodes in the order of their elimination: nested dissection.

    Cell (r, c) has a node on its word line, r·columns + c, and one on its bit line, rows·columns
    more. Word lines run along c and bit lines along r, so that a row or a column of cells separates
    the rest in two. Eliminating the halves before the separator, recursively, keeps the factor of
    an n × n grid at O(n² log n) entries (George, SIAM J. Numer. Anal. 1973, 10, 345, doi
    10.1137/0710032): 45 % fewer than SuperLU's own minimum-degree order at 512 × 512, in a quarter
    of its time.
    """
    word = np.arange(rows * columns).reshape(rows, columns)
    bit = word + rows * columns
    parts: list[npt.NDArray[np.int64]] = []

    def divide(top: int, bottom: int, left: int, right: int) -> None:
        height, width = bottom - top, right - left
        if height <= 0 or width <= 0:
            return
        block = slice(top, bottom), slice(left, right)
        if height * width <= LEAF_CELLS:
            parts.append(np.stack([word[block].ravel(), bit[block].ravel()], axis=1).ravel())
        elif height >= width:
            middle = (top + bottom) // 2
            divide(top, middle, left, right)
            divide(middle + 1, bottom, left, right)
            # Only bit lines cross a row: its own word line comes before the separator.
            parts.append(word[middle, left:right])
            parts.append(bit[middle, left:right])
        else:
            middle = (left + right) // 2
            divide(top, bottom, left, middle)
            divide(top, bottom, middle + 1, right)
            parts.append(bit[top:bottom, middle])
            parts.append(word[top:bottom, middle])

    divide(0, rows, 0, columns)
    return np.concatenate(parts)
