"""The exact circuit: closed forms, independent dense algebra, conservation, the time it takes."""

from __future__ import annotations

import re
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.crossbar.field import Drive, floating
from pvkdb.crossbar.limits import read_margin
from pvkdb.crossbar.network import Circuit
from pvkdb.crossbar.reading import Crosspoint, near_and_far, read_cell
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Cell, Read

COMBINATIONS = [(cell, read) for cell in Cell for read in Read]


@pytest.mark.parametrize(("cell", "read"), COMBINATIONS)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 17, 64])
def test_without_line_resistance_it_is_equations_1_and_2(n: int, cell: Cell, read: Read) -> None:
    near, far = near_and_far(Crosspoint(1e4, 1e3, cell, 514), n, 2.5e4, read=read)
    assert near is far  # every cell is the same
    assert near.margin == pytest.approx(read_margin(n, 1e3, 2.5, cell, 514, read), abs=1e-9)


def test_one_cell_is_a_chain_of_resistors() -> None:
    """Source, segment, cell, segment, pull-up."""
    reading = read_cell(Crosspoint(1e3, 50), np.ones((1, 1), dtype=bool), 0, 0, 2e3, line_ohm=7)
    assert reading.level_lrs == pytest.approx(2e3 / (7 + 1e3 + 7 + 2e3), rel=1e-12)
    assert reading.level_hrs == pytest.approx(2e3 / (7 + 5e4 + 7 + 2e3), rel=1e-12)
    assert reading.cell_voltage == pytest.approx(1e3 / (7 + 1e3 + 7 + 2e3), rel=1e-12)


def dense_solution(
    cells: np.ndarray, word: Drive, bit: Drive, line_ohm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Kirchhoff's equations written out node by node, in ordinary dense algebra."""
    rows, columns = cells.shape
    count = rows * columns
    matrix, right = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)

    def join(a: int, b: int, siemens: float) -> None:
        for one, other in ((a, b), (b, a)):
            matrix[one, one] += siemens
            matrix[one, other] -= siemens

    def drive(node: int, volts: float, ohm: float) -> None:
        if not np.isinf(ohm):
            matrix[node, node] += 1 / (line_ohm + ohm)
            right[node] += volts / (line_ohm + ohm)

    for row in range(rows):
        drive(row * columns, word.voltage_v[row], word.series_ohm[row])
        for column in range(columns):
            node = row * columns + column
            join(node, count + node, cells[row, column])
            if column + 1 < columns:
                join(node, node + 1, 1 / line_ohm)
            if row + 1 < rows:
                join(count + node, count + node + columns, 1 / line_ohm)
    for column in range(columns):
        drive(count + (rows - 1) * columns + column, bit.voltage_v[column], bit.series_ohm[column])
    solution = np.linalg.solve(matrix, right)
    return solution[:count].reshape(rows, columns), solution[count:].reshape(rows, columns)


