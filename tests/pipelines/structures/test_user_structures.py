"""Structures that users bring must be what they are said to be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import make_supercell
from ase.io import write

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.store.database import Store
from pvkdb.store.files.structure_reading import elements_of
from pvkdb_pipelines.prototypes import build
from pvkdb_pipelines.structures.user_structures import (
    START,
    atoms_of,
    phase_of,
    read_start,
    store_start,
    stored,
)

from ...structures import cif

SHARED_SITE = cif(
    "mixed",
    6.3,
    "Cs1 Cs 0.5 0.5 0.5 1.0\nPb1 Pb 0.0 0.0 0.0 0.5\nSn1 Sn 0.0 0.0 0.0 0.5\n"
    "I1 I 0.5 0.0 0.0 1.0\nI2 I 0.0 0.5 0.0 1.0\nI3 I 0.0 0.0 0.5 1.0\n",
    "_symmetry_space_group_name_H-M 'P 1'",
    occupancies=1,
)


def test_elements_of_molecules_are_counted():
    assert elements_of(parse_composition("MAPbI3")) == {"C": 1, "N": 1, "H": 6, "Pb": 1, "I": 3}
    with pytest.raises(InputError, match="leaves ions or amounts open"):
        elements_of(parse_composition("MAPbI3-xClx"))


def test_ordered_supercell_is_a_start_of_a_mixed_composition(tmp_path: Path):
    mixed = parse_composition("CsPb0.5Sn0.5I3")
    cell = make_supercell(build(parse_composition("CsPbI3"), "Pm-3m"), np.diag([2, 1, 1]))
    lead = np.flatnonzero(cell.symbols == "Pb")
    cell.symbols[lead[0]] = "Sn"
    write(tmp_path / "ordered.cif", cell)
    start = read_start(tmp_path / "ordered.cif", mixed)
    assert len(start) == 10
    assert phase_of(start, mixed) == "P4/mmm"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SHARED_SITE, r"occupied by .*0\.5.*order it in a supercell"),
        ("nothing here", r"start\.cif"),
        (
            SHARED_SITE + "# measured reflections\n" * 100_000,
            r"start\.cif has 2\.\d MB; a structure may have 2: keep",
        ),
    ],
    ids=["shared sites", "no structure", "too large for one"],
)
def test_a_file_that_is_no_start_is_refused(tmp_path: Path, text: str, reason: str):
    path = tmp_path / "start.cif"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_start(path, parse_composition("CsPb0.5Sn0.5I3"))


@pytest.mark.parametrize(
    ("atoms", "reason"),
    [
        (Atoms("CsPbI3", positions=np.eye(5, 3) * 3), "no periodic structure"),
        (Atoms("CsPbI3", positions=np.eye(5, 3), cell=[6.3] * 3, pbc=True), "Å apart"),
        (Atoms("CsPbI2", positions=np.eye(4, 3) * 3, cell=[6.3] * 3, pbc=True), "not CsPbI3"),
    ],
)
def test_what_is_no_such_crystal_is_refused(tmp_path: Path, atoms, reason):
    path = tmp_path / "start.xyz"
    write(path, atoms, format="extxyz")
    with pytest.raises(InputError, match=reason):
        read_start(path, parse_composition("CsPbI3"))


@pytest.mark.parametrize("phase", ["Pnma", "delta", "2H", "6H", "R-3c", "P4/mbm"])
def test_prototypes_are_recognised(phase):
    composition = parse_composition("CsPbI3")
    assert phase_of(build(composition, phase), composition) == phase


def test_start_is_kept_once_and_comes_back(tmp_path: Path, migrated_sqlite: Path):
    composition = parse_composition("CsPbI3")
    atoms = build(composition, "delta")
    shutil.copy(migrated_sqlite, tmp_path / "starts.sqlite")
    store = Store(f"sqlite:///{tmp_path / 'starts.sqlite'}")
    with store.session() as session:
        first, _ = store_start(session, atoms, composition, "delta", "mine.cif")
        assert store_start(session, atoms, composition, "delta", "copy.cif") == (first, False)
    with store.session(read_only=True) as session:
        (kept,) = stored(session, composition, START)
        assert (kept.material.id, kept.origin) == ("CsPbI3-delta", "mine.cif")
        back = atoms_of(kept)
        assert stored(session, composition, START, "Pnma") == []
    assert np.allclose(back.positions, atoms.positions, atol=1e-8)
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    store.close()
