"""Which of many hops can decide a path: only these are followed to their saddles.

A host without symmetry has a hundred hops and more. Each gets a loose band, whose top says about
where its saddle lies. Then the lowest are computed in full, one after the other, until what is left
could only join sites that lower saddles have joined, or lies above paths that lead everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pvkdb_pipelines.migration.hops import HopClass
from pvkdb_pipelines.migration.paths import Path, PathFinder
from pvkdb_pipelines.migration.percolation import Network
from pvkdb_pipelines.progress import OnStep

#: Up to this many hops all are computed in full: a tilted perovskite has 6, in P2_12_12_1 12.
MOST_IN_FULL = 16
#: A saddle is taken to lie at most this far below the top of a loose band, eV. For 27 hops
#: of Cs3Sb2I9 (SevenNet-0) and 13 of CsSnBr3 (CHGNet) it was 0.03 to 0.14.
MARGIN_EV = 0.15


def find_paths(
    finder: PathFinder, hops: Sequence[HopClass], begin: Callable[[int, int], OnStep]
) -> list[Path]:
    """The path of every hop; where there are many, of those that can decide a threshold.

    Args:
        finder: Finds the paths.
        hops: The hops.
        begin: Called with the number of a part of the work, from 0, and of all parts; returns what
            is called at each step.

    Returns:
        One path a hop, in their order: what was not followed has the estimate of its saddle.
    """
    if len(hops) <= MOST_IN_FULL:
        return [finder.find(hop, begin(index, len(hops))) for index, hop in enumerate(hops)]
    parts = 2 * len(hops)
    begun = [finder.begin(hop, begin(index, parts)) for index, hop in enumerate(hops)]
    found: dict[int, Path] = {}
    for index in sorted(range(len(hops)), key=lambda index: begun[index].order):
        hop, (unknown, estimate) = hops[index], begun[index].order
        on_step = begin(len(hops) + len(found), parts)
        lowest = estimate if unknown else estimate - MARGIN_EV
        if _decisive(hop, lowest, found.values(), len(finder.states.stage.sites.positions)):
            found[index] = finder.find(hop, on_step, begun[index])
        else:
            found[index] = Path(hop, estimate_ev=estimate)
    return [found[index] for index in range(len(hops))]


def _decisive(hop: HopClass, lowest_ev: float, found: Iterable[Path], sites: int) -> bool:
    """Whether a hop can change a threshold if its saddle is as low as can be."""
    network = Network(sites)
    for path in found:
        if path.saddle_ev is not None and path.saddle_ev <= lowest_ev:
            for pair in path.hop.members:
                network.join(pair)
    return network.dimensions < 3 and not all(network.connected(pair) for pair in hop.members)