@given(st.integers(1, 7), st.integers(1, 6), st.floats(0.1, 1e3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_any_pattern_agrees_with_dense_algebra_and_conserves_current(
    rows: int, columns: int, line_ohm: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    cells = 10 ** random.uniform(-7, -3, (rows, columns))
    word = Drive(random.uniform(-1, 1, rows), random.choice([0.0, 50.0, inf], rows))
    bit = Drive(random.uniform(-1, 1, columns), random.choice([0.0, 1e3, inf], columns))
    word.series_ohm[0] = 0.0  # at least one line is driven
    row, column = int(random.integers(rows)), int(random.integers(columns))
    found = Circuit(cells, word, bit, line_ohm).voltages(row, column, 1e-4)
    changed = cells.copy()
    changed[row, column] += 1e-4
    expected_word, expected_bit = dense_solution(changed, word, bit, line_ohm)
    np.testing.assert_allclose(found.word, expected_word, atol=1e-9)
    np.testing.assert_allclose(found.bit, expected_bit, atol=1e-9)
    np.testing.assert_allclose(found.across, expected_word - expected_bit, atol=1e-9)
    # Through an infinite resistance flows nothing.
    into = (word.voltage_v - found.word[:, 0]) / (line_ohm + word.series_ohm)
    out = (found.bit[-1] - bit.voltage_v) / (line_ohm + bit.series_ohm)
    assert into.sum() == pytest.approx(out.sum(), abs=1e-9 * max(1e-3, np.abs(into).max()))


@pytest.mark.parametrize(("cell", "read"), COMBINATIONS)
def test_a_vanishing_line_resistance_changes_nothing_anywhere(cell: Cell, read: Read) -> None:
    """Twelve decades between line and blocked cell: plain LU factors lose three digits more."""
    device = Crosspoint(1e4, 1e3, cell, 1e5)
    ideal, _ = near_and_far(device, 16, 1e4, read=read)
    for reading in near_and_far(device, 16, 1e4, line_ohm=1e-3, read=read):
        assert reading.level_lrs == pytest.approx(ideal.level_lrs, abs=2e-5)
        assert reading.level_hrs == pytest.approx(ideal.level_hrs, abs=2e-5)
    with pytest.raises(InputError, match=r"1e-12 ohm is too small .* give 0"):
        near_and_far(device, 16, 1e4, line_ohm=1e-12, read=read)


@pytest.mark.parametrize("read", list(Read))
@pytest.mark.parametrize("line_ohm", [1.0, 100.0])
def test_the_farthest_cell_is_the_worst_one(read: Read, line_ohm: float) -> None:
    device, n = Crosspoint(1e4, 100, Cell.SELECTOR, 30), 6
    pattern = np.ones((n, n), dtype=bool)
    readings = [
        read_cell(device, pattern, row, column, 1e4, line_ohm, read)
        for row in range(n)
        for column in range(n)
    ]
    near, far = near_and_far(device, n, 1e4, line_ohm, read)
    assert far.margin == pytest.approx(min(reading.margin for reading in readings), abs=1e-12)
    assert far.cell_voltage == pytest.approx(min(r.cell_voltage for r in readings), abs=1e-12)
    assert near.margin == pytest.approx(max(reading.margin for reading in readings), abs=1e-12)


def test_more_line_resistance_drops_more_voltage() -> None:
    device = Crosspoint(1e4, 1e3, Cell.SELECTOR, 1e3)
    voltages = [near_and_far(device, 24, 1e4, ohm)[1].cell_voltage for ohm in (0, 1, 10, 100)]
    assert voltages == sorted(voltages, reverse=True)


def test_word_and_bit_lines_can_be_exchanged() -> None:
    """Reciprocity: the same current flows if source and sense change places."""
    random = np.random.default_rng(3)
    cells = 10 ** random.uniform(-6, -3, (5, 5))
    one, other = floating(5), floating(5)
    one.voltage_v[2], one.series_ohm[2] = 1.0, 0.0
    other.series_ohm[4] = 1e3
    forward = Circuit(cells, one, other, 10).voltages().bit_end[4] / 1e3
    other.voltage_v[4], one.voltage_v[2] = 1.0, 0.0
    backward = Circuit(cells, one, other, 10).voltages()
    current = backward.word[2, 0] / 10
    assert forward == pytest.approx(current, rel=1e-9)


def test_data_move_the_levels_within_what_any_data_allows() -> None:
    """All-LRS and all-HRS neighbours bound the levels of every other pattern.

    With line resistance only for floating lines: a biased word line is loaded by its cells, too.
    """
    random = np.random.default_rng(1)
    device = Crosspoint(1e4, 20)
    full, empty = np.ones((6, 6), dtype=bool), np.zeros((6, 6), dtype=bool)
    for read in Read:
        line_ohm = 5.0 if read is Read.FLOATING else 0.0
        bounds = [read_cell(device, data, 0, 0, 1e4, line_ohm, read) for data in (full, empty)]
        low, high = sorted(reading.level_lrs for reading in bounds)
        for _ in range(10):
            pattern = random.random((6, 6)) < random.random()
            level = read_cell(device, pattern, 0, 0, 1e4, line_ohm, read).level_lrs
            assert low - 1e-12 <= level <= high + 1e-12


@pytest.mark.parametrize("line_ohm", [0.0, 2.0])
def test_lines_that_nothing_reaches_are_at_rest(line_ohm: float) -> None:
    """Infinite on/off ratio, all other cells in HRS: nothing but the selected cell conducts."""
    reading = read_cell(Crosspoint(1e4, inf), np.zeros((4, 4), dtype=bool), 1, 2, 1e4, line_ohm)
    assert reading.level_lrs == pytest.approx(1e4 / (2e4 + 6 * line_ohm), rel=1e-9)
    assert reading.level_hrs == pytest.approx(0, abs=1e-12)


def test_128_by_128_with_line_resistance_reads_worse_than_without() -> None:
    pattern = np.ones((128, 128), dtype=bool)
    reading = read_cell(Crosspoint(1e5, 1e3, Cell.SELECTOR, 1e3), pattern, 0, 127, 1e5, 2.0)
    assert 0 < reading.margin < read_margin(128, 1e3, 1, Cell.SELECTOR, 1e3)


@pytest.mark.parametrize(
    ("cells", "line_ohm", "words"),
    [
        ([[1e-4, -1e-4]], 0.0, "a cell of -0.0001 S is not a resistor"),
        ([[1e-4, nan]], 0.0, "a cell of nan S is not a resistor"),
        ([[1e-4, 1e-4]], -1.0, "line resistance = -1 is not a resistance"),
        ([[1e-4, 1e-4]], nan, "line resistance = nan is not a resistance"),
        ([1e-4, 1e-4], 0.0, "shape (2,) do not form a crossbar"),
    ],
)
def test_what_is_no_circuit_is_refused(cells: list[object], line_ohm: float, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        Circuit(np.array(cells), floating(1), floating(2), line_ohm)


def test_drivers_that_do_not_fit_and_cells_that_are_not_there_are_refused() -> None:
    cells = np.full((2, 2), 1e-4)
    with pytest.raises(InputError, match="2 word lines need as many voltages"):
        Circuit(cells, floating(3), floating(2))
    with pytest.raises(InputError, match="negative or not a number"):
        Circuit(cells, Drive(np.zeros(2), np.array([-1.0, 0.0])), floating(2))
    with pytest.raises(InputError, match="not finite"):
        Circuit(cells, Drive(np.array([nan, 0.0]), np.zeros(2)), floating(2))
    circuit = Circuit(cells, Drive(np.ones(2), np.zeros(2)), floating(2))
    with pytest.raises(InputError, match=r"cell \(2, 0\) is not"):
        circuit.voltages(2, 0)
    with pytest.raises(InputError, match="without a positive conductance"):
        circuit.voltages(0, 0, -2e-4)
    with pytest.raises(InputError, match=r"cell \(5, 0\) is not"):
        read_cell(Crosspoint(1e4, 10), np.ones((2, 2), dtype=bool), 5, 0, 1e4)
    with pytest.raises(InputError, match="R_LRS = 0 is not a resistance"):
        Crosspoint(0, 10)
