"""Structures that the store keeps of finished calculations."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from pvkdb.store.curation.computed import ComputedStructure


def computed_structure(atoms: Atoms, space_group: str | None = None) -> ComputedStructure:
    """Return a structure as the store keeps it, rounded to 1e-8 Å."""
    energy = atoms.get_potential_energy() if atoms.calc is not None else None
    return ComputedStructure(
        symbols=atoms.get_chemical_symbols(),
        cell_ang=np.round(atoms.cell.array, 8).tolist(),
        positions_ang=np.round(atoms.positions, 8).tolist(),
        energy_ev=None if energy is None else float(energy),
        space_group=space_group,
    )
