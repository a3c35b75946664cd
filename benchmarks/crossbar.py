"""The exact circuit of a crossbar beside equations (1) and (2), and the seconds it takes.

    python benchmarks/crossbar.py [LARGEST]

For 1S1R cells (R_LRS 100 kΩ, on/off 10³, selectivity 10³) with floating lines: the margin by the
formula, by the circuit without line resistance, and with 2 Ω from cell to cell at the nearest and
the farthest cell. CPU seconds are those of the farthest cell, circuit and both states included, in
the elimination order of pvkdb and, up to 256 lines, in SuperLU's minimum-degree order.
"""

from __future__ import annotations

import argparse
import time
from unittest import mock

import numpy as np

from pvkdb.crossbar import equations
from pvkdb.crossbar.limits import read_margin
from pvkdb.crossbar.reading import CellReading, Crosspoint, read_cell
from pvkdb.schemas.crossbar import Cell

LINE_OHM = 2.0
R_LRS_OHM = 1e5
DEVICE = Crosspoint(R_LRS_OHM, 1e3, Cell.SELECTOR, 1e3)
#: Lines up to which the other order is timed: beyond, it takes too long.
OTHER_ORDER = 256


def solve(n: int, row: int, column: int, line_ohm: float) -> tuple[CellReading, float]:
    """A reading and its CPU seconds."""
    start = time.process_time()
    pattern = np.ones((n, n), dtype=bool)
    reading = read_cell(DEVICE, pattern, row, column, R_LRS_OHM, line_ohm)
    return reading, time.process_time() - start


def minimum_degree(n: int) -> float:
    """CPU seconds of the farthest cell in SuperLU's own order."""
    from scipy.sparse.linalg import splu

    def own_order(matrix: object, **_: object) -> object:
        options = {"SymmetricMode": True}
        return splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options=options)

    def rows_first(rows: int, columns: int) -> np.ndarray:
        return np.arange(2 * rows * columns)

    with (
        mock.patch.object(equations, "elimination_order", rows_first),
        mock.patch("scipy.sparse.linalg.splu", own_order),
    ):
        return solve(n, 0, n - 1, LINE_OHM)[1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("largest", nargs="?", type=int, default=512, help="rows of the array")
    largest = options.parse_args().largest
    print("   N   formula  circuit−formula   2 Ω: near      far   CPU-s  minimum degree")
    n = 8
    while n <= largest:
        formula = read_margin(n, DEVICE.on_off_ratio, 1.0, DEVICE.cell, DEVICE.selectivity)
        ideal, _ = solve(n, 0, n - 1, 0.0)
        assert abs(ideal.margin - formula) < 1e-9
        near, _ = solve(n, n - 1, 0, LINE_OHM)
        far, seconds = solve(n, 0, n - 1, LINE_OHM)
        other = f"{minimum_degree(n):14.2f}" if n <= OTHER_ORDER else f"{'–':>14}"
        print(
            f"{n:4d}  {formula:8.5f}  {ideal.margin - formula:15.1e}  {near.margin:10.5f}"
            f"  {far.margin:7.5f}  {seconds:6.2f}  {other}"
        )
        n *= 2


if __name__ == "__main__":
    main()
