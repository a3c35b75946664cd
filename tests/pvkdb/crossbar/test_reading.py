"""Arrays cell by cell: voltages while one cell is read, margins by place."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.crossbar.limits import read_margin
from pvkdb.crossbar.reading import Crosspoint, margin_map, near_and_far, places, voltage_map
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Cell, Read

DEVICE = Crosspoint(1e4, 100, Cell.SELECTOR, 20)


def test_the_farthest_cell_is_read_unless_another_is_named():
    near, far = near_and_far(DEVICE, 9, 1e4, 5.0)
    assert voltage_map(DEVICE, 9, 1e4, 5.0) == far
    assert voltage_map(DEVICE, 9, 1e4, 5.0, cell=(8, 0)) == near


@pytest.mark.parametrize("read", [*Read])
def test_the_voltage_of_the_selected_cell_stands_in_the_map(read):
    found = voltage_map(DEVICE, 7, 1e4, 5.0, read)
    assert found.across_v.shape == (7, 7)
    assert found.across_v[0, 6] == pytest.approx(found.cell_voltage, rel=1e-12)
    # The source and ground bound all voltages.
    assert np.abs(found.across_v).max() <= 1
    if read is Read.FLOATING:  # a biased line gives half-selected cells as much
        assert np.abs(found.across_v).max() == found.across_v[0, 6]


def test_without_line_resistance_unselected_cells_share_the_rest_alike():
    """Kirchhoff by hand, floating lines: a half-selected cell, one of neither line, another."""
    across = voltage_map(DEVICE, 5, 1e4).across_v
    word, bit, neither = across[0, 0], across[1, 4], across[1, 0]
    assert np.allclose(across[0, :4], word)
    assert np.allclose(across[1:, 4], bit)
    assert np.allclose(across[1:, :4], neither)
    # In series from the selected word line to the selected bit line, against the current's sense.
    assert word + bit - neither == pytest.approx(across[0, 4])
    # (N − 1) cells in parallel, then (N − 1)², then (N − 1), all of one resistance.
    assert word == pytest.approx(bit)
    assert -neither == pytest.approx(word / 4)


@pytest.mark.parametrize("read", [*Read])
def test_margins_by_place_hold_those_of_the_nearest_and_the_farthest(read):
    near, far = near_and_far(DEVICE, 12, 1e4, 5.0, read)
    lines, margins = margin_map(DEVICE, 12, 1e4, 5.0, read, most=4)
    assert lines == [0, 4, 7, 11]
    assert margins[-1, 0] == near.margin
    assert margins[0, -1] == far.margin
    assert margins.min() == pytest.approx(far.margin, rel=1e-9)


def test_without_line_resistance_every_place_has_the_margin_of_the_formula():
    _, margins = margin_map(DEVICE, 12, 1e4, most=3)
    wanted = read_margin(12, 100, 1.0, Cell.SELECTOR, 20)
    assert np.allclose(margins, wanted, rtol=1e-9)


def test_places_span_the_array():
    assert places(1, 8) == [0]
    assert places(2, 2) == [0, 1]
    with pytest.raises(InputError, match="at least 2"):
        places(8, 1)
