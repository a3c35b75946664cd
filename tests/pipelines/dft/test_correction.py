"""The Makov–Payne term against the Madelung constant of a cubic cell."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import Bohr, Hartree

from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.correction import CUBIC_MADELUNG, correction_ev, makov_payne_ev
from pvkdb_pipelines.geometry.hosts import host_of

from .conftest import cspbi3


@pytest.mark.parametrize("charge", [1, -1, 2])
def test_a_cubic_cell_has_the_madelung_energy_of_leslie_and_gillan(charge: int) -> None:
    edge = 12.0
    expected = charge**2 * CUBIC_MADELUNG / (2 * 6.3 * edge / Bohr) * Hartree
    assert makov_payne_ev(np.eye(3) * edge, charge, 6.3) == pytest.approx(expected, rel=1e-4)


def test_it_falls_with_the_edge_and_raises_the_energy() -> None:
    small, large = (makov_payne_ev(np.eye(3) * edge, 1, 6.3) for edge in (10.0, 20.0))
    assert 0 < large < small
    assert small / large == pytest.approx(2, rel=1e-4)


def test_the_choice_of_the_cell_of_a_lattice_does_not_matter() -> None:
    cell = np.array([[8.6, 0, -8.3], [8.6, 0, 8.3], [0, 11.8, 8.3]])
    other = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]) @ cell
    assert makov_payne_ev(cell, 1, 5.0) == pytest.approx(makov_payne_ev(other, 1, 5.0), rel=1e-4)


def test_none_is_added_where_none_is_asked_for() -> None:
    host = host_of(cspbi3())
    assert correction_ev(DftSettings(charge=1), host) is None
    asked = DftSettings(
        charge=1, correction="makov-payne", dielectric_constant=6.3, dielectric_source="a test"
    )
    assert correction_ev(asked, host) == pytest.approx(makov_payne_ev(np.eye(3) * 6.3, 1, 6.3))
