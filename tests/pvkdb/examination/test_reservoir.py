"""Reservoirs beside their baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.examination.device import Curve, DeviceModel

reservoir = pytest.importorskip(
    "pvkdb.examination.reservoir", reason="numba is not installed", exc_type=ImportError
)

VOLATILE = DeviceModel("volatile", Curve(0, 1, 100), retention_s=1.0, sigma_write=0.01)


def test_four_bits_with_half_forgotten_between_them_are_a_binary_number() -> None:
    states = reservoir.states_of(VOLATILE, 1.0)
    # The last bit weighs 1, the first 1/8.
    codes = np.arange(16)
    expected = sum((codes >> bit & 1) / 2**bit for bit in range(4))
    assert states == pytest.approx(expected / expected.max(), abs=1e-6)
    kept = reservoir.states_of(replace(VOLATILE, retention_s=np.inf), 1.0)
    assert kept * 4 == pytest.approx([bin(code).count("1") for code in codes], abs=1e-6)
    assert "does not forget" in reservoir.verdict(replace(VOLATILE, retention_s=np.inf))
    assert reservoir.verdict(VOLATILE) == ""
    with pytest.raises(InputError, match="no train of potentiation"):
        reservoir.states_of(DeviceModel("x", retention_s=1.0), 1.0)


def test_pixels_are_read_in_fours_along_rows_and_columns() -> None:
    square = np.zeros((1, 4, 8))[:, :, :4]
    square[0, 1] = [1, 0, 0, 1]
    rows, columns = np.split(reservoir._codes(square)[0], 2)
    assert rows.tolist() == [0, 9, 0, 0]
    assert columns.tolist() == [4, 0, 0, 4]


def test_the_henon_map_is_its_own_and_memory_foretells_it() -> None:
    x = reservoir.henon(1000)
    assert x[2:] == pytest.approx(1 - 1.4 * x[1:-1] ** 2 + 0.3 * x[:-2], abs=1e-9)
    assert x.var() == pytest.approx(0.52, abs=0.03)


@pytest.mark.slow
def test_a_fading_memory_foretells_the_henon_map() -> None:
    """Without memory, 0.3 x of the step before is missing: NRMSE 0.3 √(1 − ρ²) at best."""
    curved = replace(VOLATILE, ltp=Curve(0, 1, 10, 3.0), sigma_write=0.001)
    found = reservoir.foretell(curved, None, 1.0, 5.0, 0)
    assert found.memory < 0.1 < found.memoryless < found.linear
    assert found.memoryless == pytest.approx(0.3 * np.sqrt(1 - 0.3**2), abs=0.03)
