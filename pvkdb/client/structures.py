"""Structures of the service for other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.errors import MissingExtraError
from pvkdb.schemas.tables import StructureDocument

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure


def to_pymatgen(document: StructureDocument) -> Structure:
    """A structure for pymatgen, with the same cell and Cartesian positions, in Å.

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
