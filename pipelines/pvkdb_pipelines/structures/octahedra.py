"""Polyhedra of halides around the B cations, and the halides that they share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from pvkdb.compositions.compounds import Compound
from pvkdb_pipelines.geometry.neighbours import Neighbours, neighbours
from pvkdb_pipelines.prototypes.radii import contact_ang

#: Largest distance of a halide that belongs to B, over the mean distance of its nearest halides.
COORDINATION_CUTOFF = 1.22
#: Range of halides around B over the sum of the radii.
_REACH = 1.8

_LINKS = {1: "corner", 2: "edge", 3: "face"}
_NETWORKS = ("isolated", "chains", "layers", "three-dimensional")


@dataclass(frozen=True)
class Polyhedra:
    """The polyhedra of a structure.

    Attributes:
        expected: Expected number of halides around every B.
        coordination: Actual number of halides around each B, shape (B,).
        spread: Longest over shortest distance of the expected halides, for the worst B.
        pairs: Pairs of B that share halides: first, second, cell of the second (3), number of
            shared halides; shape (pairs, 6), each pair in both directions.
    """

    expected: int
    coordination: np.ndarray
    spread: float
    pairs: np.ndarray

    @property
    def links(self) -> dict[int, float]:
        """Number of neighbours of B by the number of shared halides, averaged over all B."""
        units = len(self.coordination)
        counted = Counter(self.pairs[:, 5].tolist())
        return {shared: number / units for shared, number in sorted(counted.items())}

    @property
    def linkage(self) -> str:
        """Description of the links: ``corner 6``, ``corner 1.5, face 1``, ``none``."""
        words = [
            f"{_LINKS.get(shared, f'{shared} halides')} {number:.3g}"
            for shared, number in self.links.items()
        ]
        return ", ".join(words) or "none"

    @property
    def network(self) -> str:
        """Name of the largest number of dimensions in which the polyhedra are connected."""
        centres = range(len(self.coordination))
        return _NETWORKS[max((_rank(self.pairs, first) for first in centres), default=0)]


def polyhedra(
    atoms: Atoms, compound: Compound, coordination: int = 6, near: Neighbours | None = None
) -> Polyhedra:
    """Find the halides around every B (and B') and those shared by neighbours.

    Args:
        atoms: Periodic structure of the compound.
        compound: The compound, which assigns elements to B and X.
        coordination: Expected number of halides around B.
        near: Neighbours within at least :func:`reach_ang`, if already known.
    """
    if near is None:
        near = neighbours(atoms, reach_ang(compound, coordination))
    is_b, is_x = (
        np.isin(atoms.numbers, [atomic_numbers[ion.symbol] for ion in ions])
        for ions in (compound.on("B"), compound.halides)
    )
    bonds = near.between(is_b, is_x)
    order = np.lexsort((bonds.distance, bonds.first))
    distance = bonds.distance[order]
    centres = np.flatnonzero(is_b)
    bounds = np.searchsorted(bonds.first[order], [*centres, len(atoms)])
    bonded = np.zeros(len(order), dtype=bool)
    spread = 1.0
    for first, last in pairwise(bounds):
        nearest = distance[first:last][:coordination]
        if len(nearest) < coordination:
            bonded[first:last], spread = True, np.inf
            continue
        bonded[first:last] = distance[first:last] <= COORDINATION_CUTOFF * nearest.mean()
        spread = max(spread, float(nearest[-1] / nearest[0]))
    chosen = order[bonded]
    index = np.searchsorted(centres, bonds.first[chosen])
    return Polyhedra(
        expected=coordination,
        coordination=np.bincount(index, minlength=len(centres)),
        spread=spread,
        pairs=_shared(index, bonds.second[chosen], bonds.cell[chosen]),
    )


def reach_ang(compound: Compound, coordination: int = 6) -> float:
    """Return the distance up to which halides around B are searched, Å: for the largest B."""
    pairs = product(compound.on("B"), compound.halides)
    return _REACH * max(contact_ang(ion, coordination, halide) for ion, halide in pairs)


def _shared(centre: np.ndarray, ligand: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the pairs of centres with common ligands, with the number of these ligands."""
    # Seen from a ligand in the home cell, a centre bonded to its image lies in the cell -shift.
    order = np.argsort(ligand, kind="stable")
    centre, ligand, shift = centre[order], ligand[order], -shift[order]
    rows, columns = np.nonzero(ligand[:, None] == ligand[None, :])
    different = rows != columns
    rows, columns = rows[different], columns[different]
    if len(rows) == 0:
        return np.zeros((0, 6), dtype=int)
    both = np.column_stack([centre[rows], centre[columns], shift[columns] - shift[rows]])
    pairs, counts = np.unique(both, axis=0, return_counts=True)
    return np.column_stack([pairs, counts])


def _rank(pairs: np.ndarray, first: int) -> int:
    """Return the number of dimensions in which the network of one centre extends, 0 to 3."""
    cells = {first: np.zeros(3, dtype=int)}
    waiting = [first]
    translations = []
    while waiting:
        here = waiting.pop()
        for _, there, *cell, _ in pairs[pairs[:, 0] == here]:
            reached = cells[here] + cell
            if there not in cells:
                cells[there] = reached
                waiting.append(there)
            elif (reached != cells[there]).any():
                translations.append(reached - cells[there])
    return int(np.linalg.matrix_rank(np.array(translations))) if translations else 0
