"""SevenNet in blocks of edges is SevenNet: the same energies, forces and stresses."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.potentials import sevennet
from pvkdb_pipelines.potentials.edge_blocks import BLOCK, edges_in_blocks
from pvkdb_pipelines.potentials.sevennet import (
    _require_known_design,
    load_sevennet,
    sevennet_calculator,
)
from pvkdb_pipelines.prototypes import tilted_perovskite

from ..conftest import fails

pytestmark = pytest.mark.slow

CUTOFF = 5.0


def rattled_perovskite() -> Atoms:
    return tilted_perovskite("Cs", "Sn", "I", 6.2, 8, 0.1, 3, primitive=True)


def sheared_salt() -> Atoms:
    salt = bulk("CsCl", "cesiumchloride", a=4.1) * (2, 1, 1)
    salt.set_cell(salt.cell @ [[1.02, 0.03, 0], [0, 0.97, 0.05], [0.02, 0, 1]], scale_atoms=True)
    salt.rattle(0.1, seed=5)
    return salt


def outside_of_a_left_handed_cell() -> Atoms:
    atoms = rattled_perovskite()
    atoms.positions += atoms.cell[0] * 2.3
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell[[1, 0, 2]], pbc=True)


CELLS = {
    "perovskite": rattled_perovskite(),
    "sheared salt": sheared_salt(),
    "an atom among its own images": bulk("Pb", "fcc", a=4.95),
    "a molecule in a box": Atoms("I2", [[1, 1, 1], [3.7, 1, 1]], cell=[14, 14, 14], pbc=True),
    "atoms outside of a left-handed cell": outside_of_a_left_handed_cell(),
    "one atom that has no neighbour": Atoms("Cs", cell=[9, 9, 9], pbc=True),
}


@pytest.fixture(scope="module")
def library():
    return sevennet_calculator("7net-0")


@pytest.fixture(scope="module")
def model():
    return load_sevennet("7net-0")


@pytest.mark.parametrize("name", CELLS)
def test_equals_the_library(name, library, model):
    atoms = CELLS[name]
    library.calculate(atoms)
    (found,) = model([atoms], True)
    assert found["energy"] == pytest.approx(library.results["energy"], abs=2e-6 * len(atoms))
    assert np.allclose(found["forces"], library.results["forces"], atol=5e-6)
    assert np.allclose(found["stress"], library.results["stress"], atol=1e-7)


@pytest.mark.parametrize("most_atoms", [0, 1000])
def test_structures_in_a_batch_do_not_change_each_other(model, monkeypatch, most_atoms):
    """On a core a batch of many atoms is evaluated in turn, one of few, or on a GPU, at once."""
    monkeypatch.setattr(sevennet, "_MOST_ATOMS_ON_A_CORE", most_atoms)
    together = model(list(CELLS.values()), True)
    for atoms, found in zip(CELLS.values(), together, strict=True):
        (alone,) = model([atoms], True)
        assert found["energy"] == pytest.approx(alone["energy"], abs=1e-6 * len(atoms))
        assert np.allclose(found["forces"], alone["forces"], rtol=0, atol=2e-6)
        assert np.allclose(found["stress"], alone["stress"], rtol=0, atol=1e-7)


def test_a_slab_without_a_volume_has_forces_and_no_stress(model, library):
    slab = Atoms("CsI", [[0, 0, 5], [2, 2, 7]], cell=[4.5, 4.5, 0], pbc=[True, True, False])
    (found,) = model([slab], False)
    assert "stress" not in found
    library.calculate(slab)
    assert np.allclose(found["forces"], library.results["forces"], atol=5e-6)


def test_element_without_weights_is_refused(model):
    with fails(FailureKind.UNSUPPORTED_ELEMENT, "no weights for Po"):
        model([bulk("Po", "sc", a=3.35)], True)


def test_a_network_of_another_design_is_refused(library):
    from torch.nn import BatchNorm1d

    parts = dict(library.model.named_children())
    with pytest.raises(NotImplementedError, match="BatchNorm1d"):
        _require_known_design({**parts, "norm": BatchNorm1d(3)})


@pytest.mark.parametrize("name", CELLS)
def test_blocks_hold_every_edge_once(name):
    atoms = CELLS[name]
    source, target, vectors, shifts = neighbor_list("ijDS", atoms, CUTOFF)
    edges = edges_in_blocks(len(atoms), source, target, vectors, shifts)
    assert len(edges.vectors) * 2 == len(source)
    held = edges.even == 1
    centre = np.repeat(edges.centre, BLOCK)[held]
    outward = (edges.odd[:, None] * edges.vectors[edges.pair])[held]
    ours = np.column_stack([centre, edges.neighbour[held], outward.round(6)])
    theirs = np.column_stack([source, target, vectors.round(6)])
    assert sorted(map(tuple, ours + 0.0)) == sorted(map(tuple, theirs + 0.0))
    assert not edges.odd[~held].any()
    assert len(edges.centre) == sum(-(-np.bincount(source, minlength=len(atoms)) // BLOCK))
