"""Molecules in structures: their bonds, and by how much they turned."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.geometry import find_mic, get_distances
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind

#: Elements of molecular ions; halides and metals are bonded to no molecule here.
_ORGANIC = [atomic_numbers[symbol] for symbol in ("H", "C", "N", "O", "P", "S", "Se")]
#: Longest bond over the sum of the covalent radii. C-N of FA has 0.89, N-H...N contacts over 2.
_BOND = 1.3
#: Shortest distance of atoms that are not bonded, over that sum; a displaced start may have bonds
#: between the two numbers.
_APART = 1.6
#: Singular value of the heavy atoms of a straight molecule across its axis, Å: MA, SCN.
_STRAIGHT_ANG = 0.3


def bonds(atoms: Atoms) -> np.ndarray:
    """Return which atoms are bonded within molecules, shape (atoms, atoms)."""
    return _of_radii(atoms) < _BOND


def _of_radii(atoms: Atoms) -> np.ndarray:
    """Return the distances in molecules over the sums of radii; infinite for other pairs."""
    organic = np.isin(atoms.numbers, _ORGANIC)
    ratios = np.full((len(atoms), len(atoms)), np.inf)
    if organic.any():
        positions, radii = atoms.positions[organic], covalent_radii[atoms.numbers[organic]]
        _, distances = get_distances(positions, cell=atoms.cell, pbc=atoms.pbc)
        np.fill_diagonal(distances, np.inf)
        ratios[np.ix_(organic, organic)] = distances / (radii[:, None] + radii[None, :])
    return ratios


def has_molecules(atoms: Atoms) -> bool:
    """Return whether some atoms are bonded to a molecule."""
    return bool(bonds(atoms).any())


def turned_deg(before: Atoms, after: Atoms) -> np.ndarray:
    """Return the angle by which each molecule turned, shape (molecules,), degrees.

    Of a molecule's heavy atoms, so that a turn of a methyl or ammonium group about its own axis
    does not count. The order of the atoms must be the same.
    """
    bonded = bonds(before)
    count, labels = connected_components(bonded)
    angles = []
    for label in range(count):
        members = np.flatnonzero((labels == label) & (before.numbers > 1))
        if len(members) < 2 or not bonded[members].any():
            continue
        arms = [
            find_mic(each.positions[members] - each.positions[members[0]], each.cell, each.pbc)[0]
            for each in (before, after)
        ]
        start, end = (arm - arm.mean(axis=0) for arm in arms)
        if np.linalg.matrix_rank(start, tol=_STRAIGHT_ANG) == 1:
            axes = [arm[-1] - arm[0] for arm in (start, end)]
            cosine = axes[0] @ axes[1] / np.prod(np.linalg.norm(axes, axis=1))
            angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        else:
            angles.append(np.degrees(Rotation.align_vectors(end, start)[0].magnitude()))
    return np.array(angles)


def require_whole(before: Atoms, after: Atoms, what: str) -> None:
    """Refuse a structure in which a bond of a molecule broke or formed.

    Raises:
        CalculationFailedError: the bonds differ (``MOLECULE_BROKEN``).
    """
    first, last = _of_radii(before), _of_radii(after)
    broken = (first < _BOND) & (last > _APART)
    changed = np.argwhere(np.triu(broken | ((first > _APART) & (last < _BOND))))
    if len(changed) > 0:
        i, j = changed[0]
        raise CalculationFailedError(
            FailureKind.MOLECULE_BROKEN,
            f"{what}: the bond of {after.symbols[i]}{i} and {after.symbols[j]}{j} "
            f"{'broke' if broken[i, j] else 'formed'}; start from another orientation of the "
            "molecules, or use another potential",
        )
