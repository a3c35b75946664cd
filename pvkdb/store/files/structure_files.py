"""Structures as CIF, POSCAR and extended XYZ, with their origin."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.tables import StructureDocument

if TYPE_CHECKING:
    from ase import Atoms

StructureFormat = Literal["cif", "poscar", "extxyz"]
STRUCTURE_FORMATS: tuple[StructureFormat, ...] = get_args(StructureFormat)
#: Media type and file extension of each format; POSCAR and extended XYZ have no own media type.
FILES: dict[StructureFormat, tuple[str, str]] = {
    "cif": ("chemical/x-cif", "cif"),
    "poscar": ("text/plain; charset=utf-8", "vasp"),
    "extxyz": ("text/plain; charset=utf-8", "xyz"),
}
ManyFormat = Literal["extxyz", "cif", "jsonl"]
#: The formats in which one file holds many structures.
MANY: dict[ManyFormat, tuple[str, str]] = {
    "extxyz": FILES["extxyz"],
    "cif": FILES["cif"],
    "jsonl": ("application/x-ndjson", "jsonl"),
}
#: Tolerance at which a CIF is written with its symmetry, Å.
SYMPREC_ANG = 1e-3
#: What the comment of an extended XYZ says of a stored structure, each as ``pvkdb_NAME``.
_PROVENANCE = ("id", "material", "role", "origin", "parent", "calculation")


def document_text(document: StructureDocument, format: StructureFormat) -> str:
    """Return a stored structure as text, with notes on its material, role and origin.

    Raises:
        InputError: what the store has is not a structure.
        MissingExtraError: ASE or pymatgen is not installed.
    """
    try:
        from ase import Atoms

        atoms = Atoms(
            document.symbols, positions=document.positions_ang, cell=document.cell_ang, pbc=True
        )
        told = {name: one_line(getattr(document, name) or "") for name in _PROVENANCE}
        atoms.info = {f"pvkdb_{name}": text for name, text in told.items() if text}
        title = f"pvkdb structure {document.id}: {document.role} of {document.material}"
        notes = [title, document.origin]
        if document.energy_ev is not None:
            from ase.calculators.singlepoint import SinglePointCalculator

            # The cell of a CIF may be another one.
            notes.append(f"energy {document.energy_ev:.6f} eV of {len(atoms)} atoms")
            atoms.calc = SinglePointCalculator(atoms, energy=document.energy_ev)
        return structure_text(atoms, format, notes)
    except ImportError as error:
        raise MissingExtraError(error.name or "ase", "screening") from error
    except Exception as error:  # each writer raises its own errors
        raise InputError(
            f"structure {document.id} cannot be written as {format} "
            f"({type(error).__name__}: {error}); read it as JSON"
        ) from error


def many_text(document: StructureDocument, format: ManyFormat) -> str:
    """Return a stored structure as a frame, block or line of a file of many structures.

    What the store has and is not a structure has no frame or block.

    Raises:
        MissingExtraError: ASE or pymatgen is not installed.
    """
    if format == "jsonl":
        return document.model_dump_json() + "\n"
    try:
        text = document_text(document, format)
    except InputError:
        return ""
    if format == "cif":  # blocks of one file need different names
        name = re.sub(r"[^\w.-]", "_", document.id, flags=re.ASCII)
        text = re.sub(r"^data_.*$", f"data_{name}", text, count=1, flags=re.MULTILINE)
    return text


def structure_text(atoms: Atoms, format: StructureFormat, notes: Sequence[str]) -> str:
    """Return a structure as CIF (conventional cell with symmetry), POSCAR or extended XYZ.

    Args:
        atoms: Periodic structure.
        format: One of :data:`STRUCTURE_FORMATS`.
        notes: Texts for the comments of the CIF, the first line of the POSCAR, or the property
            ``notes`` of the extended XYZ, which also has the energy and the ``info`` of the atoms.
    """
    notes = [one_line(note) for note in notes]
    if format == "cif":
        return "".join(f"# {note}\n" for note in notes) + _cif(atoms)
    text = io.StringIO()
    text_of_notes = "; ".join(notes)
    from ase.io import write

    if format == "poscar":
        write(text, atoms, format="vasp", direct=True)
        _, _, below = text.getvalue().partition("\n")
        return f"{text_of_notes}\n{below}"
    noted = atoms.copy()
    noted.info["notes"], noted.calc = text_of_notes, atoms.calc
    write(text, noted, format="extxyz")
    return text.getvalue()


def one_line(text: object, most: int | None = None) -> str:
    """Return a text on one line, without characters that cannot be shown."""
    return "".join(each for each in " ".join(str(text).split()) if each.isprintable())[:most]


def _cif(atoms: Atoms) -> str:
    # Imported here: pymatgen takes a second, and the other formats do not need it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pymatgen.io.ase import AseAtomsAdaptor
        from pymatgen.io.cif import CifWriter

        return str(CifWriter(AseAtomsAdaptor.get_structure(atoms), symprec=SYMPREC_ANG))
