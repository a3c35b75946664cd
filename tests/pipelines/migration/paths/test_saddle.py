"""The saddle search finds the saddle next to its start, or says that there is none."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.paths.saddle import climb, descend
from pvkdb_pipelines.relaxations.relaxation import relax

from ..double_well import along_ang, at, double_well, ends_of_the_well, stationary_ang

ALONG = np.array([[1.0, 0.1, 0.0], [0.0, 0.0, 0.0]])
STIFF = 2.0 * np.eye(6)


@pytest.mark.parametrize("tilt", [0.0, 0.03])
@pytest.mark.parametrize("start", [(-0.4, 0.2, 0.1), (0.3, -0.2, 0.0), (0.1, 0.0, -0.3)])
def test_climbs_to_the_saddle_of_a_double_well(tilt, start):
    _, _, barrier = ends_of_the_well(tilt)
    low, top, _ = stationary_ang(tilt)
    saddle = climb(at(*start, tilt=tilt), ALONG, STIFF, double_well(tilt), 0.001, 100)
    bottom = at(low, 0.2 * low**2, tilt=tilt).get_potential_energy()
    assert saddle.atoms.get_potential_energy() - bottom == pytest.approx(barrier, abs=1e-3)
    assert along_ang(saddle.atoms) == pytest.approx(top, abs=0.01)
    assert saddle.residual <= 0.001
    assert abs(saddle.mode[0, 0]) > 0.98  # downhill is along x
    assert np.linalg.norm(saddle.mode) == pytest.approx(1)


def test_no_saddle_near_the_start_is_none(broken):
    # Across the valley the energy only rises, whichever way.
    across = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert climb(at(1.2, 0.288, 0.3), across, STIFF, double_well(), 0.001, 200) is None
    # A minimum has no force, and is no saddle.
    assert climb(at(1.2, 0.288), across, STIFF, double_well(), 0.001, 200) is None
    # Too few steps.
    assert climb(at(-0.4, 0.2), ALONG, STIFF, double_well(), 1e-4, 2) is None
    # Energies that are no numbers.
    assert climb(at(0.2), ALONG, STIFF, broken, 0.01, 20) is None


def test_both_sides_lead_down_to_their_wells():
    potential = double_well()
    saddle = climb(at(0.3, 0.1, 0.1), ALONG, STIFF, potential, 0.001, 100)
    top = saddle.atoms.get_potential_energy()
    found = []
    for side in (-1, 1):
        frames = descend(
            saddle, side, STIFF, potential, lambda atoms: abs(abs(along_ang(atoms)) - 1.2) < 0.1
        )
        assert frames[-1].get_potential_energy() < 0.05 < top
        found.append(along_ang(frames[-1]))
    assert np.sign(found).tolist() == (np.sign(saddle.mode[0, 0]) * np.array([-1, 1])).tolist()


def test_the_way_down_ends_in_a_minimum_that_nobody_knew_too():
    saddle = climb(at(0.3, 0.1, 0.1), ALONG, STIFF, double_well(), 0.001, 100)
    frames = descend(saddle, 1, STIFF, double_well(), lambda atoms: False)
    assert abs(along_ang(frames[-1])) == pytest.approx(1.2, abs=0.02)
    assert np.abs(frames[-1].get_forces()).max() <= 0.02


def test_second_derivatives_to_begin_with_are_left_as_they_were():
    """ASE's optimizer updates the matrix that it is given, and others begin with it too."""
    stiff = STIFF.copy()
    saddle = climb(at(0.3, 0.1, 0.1), ALONG, stiff, double_well(), 0.001, 100)
    descend(saddle, 1, stiff, double_well(), lambda atoms: False)
    failure = FailureKind.ENDPOINT_NOT_CONVERGED
    relax(at(0.5), double_well(), 0.01, 50, cell=False, what="", failure=failure, hessian=stiff)
    assert np.array_equal(stiff, STIFF)
