"""Which of many hops are worth a long search: those that can decide a path.

Most saddles are found at once. A host without symmetry has a hundred hops and more, of which some
need a whole band of images, ten times as dear as the others. Where what has been found joins their
sites already, or leads everywhere, over lower saddles, they are bypassed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pvkdb_pipelines.migration.hops import HopClass
from pvkdb_pipelines.migration.paths import Path, PathFinder
from pvkdb_pipelines.migration.percolation import Network
from pvkdb_pipelines.progress import OnStep

#: Up to this many hops all are followed: a tilted perovskite has 6, in P2_12_12_1 12.
MOST_IN_FULL = 16
#: A saddle is taken to lie at most this far below the top of a band from which it was not found,
#: eV. Of 40 hops of four layered hosts it was 0.02 to 0.17, but 0.26 and 0.27 of two over 0.4 eV.
MARGIN_EV = 0.2


def find_paths(
    finder: PathFinder,
    hops: Sequence[HopClass],
    announce: Callable[[int, int], OnStep],
    *,
    every: bool = False,
) -> list[Path]:
    """The path of every hop; where there are many, hard ones only if they can decide a threshold.

    Args:
        finder: Finds the paths.
        hops: The hops.
        announce: Called with the number of a part of the work, from 0, and of all parts; gives
            what is called at each step of it.
        every: Whether all are followed, however many there are.

    Returns:
        One path a hop, in their order: with a band, a failure, or bypassed.
    """
    count = len(hops)
    thorough = every or count <= MOST_IN_FULL
    found = []
    put_off = []
    for index, hop in enumerate(hops):
        path = finder.find(hop, announce(index, count), thorough=thorough)
        found.append(path)
        if path.estimate_ev is not None:
            put_off.append((path.estimate_ev, index, finder.ends_ev(hop)))
    for top_ev, index, ends_then_ev in sorted(put_off):
        ends_ev = finder.ends_ev(hops[index])
        lowest_ev = max(*ends_ev, top_ev - MARGIN_EV)
        # A lower state of an end makes what was seen of the hop worthless.
        if ends_ev != ends_then_ev or _decisive(hops[index], lowest_ev, found, finder.sites):
            path = finder.find(hops[index], announce(count - 1, count))
            found[index] = replace(path, estimate_ev=top_ev)
    return found


def _decisive(hop: HopClass, lowest_ev: float, found: Iterable[Path], sites: int) -> bool:
    """Whether a hop can change a threshold if its saddle is as low as can be."""
    network = Network(sites)
    for path in found:
        if path.saddle_ev is not None and path.saddle_ev <= lowest_ev:
            for pair in path.hop.members:
                network.join(pair)
    return network.dimensions < 3 and not all(network.connected(pair) for pair in hop.members)
