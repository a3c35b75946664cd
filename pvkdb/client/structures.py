"""Conversion of structures to pymatgen and ASE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from pvkdb._extras import needing
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.schemas.tables import StructureDocument

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

#: What can be sent as a structure: a file, or a structure of pymatgen, ASE or the service.
AnyStructure: TypeAlias = Union["Structure", "Atoms", StructureDocument, Path, str]


class StructureWithCoordinates(StructureDocument):
    """A structure with its coordinates; ``cell_ang`` is 3 × 3, ``positions_ang`` n × 3, in Å."""

    def to_pymatgen(self) -> Structure:
        """Return a pymatgen structure; see :func:`to_pymatgen`.

        Example:
            >>> structure = client.structures.get("s1").to_pymatgen()
            >>> structure.reduced_formula
            'CsPbBr3'
        """
        return to_pymatgen(self)

    def to_ase(self) -> Atoms:
        """Return an ASE object; see :func:`to_ase`.

        Example:
            >>> round(float(client.structures.get("s1").to_ase().get_volume()), 2)  # Å³
            202.26
        """
        return to_ase(self)


def host_of(structure: AnyStructure) -> Host:
    """Return a structure as the host of a request.

    Raises:
        InputError: it cannot be read, or elements share a site.
        MissingExtraError: pymatgen is not installed.
    """
    with needing("screening"):
        from pymatgen.core.structure import Structure
        from pymatgen.io.ase import AseAtomsAdaptor
    try:
        if isinstance(structure, StructureDocument):
            structure = to_pymatgen(structure)
        elif isinstance(structure, str | Path):
            structure = Structure.from_file(structure)
        elif not isinstance(structure, Structure):
            structure = AseAtomsAdaptor.get_structure(structure)
        symbols = [site.specie.symbol for site in structure]
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"no structure with one element on each site: {error}") from error
    cell, positions = structure.lattice.matrix.tolist(), structure.cart_coords.tolist()
    return Host(symbols=symbols, cell_ang=cell, positions_ang=positions)


def to_pymatgen(document: StructureDocument | Host) -> Structure:
    """Return a pymatgen structure with the same cell and Cartesian positions, in Å.

    Raises:
        MissingExtraError: pymatgen is not installed.
    """
    with needing("screening"):
        from pymatgen.core.lattice import Lattice
        from pymatgen.core.structure import Structure
    return Structure(
        Lattice(document.cell_ang),
        document.symbols,
        document.positions_ang,
        coords_are_cartesian=True,
    )


def to_ase(document: StructureDocument) -> Atoms:
    """Return a periodic ASE object with the same cell and Cartesian positions, in Å.

    ``info`` holds the id of the structure, its material and, if known, the potential energy of the
    cell in eV.

    Raises:
        MissingExtraError: ASE is not installed.
    """
    with needing("screening"):
        from ase import Atoms
    info: dict[str, str | float] = {"pvkdb_id": document.id, "material": document.material}
    if document.energy_ev is not None:
        info["energy_ev"] = document.energy_ev
    return Atoms(
        document.symbols,
        positions=document.positions_ang,
        cell=document.cell_ang,
        pbc=True,
        info=info,
    )
