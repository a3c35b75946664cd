"""The host's Hessian, from one atom of each kind, is that of all atoms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pvkdb_pipelines.migration.host import hessian
from pvkdb_pipelines.migration.host.hessian import Hessian, host_hessian
from pvkdb_pipelines.migration.sites.operations import operations_of

from ..conftest import EMT_LATTICE_ANG


def alloy_of(*repeat: int) -> Atoms:
    """Cu3Au's structure of Cu and Ni, where the sites of Cu are tetragonal in three directions."""
    host = bulk("Cu", "fcc", a=3.57, cubic=True)
    host.symbols[0] = "Ni"
    return host * repeat


@pytest.fixture(scope="module")
def alloy() -> Atoms:
    return alloy_of(1, 1, 1)


def hessian_of(host, emt) -> np.ndarray:
    return host_hessian(operations_of(host), emt).matrix


@pytest.mark.parametrize(
    ("repeat", "tolerance"),
    [
        ((1, 1, 1), 1e-6),
        # Where ±x differ for a pair, forward differences are off by the third derivative times the
        # step, and an operation that turns x into −x takes it with the other sign.
        ((2, 2, 1), 0.03),
    ],
)
def test_symmetry_gives_the_rows_of_all_atoms(repeat, tolerance, emt):
    host = alloy_of(*repeat)
    (rest,) = emt.evaluate([host])
    moved = []
    for row in range(3 * len(host)):
        moved.append(host.copy())
        moved[-1].positions[row // 3, row % 3] += 0.03
    expected = np.array(
        [-(found["forces"] - rest["forces"]).ravel() / 0.03 for found in emt.evaluate(moved)]
    )
    difference = np.abs(hessian_of(host, emt) - (expected + expected.T) / 2).max()
    assert difference < tolerance * np.abs(expected).max()


def test_few_evaluations_suffice_and_a_translation_of_all_atoms_costs_nothing(alloy, emt):
    before = emt.force_calls
    matrix = hessian_of(alloy, emt)
    assert emt.force_calls - before == 1 + 2 * 3
    atoms = len(alloy)
    assert matrix == pytest.approx(matrix.T)
    sums = matrix.reshape(atoms, 3, atoms, 3).sum(axis=2)
    assert np.abs(sums).max() < 1e-3 * np.abs(matrix).max()


def test_large_hosts_are_evaluated_in_parts(alloy, emt, monkeypatch):
    whole, sizes = hessian_of(alloy, emt), []
    several = emt.evaluate_many

    def counted(structures, stress):
        sizes.append(sum(map(len, structures)))
        return several(structures, stress)

    monkeypatch.setattr(hessian, "_ATOMS_AT_ONCE", 2 * len(alloy))
    found = hessian_of(alloy, dataclasses.replace(emt, evaluate_many=counted))
    assert found == pytest.approx(whole)
    assert max(sizes) == 2 * len(alloy)


def test_stiffness_is_that_of_a_known_force_constant(emt):
    """An atom of copper in its cage against the curvature of its energy."""
    host = bulk("Cu", "fcc", a=EMT_LATTICE_ANG["Cu"], cubic=True) * 2
    energies = []
    for step in (-0.02, 0.0, 0.02):
        moved = host.copy()
        moved.positions[0, 0] += step
        energies.append(emt.evaluate([moved])[0]["energy"])
    curvature = (energies[0] - 2 * energies[1] + energies[2]) / 0.02**2
    assert hessian_of(host, emt)[0, 0] == pytest.approx(curvature, rel=0.02)


def test_what_optimizers_begin_with_is_positive(alloy, emt):
    hessian = Hessian(hessian_of(alloy, emt))
    atoms = len(alloy)
    without = hessian.of_atoms(np.delete(np.arange(atoms), 3))
    assert without.shape == (3 * atoms - 3, 3 * atoms - 3)
    assert np.linalg.eigvalsh(without).min() > 0.4
    added = hessian.of_atoms(np.arange(atoms + 1))
    assert np.linalg.eigvalsh(added).min() > 0.4
    assert added.shape == (3 * atoms + 3, 3 * atoms + 3)
    unstable = Hessian(-np.eye(6)).of_atoms(np.arange(2))
    apart = np.array([1, 0, 0, -1, 0, 0])  # a translation of both is made stiff
    assert unstable @ apart == pytest.approx(apart)
