"""Starting structures of users: read from a file, checked, and stored.

They can represent what prototypes cannot: a mixed composition ordered in a supercell, an oriented
molecular cation, or a phase that is missing from the catalogue.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition
from pvkdb.compositions.compounds import Compound
from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.store.curation.registration import register_material
from pvkdb.store.files.structure_reading import require_composition, require_order
from pvkdb.store.models.materials import Composition as StoredComposition
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import PrototypeInfo, compound_of, prototypes_of
from pvkdb_pipelines.structures.octahedra import polyhedra

#: Role of a user's structure in the table ``structures``.
START = "start"
#: Largest file of one structure, MB: 1 kB for each of 2,000 atoms. ASE reads 0.2 to 1 MB a second.
MOST_MB = 2
#: Tolerance for its space group, Å.
SYMPREC_ANG = 0.01


def read_start(path: Path, composition: Composition | None = None) -> Atoms:
    """Read a starting structure of a composition.

    Args:
        path: CIF, POSCAR or any other file of one periodic structure that ASE reads.
        composition: Composition that it must have; None for any.

    Raises:
        InputError: the file is unreadable, not finite, not periodic, has sites shared by elements,
            another composition, or overlapping atoms.
    """
    atoms = _read(path)
    require_order(atoms, path)
    if composition is not None:
        require_composition(atoms, composition, path)
    check_start(atoms, path)
    return atoms


def check_start(atoms: Atoms, name: Path | str) -> None:
    """Check that a structure is periodic and has no overlapping atoms; ``name`` is for the message.

    Raises:
        InputError: it is not finite, not periodic, or atoms overlap.
    """
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError(f"{name} contains coordinates that are not finite")
    if not atoms.pbc.all() or not atoms.get_volume() > 0:
        raise InputError(f"{name} contains no periodic structure in three dimensions")
    try:
        check_structure(atoms, str(name))
    except CalculationFailedError as error:
        raise InputError(str(error)) from error


def phase_of(atoms: Atoms, composition: Composition) -> str:
    """Return the phase of a structure: the name of a matching prototype, or its space group.

    Delta CsPbI3 and the perovskite are both Pnma; the links of their octahedra differ.

    Raises:
        InputError: a prototype has this space group, but the structure is a different one.
    """
    found = space_group(atoms, SYMPREC_ANG)
    try:
        compound = compound_of(composition)
        known = prototypes_of(compound)
    except InputError:
        return found.symbol
    for info in known:
        if info.number == found.number:
            links = polyhedra(atoms, compound, info.coordination).links
            if links == _links(info, compound):
                return info.phase
    if any(info.phase == found.symbol for info in known):
        raise InputError(
            f"the structure has the space group {found.symbol}, as a prototype of "
            f"{compound.stoichiometry}, but its polyhedra connect in another way; name its phase "
            "with --phase"
        )
    return found.symbol


@lru_cache(maxsize=256)
def _links(info: PrototypeInfo, compound: Compound) -> dict[int, float]:
    """Return the links of the octahedra of a prototype; thousands of structures have the same."""
    return polyhedra(info.start(compound), compound, info.coordination).links


def store_start(
    session: Session, atoms: Atoms, composition: Composition, phase: str, origin: str
) -> tuple[Structure, bool]:
    """Store a starting structure once; return it, and whether the store lacked it.

    Args:
        session: Open session of the store.
        atoms: Checked structure, see :func:`read_start`.
        composition: Its composition.
        phase: Name of its phase, see :func:`phase_of`.
        origin: Its origin, for example the name of the file.
    """
    material = register_material(session, composition, phase)
    cell = np.round(atoms.cell.array, 8).tolist()
    positions = np.round(atoms.positions, 8).tolist()
    content = [material.id, cell, atoms.get_chemical_symbols(), positions]
    key = f"{START}-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]}"
    known = session.get(Structure, key)
    if known is not None:
        return known, False
    structure = Structure(
        id=key,
        material=material,
        space_group=space_group(atoms, SYMPREC_ANG).symbol,
        role=START,
        origin=origin,
        atoms=len(atoms),
        cell_ang=cell,
        symbols=atoms.get_chemical_symbols(),
        positions_ang=positions,
    )
    session.add(structure)
    session.flush()
    return structure, True


def stored(
    session: Session, composition: Composition, role: str, phase: str | None = None
) -> Sequence[Structure]:
    """Return the structures of a composition in a role (``host``, ``start``), by id."""
    query = (
        select(Structure)
        .join(Structure.material)
        .join(Material.composition)
        .where(StoredComposition.formula == composition.formula, Structure.role == role)
        .order_by(Structure.id)
    )
    if phase is not None:
        query = query.where(Material.phase == phase)
    return session.scalars(query).all()


def atoms_of(structure: Structure) -> Atoms:
    """Return the atoms of a stored structure."""
    return Atoms(
        structure.symbols, positions=structure.positions_ang, cell=structure.cell_ang, pbc=True
    )


def _read(path: Path) -> Atoms:
    if path.is_file() and (size := path.stat().st_size / 1e6) > MOST_MB:
        text = f"{path} has {size:.1f} MB; a structure may have {MOST_MB}: keep its cell and sites"
        raise InputError(f"{text}, without other frames and data")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tags that are not needed here
            found = read(path, index=":")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # each reader of ASE raises its own errors
        raise InputError(
            f"{path} cannot be read as a structure ({type(error).__name__}: {error}); use CIF, "
            "POSCAR or extended XYZ"
        ) from error
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} structures; it must contain one")
    return found[0]
