"""The easiest paths through a crystal: percolation on the periodic graph of sites and hops.

A path from a site to its periodic image percolates. Hops are added in the order of their saddle
energies; when a path first reaches an image of its start, its highest saddle is the bottleneck.
The dimension of a connected part is the number of its independent translations: the rank of the
lattice of its cycles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from pvkdb_pipelines.migration.sites.hops import Pair, pair_length_ang, pairs_within

#: Tolerance for equal saddles, eV.
_SAME_EV = 1e-9
#: Tolerance for equal lengths, Å.
_SAME_ANG = 1e-3
#: Longest hop that is searched for, even if shorter ones do not percolate, and what is added to
#: lengths that must be included, Å.
LONGEST_ANG, SLACK_ANG = 9.0, 1e-3


@dataclass(frozen=True, slots=True)
class HopEdge:
    """A hop of the graph: its sites, its saddle energy, and its class."""

    pair: Pair
    saddle_ev: float
    hop: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """The easiest percolating path of one kind.

    Attributes:
        saddle_ev: Its highest saddle, on the scale of the edges' energies.
        hop: Class of the hop that limits it.
    """

    saddle_ev: float
    hop: int


class Network:
    """Connected parts of a periodic graph, with the lattice translations of each.

    It is a union-find in which each site stores its cell relative to the root.
    """

    def __init__(self, sites: int) -> None:
        self._parent = list(range(sites))
        self._offset = np.zeros((sites, 3), dtype=int)
        self._cycles: list[np.ndarray] = [np.zeros((0, 3), dtype=int) for _ in range(sites)]
        self.dimensions = 0

    def join(self, pair: Pair) -> None:
        """Add a hop, which joins the parts of its two sites or closes a cycle."""
        i, j, vector = pair
        root_i, offset_i = self._find(i)
        root_j, offset_j = self._find(j)
        # The walk root_i → i → j → root_j ends in this cell of root_j.
        across = offset_i + np.array(vector) - offset_j
        if root_i == root_j:
            self._close(root_i, across[None, :])
            return
        self._parent[root_j] = root_i
        self._offset[root_j] = across
        self._close(root_i, self._cycles[root_j])

    def connected(self, pair: Pair) -> bool:
        """Whether a part connects the first site with this periodic image of the second."""
        i, j, vector = pair
        root_i, offset_i = self._find(i)
        root_j, offset_j = self._find(j)
        return root_i == root_j and _contains(
            self._cycles[root_i], offset_i + np.array(vector) - offset_j
        )

    def part(self, site: int) -> tuple[int, int]:
        """Return the dimension of the part that contains a site, and its number of sites."""
        root, _ = self._find(site)
        members = sum(self._find(other)[0] == root for other in range(len(self._parent)))
        return len(self._cycles[root]), members

    def spans(self, direction: np.ndarray) -> bool:
        """Whether a part percolates along a lattice direction, given in vectors of the cell."""
        return any(len(cycles) and _contains(cycles, direction) for cycles in self._cycles)

    def _find(self, site: int) -> tuple[int, np.ndarray]:
        """Return the root of a site, and the cell of the site relative to it."""
        chain = []
        while self._parent[site] != site:
            chain.append(site)
            site = self._parent[site]
        offset = np.zeros(3, dtype=int)
        for below in reversed(chain):
            offset = offset + self._offset[below]
            self._parent[below], self._offset[below] = site, offset
        return site, offset

    def _close(self, root: int, translations: np.ndarray) -> None:
        for translation in translations:
            extended = np.vstack([self._cycles[root], translation])
            if np.linalg.matrix_rank(extended) > len(self._cycles[root]):
                self._cycles[root] = extended
        self.dimensions = max(self.dimensions, len(self._cycles[root]))


def _contains(cycles: np.ndarray, translation: np.ndarray) -> bool:
    """Whether a translation is a linear combination of the lattice translations in ``cycles``."""
    if not np.any(translation):
        return True
    return bool(np.linalg.matrix_rank(np.vstack([cycles, translation]), tol=1e-6) == len(cycles))


def connecting_length_ang(positions: np.ndarray, cell: np.ndarray, most_ang: float) -> float:
    """Return the least length up to which hops percolate in three dimensions, Å.

    The result is infinity if even hops up to ``most_ang`` do not percolate.
    """
    by_length: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs_within(positions, cell, most_ang):
        by_length[round(pair_length_ang(positions, cell, pair) / _SAME_ANG)].append(pair)
    network = Network(len(positions))
    for length in sorted(by_length):
        for pair in by_length[length]:
            network.join(pair)
        if network.dimensions == 3:
            return (length + 1) * _SAME_ANG
    return float(np.inf)


def thresholds(
    sites: int, edges: Sequence[HopEdge], axes: dict[str, np.ndarray]
) -> dict[str, Threshold]:
    """Return the bottlenecks of the easiest paths in 1, 2 and 3 dimensions and along axes.

    Args:
        sites: Number of sites in the cell.
        edges: All hops of the cell, including symmetry-equivalent ones.
        axes: Lattice directions by name, each in vectors of the cell. A path along an axis ends on
            an image of its start in exactly that direction.

    Returns:
        The threshold for ``1D``, ``2D``, ``3D`` and each axis; a key is missing if the edges do not
        percolate.
    """
    network = Network(sites)
    found: dict[str, Threshold] = {}
    ordered = sorted(edges, key=lambda edge: (edge.saddle_ev, edge.hop))
    for edge, later in zip_longest(ordered, ordered[1:]):
        network.join(edge.pair)
        if later and later.hop == edge.hop and later.saddle_ev - edge.saddle_ev < _SAME_EV:
            continue  # the rest of its class follows
        threshold = Threshold(edge.saddle_ev, edge.hop)
        for dimension in range(1, network.dimensions + 1):
            found.setdefault(f"{dimension}D", threshold)
        for name, direction in axes.items():
            if name not in found and network.spans(direction):
                found[name] = threshold
    return found
