"""A structure is a phase that the store knows, a known prototype with other ions, or new."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from ase import Atoms
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.files.similar_structures import MOST_PRIMITIVE_ATOMS, similar_structures
from pvkdb.store.files.structure_reading import host_of
from pvkdb_pipelines.prototypes import build, compound_of

from ....structures import structure_row


def cubic(a: str, b: str, x: str, edge_ang: float) -> Atoms:
    """ABX3 with A in the middle of the cube."""
    places = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
    return Atoms([a, b, x, x, x], scaled_positions=places, cell=[edge_ang] * 3, pbc=True)


def add(session: Session, formula: str, phase: str, atoms: Atoms, group: str) -> None:
    material = register_material(session, parse_composition(formula), phase)
    session.add(structure_row(f"{formula}-{phase}", atoms, material=material, space_group=group))


@pytest.fixture
def session(empty_store: Store) -> Iterator[Session]:
    """Cubic and tilted CsPbBr3, and an entry whose cell was edited to nothing."""
    with empty_store.session() as opened:
        add(opened, "CsPbBr3", "Pm-3m", cubic("Cs", "Pb", "Br", 5.87), "Pm-3m")
        tilted = build(compound_of(parse_composition("CsPbBr3")), "Pnma")
        add(opened, "CsPbBr3", "Pnma", tilted, "Pnma")
        flat = cubic("Cs", "Sn", "Br", 5.8)
        flat.cell[:] = 0
        add(opened, "CsSnBr3", "Pm-3m", flat, "Pm-3m")
        opened.flush()
        yield opened


def test_a_phase_is_known_in_a_larger_moved_supercell(session: Session) -> None:
    atoms = cubic("Cs", "Pb", "Br", 6.1).repeat((2, 1, 1))
    atoms.translate((0.7, -0.3, 1.1))
    atoms.wrap()
    found = similar_structures(session, host_of(atoms))
    assert (found.verdict, found.formula, found.space_group) == ("known phase", "CsPbBr3", "Pm-3m")
    (match,) = found.matches
    assert (match.structure, match.exchanged) == ("CsPbBr3-Pm-3m", {})
    assert match.rms_displacement < 1e-3
    assert (found.atoms, found.compared) == (5, 2)


def test_other_ions_on_the_same_sites_are_a_prototype(session: Session) -> None:
    found = similar_structures(session, host_of(cubic("Rb", "Ge", "I", 5.9)))
    assert found.verdict == "prototype"
    assert [match.structure for match in found.matches] == ["CsPbBr3-Pm-3m"]
    assert found.matches[0].exchanged == {"Rb": "Cs", "Ge": "Pb", "I": "Br"}
    # With lead in the cage and caesium in the octahedron, the composition is the same.
    found = similar_structures(session, host_of(cubic("Pb", "Cs", "Br", 5.87)))
    assert (found.verdict, found.matches) == ("new", [])


def test_delta_is_not_the_perovskite_of_the_same_space_group(session: Session) -> None:
    delta = build(compound_of(parse_composition("CsPbI3")), "delta")
    found = similar_structures(session, host_of(delta))
    assert (found.verdict, found.space_group) == ("new", "Pnma")
    assert found.compared == 1
    tilted = build(compound_of(parse_composition("CsPbI3")), "Pnma")
    assert similar_structures(session, host_of(tilted)).verdict == "prototype"


def test_cells_that_take_too_long_are_refused(session: Session) -> None:
    atoms = cubic("Cs", "Pb", "Br", 5.87).repeat((2, 2, 4))
    atoms.positions += np.array([[random.Random(n).uniform(-0.3, 0.3)] * 3 for n in range(80)])
    with pytest.raises(InputError, match=rf"80 atoms; at most {MOST_PRIMITIVE_ATOMS}"):
        similar_structures(session, host_of(atoms))
