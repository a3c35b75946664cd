"""Symmetry operations of a cell, as what they do to atoms, to other points and to displacements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.symmetry import space_group

#: Points that an operation should map onto one another may miss by this times the tolerance.
_MISFIT = 3.0


@dataclass(frozen=True)
class Operations:
    """The space group of a periodic cell; o operations.

    Attributes:
        cell: Rows are the vectors, shape (3, 3), Å.
        rotations: In fractional coordinates, shape (o, 3, 3).
        translations: In fractional coordinates, shape (o, 3).
        symprec: Tolerance at which they were found, Å.
    """

    cell: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray
    symprec: float

    def __len__(self) -> int:
        return len(self.rotations)

    def cartesian(self, index: int) -> np.ndarray:
        """Rotation of Cartesian column vectors, shape (3, 3)."""
        to_cell = self.cell.T
        return np.asarray(to_cell @ self.rotations[index] @ np.linalg.inv(to_cell))

    def moved(self, index: int, positions: np.ndarray) -> np.ndarray:
        """Images of Cartesian points, shape (points, 3), under one operation."""
        shift = self.translations[index] @ self.cell
        return np.asarray(positions @ self.cartesian(index).T + shift)


@dataclass(frozen=True)
class Action:
    """What the operations do to a set of points that they map onto itself; o × n.

    Attributes:
        target: Point to which each point is mapped, shape (o, n).
        image: Periodic image of it, shape (o, n, 3).
    """

    target: np.ndarray
    image: np.ndarray

    @property
    def orbits(self) -> np.ndarray:
        """For each point the first one that is equivalent to it, shape (n,)."""
        return np.asarray(self.target.min(axis=0))


def operations_of(atoms: Atoms, symprec: float) -> Operations:
    """The symmetry operations of periodic atoms, those of a supercell's inner translations too.

    Raises:
        CalculationFailedError: there is no symmetry to be found (``SYMMETRY_CHANGED``).
    """
    group = space_group(atoms, symprec)
    return Operations(atoms.cell.array.copy(), group.rotations, group.translations, symprec)


def act(operations: Operations, positions: np.ndarray, kinds: np.ndarray | None = None) -> Action:
    """How the operations permute points, such as the atoms of the cell.

    Args:
        operations: Symmetry of the cell.
        positions: Cartesian, shape (n, 3), Å.
        kinds: Only points of one kind are mapped onto one another, shape (n,).

    Raises:
        CalculationFailedError: the points are not closed under the operations
            (``SYMMETRY_CHANGED``).
    """
    scaled = positions @ np.linalg.inv(operations.cell)
    targets = np.empty((len(operations), len(positions)), dtype=int)
    images = np.empty((len(operations), len(positions), 3), dtype=int)
    everyone = np.arange(len(positions))
    for index in range(len(operations)):
        moved = scaled @ operations.rotations[index].T + operations.translations[index]
        offsets = moved[:, None, :] - scaled[None, :, :]
        whole = np.rint(offsets)
        misfit = np.linalg.norm((offsets - whole) @ operations.cell, axis=2)
        if kinds is not None:
            misfit[kinds[:, None] != kinds[None, :]] = np.inf
        target = misfit.argmin(axis=1)
        if misfit[everyone, target].max(initial=0.0) > _MISFIT * operations.symprec:
            raise CalculationFailedError(
                FailureKind.SYMMETRY_CHANGED,
                f"a symmetry operation moves sites onto none within {operations.symprec} Å; "
                "symmetrise the structure first",
            )
        targets[index] = target
        images[index] = whole[everyone, target]
    return Action(targets, images)
