"""Symmetry operations of a cell and their action on atoms, points and displacements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.symmetry import space_group

#: Tolerance for a symmetrised structure, Å.
SYMPREC_ANG = 0.01
#: Largest misfit of points that an operation maps onto each other, over the tolerance.
_MISFIT = 3.0


@dataclass(frozen=True)
class SymmetryOperations:
    """The space group of a host; o operations.

    Attributes:
        host: Periodic atoms.
        rotations: In fractional coordinates, shape (o, 3, 3).
        translations: In fractional coordinates, shape (o, 3).
    """

    host: Atoms
    rotations: np.ndarray
    translations: np.ndarray

    @property
    def cell(self) -> np.ndarray:
        """The vectors of the host as rows, shape (3, 3), Å."""
        return np.asarray(self.host.cell.array)

    @cached_property
    def on_atoms(self) -> Action:
        """How they permute the atoms of the host."""
        return act(self, self.host.positions, self.host.numbers)

    def __len__(self) -> int:
        return len(self.rotations)

    def cartesian(self, index: int) -> np.ndarray:
        """Return the rotation of Cartesian column vectors, shape (3, 3)."""
        to_cell = self.cell.T
        return np.asarray(to_cell @ self.rotations[index] @ np.linalg.inv(to_cell))

    def moved(self, index: int, positions: np.ndarray) -> np.ndarray:
        """Return the images of Cartesian points, shape (points, 3), under one operation."""
        shift = self.translations[index] @ self.cell
        return np.asarray(positions @ self.cartesian(index).T + shift)


@dataclass(frozen=True)
class Action:
    """The permutation of n points by each of o operations.

    Attributes:
        target: Point to which each point is mapped, shape (o, n).
        image: Periodic image of it, shape (o, n, 3).
    """

    target: np.ndarray
    image: np.ndarray

    @property
    def orbits(self) -> np.ndarray:
        """The first equivalent point of each point, shape (n,)."""
        return np.asarray(self.target.min(axis=0))


def operations_of(atoms: Atoms) -> SymmetryOperations:
    """Return the symmetry operations of periodic atoms, with inner translations of a supercell.

    Raises:
        CalculationFailedError: the symmetry cannot be determined (``SYMMETRY_CHANGED``).
    """
    group = space_group(atoms, SYMPREC_ANG)
    return SymmetryOperations(atoms, group.rotations, group.translations)


def act(
    operations: SymmetryOperations, positions: np.ndarray, kinds: np.ndarray | None = None
) -> Action:
    """Return how the operations permute points, at Cartesian positions of shape (n, 3), Å.

    Only points of one kind are mapped onto each other.

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
        if misfit[everyone, target].max(initial=0.0) > _MISFIT * SYMPREC_ANG:
            raise CalculationFailedError(
                FailureKind.SYMMETRY_CHANGED,
                f"a symmetry operation maps a site onto no other within {SYMPREC_ANG} Å; "
                "symmetrise the structure first",
            )
        targets[index] = target
        images[index] = whole[everyone, target]
    return Action(targets, images)
