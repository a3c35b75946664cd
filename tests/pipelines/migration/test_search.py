"""Paths that pass a minimum on their way are whole, and those over another site are none."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration.band import interpolate
from pvkdb_pipelines.migration.search import PathSearch
from pvkdb_pipelines.potentials import Potential, Properties

from .conftest import silent
from .double_well import along_ang, held

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
    return PathSearch(washboard(tilt), NebSettings(), 2 * np.eye(6), 0, site_of)


@pytest.mark.parametrize("tilt", [-0.05, 0.05])
def test_a_path_by_way_of_a_minimum_goes_from_end_to_end(tilt):
    """Whichever of its two saddles is the higher one, and is found first."""
    initial, final = ends_of(tilt)
    band = search(tilt).path(interpolate(initial, final, 6), (0, 1), silent)
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
    with pytest.raises(CalculationFailedError, match="over another site") as failure:
        other.path(interpolate(initial, final, 6), (0, 1), silent)
    assert failure.value.kind == FailureKind.NO_ELEMENTARY_HOP
