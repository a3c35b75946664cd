"""Hops between sites of a crystal, grouped into symmetry-equivalent classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from pvkdb_pipelines.migration.sites.operations import Action, SymmetryOperations
from pvkdb_pipelines.migration.sites.sites import DefectSites

Vector = tuple[int, int, int]
#: Two sites, and the periodic image of the second.
Pair = tuple[int, int, Vector]

#: Tolerance for equal lengths, Å; hops of equal length are ordered by their indices.
_SAME_ANG = 1e-3


@dataclass(frozen=True)
class HopClass:
    """Symmetry-equivalent hops and their representative.

    Attributes:
        start, end: Indices of the sites of the representative.
        vector: Periodic image of ``end``, in vectors of the cell.
        length_ang: Distance of the two sites, Å.
        members: All equivalent pairs of sites in the cell, each once for both directions.
        exchanges: Operations that map the hop onto its reverse; may be empty.
    """

    start: int
    end: int
    vector: Vector
    length_ang: float
    members: tuple[Pair, ...]
    exchanges: tuple[int, ...]


def find_hops(sites: DefectSites, cutoff_ang: float) -> list[HopClass]:
    """Return all symmetry-distinct hops between sites up to a length (Å), ordered by it.

    Hops are orbits of pairs under the space group and under reversal. Their members add up to all
    pairs of sites within the cutoff.
    """
    positions, operations, action = sites.positions, sites.operations, sites.action
    pairs = pairs_within(positions, operations.cell, cutoff_ang)
    remaining = set(pairs)
    classes = []
    for start in pairs:
        if start not in remaining:
            continue
        orbit = {
            undirected(_moved(start, operations, action, index)) for index in range(len(operations))
        }
        remaining -= orbit
        members = tuple(sorted(orbit))
        i, j, vector = members[0]
        exchanges = tuple(
            index
            for index in range(len(operations))
            if _moved(members[0], operations, action, index) == _reversed(members[0])
        )
        length_ang = pair_length_ang(positions, operations.cell, members[0])
        classes.append(HopClass(i, j, vector, length_ang, members, exchanges))
    return sorted(
        classes, key=lambda hop: (round(hop.length_ang / _SAME_ANG), hop.start, hop.end, hop.vector)
    )


def undirected(pair: Pair) -> Pair:
    """Return the pair in a form that does not depend on its direction."""
    return min(pair, _reversed(pair))


def pairs_within(positions: np.ndarray, cell: np.ndarray, cutoff_ang: float) -> list[Pair]:
    """Return all pairs of sites up to a length, each once: (i, j, image of j)."""
    sites = Atoms(f"X{len(positions)}", positions=positions, cell=cell, pbc=True)
    first, second, images = neighbor_list("ijS", sites, cutoff_ang)
    found = {
        undirected((int(i), int(j), _vector(image)))
        for i, j, image in zip(first, second, images, strict=True)
    }
    return sorted(found)


def _moved(pair: Pair, operations: SymmetryOperations, action: Action, index: int) -> Pair:
    i, j, vector = pair
    target, image = action.target[index], action.image[index]
    moved = operations.rotations[index] @ np.array(vector) + image[j] - image[i]
    return int(target[i]), int(target[j]), _vector(moved)


def _reversed(pair: Pair) -> Pair:
    i, j, (u, v, w) = pair
    return j, i, (-u, -v, -w)


def pair_length_ang(positions: np.ndarray, cell: np.ndarray, pair: Pair) -> float:
    """Return the distance of the two sites, Å."""
    i, j, vector = pair
    return float(np.linalg.norm(positions[j] + np.array(vector) @ cell - positions[i]))


def _vector(values: np.ndarray) -> Vector:
    u, v, w = (int(value) for value in np.rint(values))
    return u, v, w
