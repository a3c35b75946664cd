"""Rows of structures for the stores of tests."""

from typing import Any

from ase import Atoms

from pvkdb.store.models.structures import Structure


def structure_row(name: str, atoms: Atoms | str = "Cs", **columns: Any) -> Structure:
    """A host from a prototype, unless the columns say otherwise.

    ``atoms`` that are a formula lie on one another in a cube of 6 Å.
    """
    if isinstance(atoms, str):
        atoms = Atoms(atoms, cell=[6.0] * 3)
    made = {
        "id": name,
        "role": "host",
        "origin": "prototype",
        "atoms": len(atoms),
        "cell_ang": atoms.cell.array.tolist(),
        "symbols": atoms.get_chemical_symbols(),
        "positions_ang": atoms.positions.tolist(),
    }
    return Structure(**made | columns)
