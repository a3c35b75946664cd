"""Second derivatives of a host, with which relaxations of its defects start.

A defect changes the forces between its neighbours. Elsewhere, and for the soft tilts of octahedra
that need most steps, its cell is as stiff as the host. BFGS with the Hessian of the host reaches
the minimum of a vacancy in a quarter of FIRE's steps, and often a deeper one. Symmetry gives all
rows from one atom of each kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvkdb_pipelines.migration.sites.operations import SymmetryOperations
from pvkdb_pipelines.potentials.potential import Potential

#: Displacement of the forward differences, Å.
_STEP_ANG = 0.03
#: Smallest curvature that is used, eV/Å²: those of soft and unstable modes hold for short steps.
_FLOOR = 0.5
#: Modes below this curvature are unstable, eV/Å²; translations have only noise.
_SOFT = -0.03
#: Curvature against moving all atoms together, eV/Å².
_DRIFT = 100.0
#: Curvature of an added atom, which the host does not determine, eV/Å².
_ADDED = 2.0
#: Displaced structures are evaluated in batches of so many atoms: CHGNet holds 0.16 MB for each.
_ATOMS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Hessian:
    """Second derivatives of the energy of n atoms, shape (3 n, 3 n), eV/Å²."""

    matrix: np.ndarray

    def soft_modes(self) -> np.ndarray:
        """Return the displacements that lower the host's energy, shape (modes, n, 3).

        The largest displacement of an atom is 1. Tilts of octahedra are among them if a tilted
        structure is lower.
        """
        curvatures, modes = np.linalg.eigh(self.matrix)
        soft = modes.T[curvatures < _SOFT].reshape(-1, len(self.matrix) // 3, 3)
        largest = np.linalg.norm(soft, axis=2).max(axis=1)
        return np.asarray(soft / largest[:, None, None])

    def of_atoms(self, kept: np.ndarray) -> np.ndarray:
        """Return the Hessian of m atoms, made positive definite; shape (3 m, 3 m).

        Args:
            kept: Indices of the atoms, shape (m,); n denotes an added one.
        """
        atoms = len(self.matrix) // 3
        whole = np.zeros((3 * atoms + 3, 3 * atoms + 3))
        whole[:-3, :-3] = self.matrix
        whole[-3:, -3:] = _ADDED * np.eye(3)
        rows = (3 * kept[:, None] + np.arange(3)).ravel()
        curvatures, modes = np.linalg.eigh(whole[np.ix_(rows, rows)])
        positive = (modes * np.maximum(np.abs(curvatures), _FLOOR)) @ modes.T
        # A drift of the whole cell costs no energy and would look like a displacement.
        together = np.tile(np.eye(3), (len(kept), 1)) / np.sqrt(len(kept))
        return np.asarray(positive + _DRIFT * together @ together.T)


def host_hessian(operations: SymmetryOperations, potential: Potential) -> Hessian:
    """Return the Hessian of a relaxed host by forward differences, three per distinct atom."""
    host, action = operations.host, operations.on_atoms
    size = len(host)
    distinct = np.unique(action.orbits)
    moved = []
    for atom in distinct:
        for axis in range(3):
            copy = host.copy()
            copy.positions[atom, axis] += _STEP_ANG
            moved.append(copy)
    (rest,) = potential.evaluate([host], stress=False)
    most = max(1, _ATOMS_AT_ONCE // size)
    found = [
        each
        for first in range(0, len(moved), most)
        for each in potential.evaluate(moved[first : first + most], stress=False)
    ]
    blocks = np.zeros((size, size, 3, 3))
    for place, atom in enumerate(distinct):
        forces = np.array([entry["forces"] for entry in found[3 * place : 3 * place + 3]])
        # Derivative of the force on each atom j by the displacement of this one: (j, axis, axis).
        rows = -(forces - rest["forces"]).transpose(1, 0, 2) / _STEP_ANG
        for other in np.flatnonzero(action.orbits == atom):
            index = int(np.flatnonzero(action.target[:, atom] == other)[0])
            turn = operations.cartesian(index)
            blocks[other, action.target[index]] = turn @ rows @ turn.T
    matrix = blocks.transpose(0, 2, 1, 3).reshape(3 * size, 3 * size)
    return Hessian((matrix + matrix.T) / 2)
