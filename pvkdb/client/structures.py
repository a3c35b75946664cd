"""Conversion of structures to pymatgen and ASE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.errors import MissingExtraError
from pvkdb.schemas.tables import StructureDocument

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure


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


def to_pymatgen(document: StructureDocument) -> Structure:
    """Return a pymatgen structure with the same cell and Cartesian positions, in Å.

    Raises:
        MissingExtraError: pymatgen is not installed.
    """
    try:
        from pymatgen.core.lattice import Lattice
        from pymatgen.core.structure import Structure
    except ImportError as error:
        raise MissingExtraError("pymatgen", "screening") from error
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
    try:
        from ase import Atoms
    except ImportError as error:
        raise MissingExtraError("ase", "screening") from error
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
