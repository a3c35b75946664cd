"""Equations of state: the fit finds what made the energies, and a bad range gives none."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb_pipelines.relaxations.equation_of_state import birch_murnaghan


def energies(volumes: np.ndarray, v0: float, b0: float, b1: float) -> np.ndarray:
    """F. Birch, Phys. Rev. 71, 809 (1947), integrated; the lowest energy is −17 eV."""
    y = (v0 / volumes) ** (2 / 3) - 1
    return -17 + 9 * v0 * b0 / 16 * (y**3 * b1 + y**2 * (6 - 4 * (y + 1)))


@pytest.mark.parametrize("derivative", [3.0, 4.0, 6.5])
def test_the_fit_finds_what_made_the_energies(derivative: float) -> None:
    volumes = np.linspace(190, 230, 7)
    found = birch_murnaghan([*volumes], [*energies(volumes, 208.0, 0.1, derivative)])
    assert found == pytest.approx((208.0, -17.0, 0.1, derivative, 0.0), rel=1e-5, abs=1e-9)


def test_a_lowest_energy_at_the_end_is_none() -> None:
    volumes = np.linspace(215, 230, 7)
    assert birch_murnaghan([*volumes], [*energies(volumes, 208.0, 0.1, 4.0)]) is None
