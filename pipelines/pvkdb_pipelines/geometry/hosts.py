"""Structures as requests carry them."""

from __future__ import annotations

from ase import Atoms
from ase.data import chemical_symbols

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.files.structure_reading import host_of as host_of


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
