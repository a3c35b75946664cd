"""Neighbours in small periodic cells, faster than cell lists below 100 atoms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.geometry import get_distances

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind

#: Smallest accepted distance over the sum of the covalent radii. Relaxed halide perovskites
#: and their saddle points lie above 0.85; the potentials' false minima lie below 0.75.
CLOSEST_APPROACH = 0.75
#: Radii of C and N in triple bonds, Å, which molecules such as SCN- have. Source: P. Pyykkö et al.,
#: Chem. Eur. J. 11, 3511 (2005), doi:10.1002/chem.200401299.
_TRIPLE = np.zeros(len(covalent_radii))
_TRIPLE[[6, 7]] = 0.60, 0.54


@dataclass(frozen=True)
class Neighbours:
    """Pairs of atoms within a distance, each in both directions, sorted by the first atom.

    Attributes:
        first, second: Indices of the atoms, shape (pairs,).
        distance: Å, shape (pairs,).
        cell: Cell of the second atom when the first is in the home cell, shape (pairs, 3).
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray
    cell: np.ndarray

    def between(self, chosen: np.ndarray, others: np.ndarray) -> Neighbours:
        """Return the pairs from one set of atoms to another, given as masks of shape (atoms,)."""
        kept = chosen[self.first] & others[self.second]
        return Neighbours(self.first[kept], self.second[kept], self.distance[kept], self.cell[kept])


def neighbours(atoms: Atoms, cutoff_ang: float) -> Neighbours:
    """Return all pairs of atoms and periodic images closer than a distance in Å."""
    vectors = atoms.cell.array
    fractional = np.linalg.solve(vectors.T, atoms.positions.T).T
    between = fractional[None, :, :] - fractional[:, None, :]
    nearest = np.round(between)
    heights = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0)
    reach = np.floor(cutoff_ang / heights + 0.5).astype(int)
    images = np.array(list(product(*(range(-n, n + 1) for n in reach))))
    offsets = ((between - nearest) @ vectors)[:, :, None, :] + images @ vectors
    squared = np.einsum("abcx,abcx->abc", offsets, offsets)
    first, second, image = np.nonzero((squared < cutoff_ang**2) & (squared > 0))
    return Neighbours(
        first=first,
        second=second,
        distance=np.sqrt(squared[first, second, image]),
        cell=images[image] - nearest[first, second].astype(int),
    )


def check_structure(atoms: Atoms, what: str) -> None:
    """Refuse structures with overlapping atoms, where potentials extrapolate.

    Raises:
        CalculationFailedError: A distance is below :data:`CLOSEST_APPROACH` times the sum of
            the covalent radii (``ATOMS_TOO_CLOSE``).
    """
    ratio, i, j, distance = closest_approach(atoms)
    if not ratio >= CLOSEST_APPROACH:  # written so that NaN is refused too
        raise CalculationFailedError(
            FailureKind.ATOMS_TOO_CLOSE,
            f"{what}: {atoms.symbols[i]}{i} and {atoms.symbols[j]}{j} are {distance:.2f} Å "
            f"apart, {ratio:.2f} of the sum of their covalent radii (at least "
            f"{CLOSEST_APPROACH} is accepted); start from another lattice parameter or tilt",
        )


def bond_lengths_ang(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the sum of the covalent radii of pairs of atoms, Å; of C and N, in a triple bond.

    Source: B. Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/B801115J, as tabulated in
    ``ase.data.covalent_radii``.
    """
    triple = (_TRIPLE[first] > 0) & (_TRIPLE[second] > 0)
    sums = covalent_radii[first] + covalent_radii[second]
    lengths: np.ndarray = np.where(triple, _TRIPLE[first] + _TRIPLE[second], sums)
    return lengths


def closest_approach(atoms: Atoms) -> tuple[float, int, int, float]:
    """Return the smallest ratio of the distance of two atoms and the sum of their covalent radii.

    With the indices of the two atoms, and their distance in Å.
    """
    _, distances = get_distances(atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    ratios = distances / bond_lengths_ang(atoms.numbers[:, None], atoms.numbers[None, :])
    np.fill_diagonal(ratios, np.inf)
    i, j = np.unravel_index(np.argmin(ratios), ratios.shape)
    return float(ratios[i, j]), int(i), int(j), float(distances[i, j])
