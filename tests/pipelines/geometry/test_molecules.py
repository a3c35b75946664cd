"""Bonds of molecules, and by how much molecules turned."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.molecules import has_molecules, require_whole, turned_deg
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.prototypes import build

from ..conftest import fails


def started(formula):
    return build(parse_composition(formula), "Pm-3m")


def turned(atoms, degrees, axis):
    """The molecule, last in the list, turned about an axis through its middle and wrapped."""
    after = atoms.copy()
    molecule = after.positions[4:]
    middle = molecule.mean(axis=0)
    rotation = Rotation.from_rotvec(np.radians(degrees) * np.array(axis, dtype=float))
    after.positions[4:] = rotation.apply(molecule - middle) + middle
    after.positions += 0.45 * after.cell.array.sum(axis=0)
    after.wrap()
    return after


@pytest.mark.parametrize(("formula", "bonds"), [("MAPbI3", True), ("CsPbI3", False)])
def test_only_molecules_are_bonded(formula, bonds):
    assert has_molecules(started(formula)) == bonds


def test_angles_are_those_of_the_turn_and_not_of_a_spinning_methyl_group():
    methylammonium, formamidinium = started("MAPbI3"), started("FAPbI3")
    along = methylammonium.positions[5] - methylammonium.positions[4]  # C to N
    along /= np.linalg.norm(along)
    across = np.cross(along, [0.3, 0.5, 0.8])
    across /= np.linalg.norm(across)
    assert turned_deg(methylammonium, turned(methylammonium, 90, across)) == pytest.approx([90])
    assert turned_deg(methylammonium, turned(methylammonium, 60, along)) == pytest.approx([0])
    for axis in np.eye(3):
        assert turned_deg(formamidinium, turned(formamidinium, 60, axis)) == pytest.approx([60])


def test_a_proton_that_leaves_is_refused():
    atoms = started("MAPbI3")
    require_whole(atoms, turned(atoms, 90, (0, 0, 1)), "cell")
    stretched, broken = atoms.copy(), atoms.copy()
    bond = atoms.positions[-1] - atoms.positions[5]  # N to H
    stretched.positions[-1] += 0.35 * bond
    broken.positions[-1] += 1.2 * bond
    require_whole(stretched, atoms, "a displaced start")
    with fails(FailureKind.MOLECULE_BROKEN, "the bond of N5 and H11 broke"):
        require_whole(atoms, broken, "cell")


@pytest.mark.parametrize(
    ("pair", "ang", "fits"),
    [("CN", 1.10, True), ("CN", 0.8, False), ("CO", 1.0, False), ("PbBr", 1.9, False)],
)
def test_a_triple_bond_is_not_too_short(pair, ang, fits):
    two = Atoms(pair, positions=[(0, 0, 0), (0, 0, ang)], cell=[10.0] * 3, pbc=True)
    with nullcontext() if fits else pytest.raises(CalculationFailedError, match="apart"):
        check_structure(two, "a pair")
