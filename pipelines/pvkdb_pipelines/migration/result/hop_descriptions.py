"""Descriptions of halide hops by the polyhedra that their sites belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.result.percolation import Network
from pvkdb_pipelines.migration.sites.hops import Pair

#: Neighbours of B up to this multiple of its shortest B–X distance form its octahedron.
_SHELL = 1.35
#: Halides with a smaller angle at B share an edge (ideally 90°); opposite ones have 180°.
_CIS_BELOW_DEG = 135.0
#: Largest distance of halides around B, Å.
_REACH_ANG = 4.2

#: A cation around a halide: its index, its periodic image, and the bond from it in Å.
_Bond = tuple[int, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Octahedra:
    """The octahedra of a host.

    Attributes:
        around: The cations bonded to each halide (index in the host).
        network: Octahedra connected by shared halides; its sites are the cations in the order of
            ``numbers``.
        numbers: Index of each cation in the network.
    """

    around: dict[int, list[_Bond]]
    network: Network
    numbers: dict[int, int]

    def part_name(self, cation: int) -> str:
        """Return what a cation's octahedron belongs to: dimer, cluster, chain, layer, framework."""
        dimensions, members = self.network.part(self.numbers[cation])
        if dimensions == 0:
            return {1: "octahedron", 2: "dimer"}.get(members, "cluster")
        return ("chain", "layer", "framework")[dimensions - 1]

    @property
    def longest_edge_ang(self) -> float:
        """Longest distance of two neighbouring halides of one octahedron, Å."""
        seen = defaultdict(list)
        for bonds in self.around.values():
            for cation, _, bond in bonds:
                seen[cation].append(bond)
        return max(
            float(np.linalg.norm(one - other))
            for bonds in seen.values()
            for one, other in combinations(bonds, 2)
            if _are_cis(one, other)
        )

    @property
    def terminal(self) -> bool:
        """Whether some halide is bonded to one cation only."""
        return any(len(bonds) == 1 for bonds in self.around.values())


def octahedra_of(host: Atoms, b: AbstractSet[str], x: AbstractSet[str]) -> Octahedra:
    """Find the octahedra of a host, of the elements ``b`` with halides ``x`` around them.

    Raises:
        CalculationFailedError: a B cation does not have six X neighbours (``NO_HOP``).
    """
    first, second, images, bonds = neighbor_list("ijSD", host, _REACH_ANG)
    symbols = np.array(host.get_chemical_symbols())
    around: dict[int, list[_Bond]] = defaultdict(list)
    centres = np.flatnonzero(np.isin(symbols, list(b)))
    for centre in centres:
        near = np.flatnonzero((first == centre) & np.isin(symbols[second], list(x)))
        lengths = np.linalg.norm(bonds[near], axis=1)
        shell = near[lengths < _SHELL * lengths.min(initial=np.inf)]
        if len(shell) != 6:
            raise CalculationFailedError(
                FailureKind.NO_HOP,
                f"{symbols[centre]}{centre} has {len(shell)} {' and '.join(sorted(x))} neighbours "
                f"within {_SHELL} times its shortest bond, not six: the relaxed host is not made "
                "of octahedra",
            )
        for k in shell:
            around[int(second[k])].append((int(centre), -images[k], bonds[k]))
    numbers = {int(centre): place for place, centre in enumerate(centres)}
    network = Network(len(centres))
    for bonded in around.values():
        for (one, image, _), (other, other_image, _) in combinations(bonded, 2):
            u, v, w = (int(value) for value in other_image - image)
            network.join((numbers[one], numbers[other], (u, v, w)))
    return Octahedra(dict(around), network, numbers)


def describe_halide_hop(octahedra: Octahedra, pair: Pair) -> str:
    """Describe a hop between two halides (indices in the host) by the polyhedra that it passes.

    ``octahedron edge`` is a hop to a neighbour in the same octahedron, ``across an octahedron`` one
    to the opposite corner. Others are ``within`` a connected part, such as a dimer or layer, or
    ``between`` two. If some halides belong to one octahedron only, the description also says
    whether the ends are bridging or terminal.
    """
    i, j, vector = pair
    ends = (octahedra.around.get(i, []), octahedra.around.get(j, []))
    if not all(ends):
        return "between free halides"
    description = _between(octahedra, *ends, np.array(vector))
    if octahedra.terminal:
        kinds = sorted("terminal" if len(bonds) == 1 else "bridging" for bonds in ends)
        description += f", {kinds[0]}–{kinds[1]}"
    return description


def shared_cation(octahedra: Octahedra, pair: Pair) -> int | None:
    """Return the cation in whose octahedron both halides of a hop are; None if there is none."""
    i, j, vector = pair
    ends = octahedra.around.get(i, []), octahedra.around.get(j, [])
    return next((cation for cation, *_ in _shared(*ends, np.array(vector))), None)


def _shared(
    start: list[_Bond], end: list[_Bond], vector: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield each cation that both ends are bonded to, and its bonds to them."""
    for cation, image, bond in start:
        for other, other_image, other_bond in end:
            if cation == other and (image == other_image + vector).all():
                yield cation, bond, other_bond


def _between(octahedra: Octahedra, start: list[_Bond], end: list[_Bond], vector: np.ndarray) -> str:
    for _, bond, other_bond in _shared(start, end, vector):
        return "octahedron edge" if _are_cis(bond, other_bond) else "across an octahedron"
    cation, image, _ = start[0]
    other, other_image, _ = end[0]
    u, v, w = (int(value) for value in other_image + vector - image)
    name = octahedra.part_name(cation)
    pair = (octahedra.numbers[cation], octahedra.numbers[other], (u, v, w))
    if octahedra.network.connected(pair):
        return "between octahedra" if name == "framework" else f"within a {name}"
    plural = {"octahedron": "octahedra"}.get(name, f"{name}s")
    return f"between {plural}"


def _are_cis(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two bonds of a cation lead to neighbouring corners of its octahedron."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return bool(cosine > np.cos(np.radians(_CIS_BELOW_DEG)))
