"""Rows of structures for the stores of tests."""

from __future__ import annotations

from typing import Any

from ase import Atoms

from pvkdb.store.models.structures import Structure

#: Cubic CsPbBr3.
CIF = """data_CsPbBr3
_cell_length_a 5.87
_cell_length_b 5.87
_cell_length_c 5.87
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs Cs 0.5 0.5 0.5
Pb Pb 0 0 0
Br1 Br 0.5 0 0
Br2 Br 0 0.5 0
Br3 Br 0 0 0.5
"""


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
