"""Rows of structures for the stores of tests."""

from __future__ import annotations

from typing import Any

from ase import Atoms

from pvkdb.store.models.structures import Structure


def cif(name: str, edge_ang: float, sites: str, symmetry: str = "", occupancies: int = 0) -> str:
    """A cubic cell as CIF: a line for each site, of label, element and fractions of the edges."""
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    edges = (f"_cell_length_{axis} {edge_ang}" for axis in "abc")
    angles = (f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma"))
    named = (f"_atom_site_{column}" for column in columns[: 5 + occupancies])
    sign = [symmetry] if symmetry else []
    return "\n".join((f"data_{name}", *edges, *angles, *sign, "loop_", *named, sites))


#: Cubic CsPbBr3.
_SITES = "Cs Cs 0.5 0.5 0.5\nPb Pb 0 0 0\nBr1 Br 0.5 0 0\nBr2 Br 0 0.5 0\nBr3 Br 0 0 0.5\n"
CIF = cif("CsPbBr3", 5.87, _SITES)


def structure_row(name: str, atoms: Atoms | str = "Cs", **columns: Any) -> Structure:
    """A host from a prototype, unless the columns say otherwise.

    ``atoms`` that are a formula lie on one another in a cube of 6 Å.
    """
    if isinstance(atoms, str):
        atoms = Atoms(atoms, cell=[6.0] * 3)
    made = {
        "id": name, "role": "host", "origin": "prototype", "atoms": len(atoms),
        "cell_ang": atoms.cell.array.tolist(), "symbols": atoms.get_chemical_symbols(),
        "positions_ang": atoms.positions.tolist(),
    }  # fmt: skip
    return Structure(**made | columns)
