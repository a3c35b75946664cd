"""Structures of requests as ASE atoms, atoms with computed results, and as the store keeps them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.curation.computed import ComputedStructure
from pvkdb.store.files.structure_reading import host_of as host_of


def atoms_in(host: Host) -> Atoms:
    """Return the structure of a request as atoms.

    Raises:
        InputError: an element is unknown, or the cell has no volume.
    """
    unknown = sorted(set(host.symbols) - set(chemical_symbols[1:]))
    if unknown:
        raise InputError(f"the structure contains unknown elements: {', '.join(unknown)}")
    atoms = Atoms(host.symbols, positions=host.positions_ang, cell=host.cell_ang, pbc=True)
    if not abs(atoms.cell.volume) > 1e-3:
        raise InputError("the cell of the structure has no volume")
    return atoms


def set_results(atoms: Atoms, energy_ev: float, forces: np.ndarray) -> Atoms:
    """Attach a computed energy (eV) and forces (eV/Å), without the potential; return the atoms."""
    atoms.calc = SinglePointCalculator(atoms, energy=energy_ev, forces=np.asarray(forces))
    return atoms


def frozen(atoms: Atoms) -> Atoms:
    """Return a copy of atoms with energy and forces but without the potential, for pickling."""
    return set_results(atoms.copy(), atoms.get_potential_energy(), atoms.get_forces())


def energy_of(atoms: Atoms) -> float:
    """Return the energy of atoms with results, eV."""
    return float(atoms.get_potential_energy())


def longest(vectors: np.ndarray) -> float:
    """Return the largest length of vectors, shape (n, 3), such as the forces on atoms."""
    return float(np.linalg.norm(vectors, axis=1).max())


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
