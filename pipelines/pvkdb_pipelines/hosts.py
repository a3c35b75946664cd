"""Structures as requests carry them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from pvkdb.errors import InputError
from pvkdb.schemas.relaxations import Host


def host_of(atoms: Atoms) -> Host:
    """A structure as a request carries it; rounded, so that its hash is that of its print."""
    return Host(
        symbols=tuple(atoms.get_chemical_symbols()),
        cell_ang=tuple(_rounded(row) for row in atoms.cell.array),
        positions_ang=tuple(_rounded(row) for row in atoms.positions),
    )


def atoms_in(host: Host) -> Atoms:
    """The atoms that a request carries.

    Raises:
        InputError: an element is unknown, or the cell has no volume.
    """
    unknown = sorted(set(host.symbols) - set(chemical_symbols[1:]))
    if unknown:
        raise InputError(f"the structure holds {', '.join(unknown)}, which are no elements")
    atoms = Atoms(host.symbols, positions=host.positions_ang, cell=host.cell_ang, pbc=True)
    if not abs(atoms.cell.volume) > 1e-3:
        raise InputError("the cell of the structure has no volume")
    return atoms


def _rounded(row: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 8) for value in row)
    return x, y, z
