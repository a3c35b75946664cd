"""Structures of requests as ASE atoms, and atoms with computed results."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
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


def set_results(atoms: Atoms, energy_ev: float, forces: np.ndarray) -> None:
    """Attach a computed energy (eV) and forces (eV/Å), without the potential, to atoms."""
    atoms.calc = SinglePointCalculator(atoms, energy=energy_ev, forces=np.asarray(forces))
