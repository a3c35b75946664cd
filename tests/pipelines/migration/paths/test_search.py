"""Paths that pass a minimum on their way are whole, and those over another site are none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from scipy.interpolate import PchipInterpolator

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.defects.states import Exchange
from pvkdb_pipelines.migration.paths.nudging import interpolate
from pvkdb_pipelines.migration.paths.search import PathSearch
from pvkdb_pipelines.potentials.potential import Potential, Properties

from ...conftest import fails
from ..conftest import silent
from ..double_well import along_ang, held

#: Stiffness across the x axis, to which the moving atom is held, eV/Å².
_D = 1.0
_CENTRE = np.array([6.0, 6.0, 6.0])


def landscape(*points: tuple[float, float]) -> Potential:
    """Minima and saddles by turns at (x, energy)."""
    places, energies = zip(*points, strict=True)
    low, high = (2 * places[0] - places[1], 2 * places[-1] - places[-2])
    curve = PchipInterpolator([low, *places, high], [2.0, *energies, 2.0])
    slope = curve.derivative()

    def evaluate_one(atoms: Atoms) -> Properties:
        x, y, z = atoms.positions[0] - _CENTRE
        corner = atoms.positions[1]
        energy = float(curve(x)) + _D * (y**2 + z**2 + corner @ corner)
        forces = -np.array([[float(slope(x)), 2 * _D * y, 2 * _D * z], 2 * _D * corner])
        return {"energy": energy, "forces": forces}

    return held(evaluate_one)


def path_of(points, exchange=None, images=5, site_of=lambda atoms: None):
    """The path from the first point to the last."""
    potential = landscape(*points)
    ends = []
    for x in (points[0][0], points[-1][0]):
        atoms = Atoms("Cu2", [_CENTRE + np.array([x, 0, 0]), [0, 0, 0]], cell=[20] * 3, pbc=True)
        ends.append(potential.evaluated(atoms))
    finder = PathSearch(
        potential, NebSettings(), 2 * np.eye(6), 0, site_of, (0, 1), silent, exchange
    )
    path = interpolate(*ends, images, exchange)
    band = finder.path(path)
    assert band.images[0].positions == pytest.approx(ends[0].positions)
    assert band.images[-1].positions == pytest.approx(ends[1].positions)
    for image in band.images[1:-1]:  # those that were mapped say what the potential says of them
        (found,) = potential.evaluate([image])
        assert found["energy"] == pytest.approx(image.get_potential_energy(), abs=1e-6)
        assert found["forces"] == pytest.approx(image.get_forces(), abs=1e-5)
    return band


#: The turn by half a circle that exchanges the ends of a symmetric landscape.
TURN = Exchange(
    np.array([0, 1]), np.diag([-1.0, -1.0, 1.0]), np.array([[12.0, 12.0, 0.0], [0.0, 0.0, 0.0]])
)


@pytest.fixture
def no_whole_band(monkeypatch):
    """Whole bands are the last resort: they cost most, and end somewhere all the same."""

    def refuse(*arguments):
        raise AssertionError("a whole band was needed")

    monkeypatch.setattr(PathSearch, "_whole_band", refuse)


#: Two hops, over another minimum, of which the second has the higher saddle.
BY_WAY = [(-3.0, 0.0), (-1.5, 0.25), (0.0, 0.1), (1.5, 0.45), (3.0, 0.2)]


@pytest.mark.parametrize("side", [1, -1])
def test_a_path_by_way_of_a_minimum_goes_from_end_to_end(side):
    """Whichever of its two saddles is the higher one, and is found first."""
    points = [(side * x, energy) for x, energy in BY_WAY][::side]
    band = path_of(points, images=6)
    heights = [energy - points[0][1] for _, energy in points]
    assert band.energies_ev[-1] == pytest.approx(heights[-1], abs=1e-6)
    assert band.energies_ev.max() == pytest.approx(max(heights), abs=0.001)
    # The minimum on the way is part of the path.
    middle = np.abs([along_ang(image) for image in band.images]).argmin()
    assert band.energies_ev[middle] < band.energies_ev.max() - 0.2


def test_a_path_over_another_site_is_no_hop_of_its_own():
    with fails(FailureKind.NO_ELEMENTARY_HOP, "over another site"):
        path_of(BY_WAY, images=6, site_of=lambda atoms: 7 if abs(along_ang(atoms)) < 0.5 else None)


@pytest.mark.usefixtures("no_whole_band")
@pytest.mark.parametrize("saddle", [-1.9, 0.0, 1.9])
def test_a_saddle_next_to_an_end_is_no_end(saddle):
    """The atom is on its place already, and what is around it has still to turn."""
    band = path_of([(-2.2, 0.0), (saddle, 0.4), (2.2, 0.1)])
    assert band.energies_ev.max() == pytest.approx(0.4, abs=0.001)
    assert band.residual <= 0.02


@pytest.mark.usefixtures("no_whole_band")
@pytest.mark.parametrize("exchange", [None, TURN])
def test_minima_on_both_sides_of_a_saddle_are_passed(exchange):
    points = [(-3.3, 0.0), (-2.4, 0.3), (-1.4, 0.1), (0.0, 0.5), (1.4, 0.1), (2.4, 0.3), (3.3, 0.0)]
    band = path_of(points, exchange)
    assert band.energies_ev.max() == pytest.approx(0.5, abs=0.001)
    passed = [along_ang(image) for image in band.images]
    assert all(after > before for before, after in pairwise(passed))
    for minimum in (-1.4, 1.4):  # both are part of the path
        assert np.abs(np.array(passed) - minimum).min() < 0.2


@pytest.mark.usefixtures("no_whole_band")
def test_a_minimum_in_the_middle_of_a_symmetric_path_parts_it_into_mirror_images():
    points = [(-2.2, 0.0), (-0.9, 0.4), (0.0, 0.25), (0.9, 0.4), (2.2, 0.0)]
    band = path_of(points, TURN)
    assert band.energies_ev.max() == pytest.approx(0.4, abs=0.001)
    passed = np.array([along_ang(image) for image in band.images])
    assert passed == pytest.approx(-passed[::-1], abs=0.05)
    assert band.energies_ev == pytest.approx(band.energies_ev[::-1], abs=1e-9)


@pytest.mark.usefixtures("no_whole_band")
def test_no_saddle_is_searched_where_a_path_stays_below_another():
    """The second part is a band: its saddle decides nothing."""
    points = [(-2.8, 0.0), (-1.2, 0.6), (0.4, 0.1), (1.4, 0.25), (2.8, 0.0)]
    band = path_of(points, images=7)
    assert band.energies_ev.max() == pytest.approx(0.6, abs=0.001)
    assert band.residual <= 0.02  # of the saddle, though the part beside it is a band to 0.08
