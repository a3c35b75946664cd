"""A store with structures of published types, on both databases, and servers on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from sqlalchemy import update

from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.references import DatasetVersion
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.prototypes import build, compound_of

from ...conftest import new_database
from ...structures import structure_row
from ..conftest import service

pytest.importorskip("optimade")

#: Formula, phase and the id that the structure gets. Prototypes hold the space group and lengths
#: from radii; the last one is without an iodine atom.
PROTOTYPES = (
    ("CsPbI3", "Pnma", "cspbi3-gamma"),
    ("CsPbI3", "delta", "cspbi3-delta"),
    ("CsPbBr3", "Pnma", "cspbbr3"),
    ("CsSnI3", "R3m", "cssni3"),
    ("RbGeCl3", "R3m", "rbgecl3"),
    ("RbGeCl3", "2H", "rbgecl3-2H"),
    ("Cs2AgBiBr6", "P2_1/n", "cs2agbibr6"),
    ("Cs2SnI6", "Fm-3m", "cs2sni6"),
    ("Cs3Sb2I9", "P6_3/mmc", "cs3sb2i9-dimer"),
    ("Cs3Sb2I9", "P-3m1", "cs3sb2i9-layer"),
)
VACANCY = "cspbi3-vacancy"
#: When the first of them was recorded; the others followed by the minute, and half a second.
FIRST = datetime(2026, 5, 1, 12, 0, 0, 500_000, UTC)


def fill(store: Store) -> Store:
    """The store with the structures in it, closed."""
    with store.session() as session:
        session.execute(update(DatasetVersion).values(loaded_at=FIRST - timedelta(days=1)))
        for number, (formula, phase, key) in enumerate(PROTOTYPES):
            composition = parse_composition(formula)
            material = register_material(session, composition, phase)
            atoms = build(compound_of(composition), phase)
            role = "start" if key == "cssni3" else "host"
            entry = structure(key, material, atoms, role, number)
            session.add(entry)
            if key == "cspbi3-gamma":
                entry.energy_ev, entry.space_group = -60.25, "Pnma"
                del atoms[next(atom.index for atom in atoms if atom.symbol == "I")]
                session.add(structure(VACANCY, material, atoms, "vacancy", len(PROTOTYPES), key))
    store.close()
    return store


def structure(
    key: str, material: Any, atoms: Atoms, role: str, minute: int, parent: str | None = None
) -> Structure:
    rounded = atoms.copy()
    rounded.set_cell(np.round(atoms.cell.array, 8))
    rounded.positions = np.round(atoms.positions, 8)
    columns = {"material": material, "role": role, "parent_id": parent}
    return structure_row(key, rounded, recorded_at=FIRST + timedelta(minutes=minute), **columns)


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store with literature and structures that tests only read, on each database."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("optimade") / "optimade.sqlite"
        shutil.copy(request.getfixturevalue("loaded_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("loaded_postgres")
        database = new_database(request.getfixturevalue("postgres_server"), template)
        url = database.render_as_string(hide_password=False)
    store = fill(Store(url))
    yield store
    store.close()


@pytest.fixture(scope="package")
def address(filled: Store) -> Iterator[str]:
    """Address of a running service on the filled store."""
    with served(filled) as address:
        yield address


def served(store: Store) -> AbstractContextManager[str]:
    """Address of a running service on a store, which fails where Python warns."""
    return service(store.url.render_as_string(hide_password=False), "-W", "error")
