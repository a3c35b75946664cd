"""Supercells keep defects apart with as few atoms as possible."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.supercells import (
    distant_supercell,
    given_supercell,
    shortest_vector_ang,
    symmetric_supercell,
)
from pvkdb_pipelines.geometry.symmetry import space_group, standard_cell
from pvkdb_pipelines.prototypes import build, compound_of, tilted_perovskite


def test_the_tilted_perovskite_becomes_two_octahedra_each_way() -> None:
    primitive = tilted_perovskite("Cs", "Pb", "Br", 5.9, primitive=True)
    supercell, matrix = distant_supercell(primitive, 10.0)
    assert len(supercell) == 40
    assert np.linalg.det(matrix) == pytest.approx(2)
    assert np.allclose(supercell.cell.lengths(), 11.8, atol=0.01)
    assert np.allclose(supercell.cell.angles(), 90, atol=0.1)


def test_an_index_of_the_host_is_an_index_of_its_first_copy() -> None:
    """Vacancy sites are indices of the host."""
    primitive = tilted_perovskite("Cs", "Sn", "I", 6.2, primitive=True)
    supercell, _ = distant_supercell(primitive, 10.0)
    assert list(supercell.symbols[: len(primitive)]) == list(primitive.symbols)
    apart = (supercell.positions[: len(primitive)] - primitive.positions) @ np.linalg.inv(
        primitive.cell.array
    )
    assert np.allclose(apart, np.rint(apart), atol=1e-8)


def test_the_densest_supercell_is_found_though_it_is_not_diagonal() -> None:
    """Four cells of copper: the cubic one, 3.61 Å wide. Of eight, the face-centred cubic one."""
    copper = bulk("Cu", "fcc", a=3.61)
    cubic, _ = distant_supercell(copper, 3.6)
    assert len(cubic) == 4
    assert shortest_vector_ang(cubic.cell.array) == pytest.approx(3.61)
    assert len(distant_supercell(copper, 5.105)[0]) == 8
    with pytest.raises(InputError, match=r"at most 20 atoms.*smaller distance"):
        distant_supercell(bulk("Cu"), 8.0, most_atoms=20)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.floats(3.5, 9), min_size=3, max_size=3),
    st.lists(st.floats(60, 120), min_size=3, max_size=3),
)
def test_no_image_is_nearer_than_asked(lengths: list[float], angles: list[float]) -> None:
    """Checked with pymatgen's search for neighbours."""
    try:
        cell = Lattice.from_parameters(*lengths, *angles).matrix
    except ValueError:
        return
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 20:
        return
    atoms = Atoms("Cs", cell=cell, pbc=True)
    supercell, matrix = distant_supercell(atoms, 8.0)
    lattice = Lattice(supercell.cell.array)
    _, distances, *_ = lattice.get_points_in_sphere([[0, 0, 0]], [0, 0, 0], 7.99, zip_results=False)
    assert max(distances) < 1e-3
    assert len(make_supercell(atoms, matrix)) == len(supercell)
    assert np.allclose(matrix @ atoms.cell.array, supercell.cell.array)
    assert np.linalg.det(matrix) > 0


@pytest.mark.parametrize(
    ("formula", "phase", "atoms"),
    [
        ("CsPbBr3", "Pnma", 40),  # √2 × 1 × √2: two octahedra each way
        ("CsPbBr3", "Pm-3m", 20),  # images at the corners and in the middle of a doubled cube
        ("Cs2SnI6", "Fm-3m", None),
        ("Cs3Sb2I9", "P6_3/mmc", None),
        ("Cs3Sb2I9", "P-3m1", 42),  # √3 × √3 × 1
        ("CsPbI3", "delta", None),
    ],
)
def test_symmetric_supercell_keeps_every_operation(formula, phase, atoms):
    """As many operations as the crystal has, times the translations within the supercell."""
    built = build(compound_of(parse_composition(formula)), phase)
    primitive = standard_cell(built, 0.01, primitive=True)
    group = space_group(primitive, 0.01)
    matrix = symmetric_supercell(primitive.cell.array, group.rotations, 10.0)
    supercell = make_supercell(primitive, matrix)
    cells = len(supercell) // len(primitive)
    assert shortest_vector_ang(supercell.cell.array) >= 10.0
    found = space_group(supercell, 0.01)
    assert found.number == group.number
    assert len(found.rotations) == cells * len(group.rotations)
    assert np.linalg.det(matrix) == pytest.approx(cells)
    assert atoms is None or len(supercell) == atoms
    # Symmetry can only ask for more atoms than distance alone.
    assert len(supercell) >= len(distant_supercell(primitive, 10.0)[0])


@pytest.mark.slow
def test_symmetric_supercell_of_cubic_copper_is_cubic() -> None:
    copper = bulk("Cu", "fcc", a=3.61)
    matrix = symmetric_supercell(copper.cell.array, space_group(copper, 0.01).rotations, 8.5)
    reduced = np.array(matrix) @ copper.cell.array
    assert len(set(np.linalg.norm(reduced, axis=1).round(6))) == 1


def test_a_given_supercell_keeps_symmetry_and_distance() -> None:
    built = build(compound_of(parse_composition("Cs2SnI6")), "Fm-3m")
    primitive = standard_cell(built, 0.01, primitive=True)
    cell, rotations = primitive.cell.array, space_group(primitive, 0.01).rotations
    cube = np.rint(standard_cell(primitive, 0.01).cell.array @ np.linalg.inv(cell))
    assert len(make_supercell(primitive, given_supercell(cube, cell, rotations, 10.0))) == 36
    with pytest.raises(InputError, match=r"nearer than the distance of 15 Å; use a larger"):
        given_supercell(cube, cell, rotations, 15.0)
    with pytest.raises(InputError, match="less symmetry than the crystal"):
        given_supercell(np.diag([2, 1, 1]) @ cube, cell, rotations, 10.0)


@pytest.mark.slow
def test_symmetric_supercells_are_not_sought_without_end() -> None:
    copper = bulk("Cu", "fcc", a=3.61)
    with pytest.raises(InputError, match=r"up to 64 primitive cells.*smaller distance"):
        symmetric_supercell(copper.cell.array, space_group(copper, 0.01).rotations, 40.0)
