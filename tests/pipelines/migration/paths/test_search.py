"""Paths that pass a minimum on their way are whole, and those over another site are none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
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

#: E = H (1 − cos 2πx/P) / 2 + T x + D (y² + z²): minima every P, each T·P above the one before.
_H, _P, _D = 0.3, 3.0, 1.0
_CENTRE = np.array([6.0, 6.0, 6.0])


def washboard(tilt: float) -> Potential:
    def evaluate_one(atoms: Atoms) -> Properties:
        x, y, z = atoms.positions[0] - _CENTRE
        corner = atoms.positions[1]
        energy = _H * (1 - np.cos(2 * np.pi * x / _P)) / 2 + tilt * x
        energy += _D * (y**2 + z**2 + corner @ corner)
        slope = _H * np.pi / _P * np.sin(2 * np.pi * x / _P) + tilt
        forces = -np.array([[slope, 2 * _D * y, 2 * _D * z], 2 * _D * corner])
        return {"energy": float(energy), "forces": forces}

    return held(evaluate_one)


def ends_of(tilt: float) -> tuple[Atoms, Atoms]:
    """The minima next to −P and P; a third one lies next to 0, half-way."""
    shift = -np.arcsin(tilt * _P / (_H * np.pi)) * _P / (2 * np.pi)
    ends = []
    for x in (shift - _P, shift + _P):
        atoms = Atoms("Cu2", [_CENTRE + np.array([x, 0, 0]), [0, 0, 0]], cell=[20] * 3, pbc=True)
        (found,) = washboard(tilt).evaluate([atoms])
        atoms.calc = SinglePointCalculator(atoms, energy=found["energy"], forces=found["forces"])
        ends.append(atoms)
    return ends[0], ends[1]


def search(tilt: float, site_of=lambda atoms: None) -> PathSearch:
    return PathSearch(washboard(tilt), NebSettings(), 2 * np.eye(6), 0, site_of, (0, 1), silent)


@pytest.mark.parametrize("tilt", [-0.05, 0.05])
def test_a_path_by_way_of_a_minimum_goes_from_end_to_end(tilt):
    """Whichever of its two saddles is the higher one, and is found first."""
    initial, final = ends_of(tilt)
    band = search(tilt).path(interpolate(initial, final, 6))
    assert band.images[0].positions == pytest.approx(initial.positions)
    assert band.images[-1].positions == pytest.approx(final.positions)
    energies = band.energies_ev
    expected = 2 * tilt * _P
    assert energies[-1] - energies[0] == pytest.approx(expected, abs=1e-6)
    top = np.linspace(6 - _P, 6 + _P, 20001) - 6
    values = _H * (1 - np.cos(2 * np.pi * top / _P)) / 2 + tilt * top
    low = initial.get_potential_energy()
    assert energies.max() == pytest.approx(values.max() - low, abs=0.001)
    # The minimum on the way is part of the path.
    middle = np.abs([along_ang(image) for image in band.images]).argmin()
    assert energies[middle] < energies.max() - 0.2


def test_a_path_over_another_site_is_no_hop_of_its_own():
    initial, final = ends_of(0.05)
    other = search(0.05, lambda atoms: 7 if abs(along_ang(atoms)) < 0.5 else None)
    with fails(FailureKind.NO_ELEMENTARY_HOP, "over another site"):
        other.path(interpolate(initial, final, 6))


# --- landscapes whose minima and saddles are given


def landscape(*points: tuple[float, float]) -> Potential:
    """Minima and saddles by turns at (x, energy); the moving atom is held to the x axis."""
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


def path_of(points, exchange=None, images=5):
    """The path from the first point to the last."""
    potential = landscape(*points)
    ends = []
    for x in (points[0][0], points[-1][0]):
        atoms = Atoms("Cu2", [_CENTRE + np.array([x, 0, 0]), [0, 0, 0]], cell=[20] * 3, pbc=True)
        (found,) = potential.evaluate([atoms])
        atoms.calc = SinglePointCalculator(atoms, energy=found["energy"], forces=found["forces"])
        ends.append(atoms)
    finder = PathSearch(
        potential, NebSettings(), 2 * np.eye(6), 0, lambda atoms: None, (0, 1), silent, exchange
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
