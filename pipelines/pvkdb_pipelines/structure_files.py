"""Structures as text that other codes read, with where they are from."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Literal, get_args

from ase import Atoms
from ase.io import write

StructureFormat = Literal["cif", "poscar", "extxyz"]
STRUCTURE_FORMATS: tuple[StructureFormat, ...] = get_args(StructureFormat)
#: Tolerance at which a CIF is written with its symmetry, Å.
SYMPREC_ANG = 1e-3


def structure_text(atoms: Atoms, format: StructureFormat, notes: Sequence[str]) -> str:
    """A structure as CIF (conventional cell with its symmetry), POSCAR or extended XYZ.

    Args:
        atoms: Periodic structure.
        format: One of :data:`STRUCTURE_FORMATS`.
        notes: What the file says about itself: comments of the CIF, the first line of the
            POSCAR, the property ``notes`` of the extended XYZ.
    """
    if format == "cif":
        return "".join(f"# {note}\n" for note in notes) + _cif(atoms)
    text = io.StringIO()
    said = "; ".join(notes)
    if format == "poscar":
        write(text, atoms, format="vasp", direct=True)
        _, _, below = text.getvalue().partition("\n")
        return f"{said}\n{below}"
    noted = atoms.copy()
    noted.info["notes"] = said
    write(text, noted, format="extxyz")
    return text.getvalue()


def _cif(atoms: Atoms) -> str:
    # Imported here: pymatgen takes a second, and the other formats do not need it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pymatgen.io.ase import AseAtomsAdaptor
        from pymatgen.io.cif import CifWriter

        return str(CifWriter(AseAtomsAdaptor.get_structure(atoms), symprec=SYMPREC_ANG))
