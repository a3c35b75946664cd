"""Molecules on A sites: whole, at contact with halides, and turned in the stated pattern."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from ase.formula import Formula

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.ions import molecular_geometries, molecular_ions
from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import build, compound_of
from pvkdb_pipelines.prototypes.molecules import PATTERNS


def started(formula, phase="Pnma", **options):
    return build(parse_composition(formula), phase, **options)


def dipoles(atoms):
    """C to N of each MA, unit vectors."""
    carbon, nitrogen = (np.flatnonzero(atoms.symbols == symbol) for symbol in "CN")
    bonds = atoms.positions[nitrogen] - atoms.positions[carbon]
    return bonds / np.linalg.norm(bonds, axis=1)[:, None]


def test_geometries_have_the_atoms_of_their_ions():
    compound = compound_of(parse_composition("FAPbI3"))
    assert compound.numbers_of_elements == {"C": 1, "N": 2, "H": 5, "Pb": 1, "I": 3}
    for symbol, atoms in molecular_geometries().items():
        inside = Formula(molecular_ions()[symbol].formula).count()
        assert Counter(element for element, _ in atoms) == inside


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("formula", "phase"),
    [
        *product(["MAPbI3", "FAPbI3", "MAPbCl3", "FASnI3"], ["Pnma", "I4/mcm", "P4/mbm", "Pm-3m"]),
        *product(["MA3Bi2I9", "MA3Sb2Br9"], ["P6_3/mmc", "P-3m1"]),
    ],
)
def test_molecules_are_whole_and_touch_nothing(formula, phase, pattern):
    atoms = started(formula, phase, pattern=pattern)
    hydrogen = atoms.numbers == 1
    bonds = neighbours(atoms, 1.2).between(hydrogen, ~hydrogen)
    assert len(bonds.first) == np.count_nonzero(hydrogen)
    contacts = neighbours(atoms, 3.0).between(hydrogen, atoms.numbers > 10)
    assert contacts.distance.min(initial=3.0) > 2.0  # a hydrogen bond N-H...I has 2.6 Å


def test_antipolar_molecules_keep_pnma_and_cancel():
    """Orthorhombic MAPbI3 is Pnma: M. T. Weller et al., Chem. Commun. 51, 4180 (2015)."""
    atoms = started("MAPbI3")
    assert space_group(atoms, 0.01).symbol == "Pnma"
    assert np.abs(dipoles(atoms).sum(axis=0)).max() < 1e-6


def test_polar_molecules_are_parallel_and_random_ones_follow_the_seed():
    assert np.ptp(dipoles(started("MAPbI3", pattern="polar")), axis=0).max() < 1e-6
    first, same, other = (
        started("MAPbI3", pattern="random", seed=seed).positions for seed in (1, 1, 2)
    )
    assert (first == same).all()
    assert np.abs(first - other).max() > 0.5


@pytest.mark.parametrize(
    ("what", "options", "words"),
    [
        ("MAPbI3", {"phase": "delta"}, "choose from"),
        ("MAPbI3", {"pattern": "spiral"}, "spiral"),
        ("DMAPbI3", {}, "is a molecule whose place and geometry"),
        ("MA2SnI6", {"phase": "Fm-3m"}, "is a molecule whose place and geometry"),
    ],
)
def test_what_cannot_be_placed_is_refused(what, options, words):
    with pytest.raises(InputError, match=words):
        started(what, **options)
