"""Which of many hops can decide a path: only these are followed to their saddles.

A host without symmetry has a hundred hops and more. Each gets a loose band, whose top says about
where its saddle lies. Then the lowest are followed, one after the other, until what is left could
only join sites that lower saddles have joined, or lies above paths that lead everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pvkdb_pipelines.migration.hops import HopClass
from pvkdb_pipelines.migration.paths import Begun, Path, PathFinder
from pvkdb_pipelines.migration.percolation import Network
from pvkdb_pipelines.progress import OnStep

#: Up to this many hops all are followed: a tilted perovskite has 6, in P2_12_12_1 12.
MOST_IN_FULL = 16
#: A saddle is taken to lie at most this far below the top of a loose band, eV. For 27 hops
#: of Cs3Sb2I9 (SevenNet-0) and 13 of CsSnBr3 (CHGNet) it was 0.03 to 0.14.
MARGIN_EV = 0.15
#: Hops are looked at again at most so often, where lower states of their ends were found.
_MOST_ROUNDS = 3

#: Called with the number of a part of the work, from 0, and of all parts; gives what is called at
#: each step of it.
Announce = Callable[[int, int], OnStep]


def find_paths(
    finder: PathFinder,
    hops: Sequence[HopClass],
    *,
    every: bool,
    loosely: Announce,
    closely: Announce,
) -> list[Path]:
    """The path of every hop; where there are many, of those that can decide a threshold.

    Args:
        finder: Finds the paths.
        hops: The hops.
        every: Whether all are followed, however many there are.
        loosely, closely: Announce the loose bands, and the hops that are followed.

    Returns:
        One path a hop, in their order: with a band, a failure, or bypassed.
    """
    count = len(hops)
    if every or count <= MOST_IN_FULL:
        return [finder.find(hop, closely(index, count)) for index, hop in enumerate(hops)]
    begun = [finder.begin(hop, loosely(index, count)) for index, hop in enumerate(hops)]
    found: dict[int, Path] = {}
    open_, sites = set(range(count)), len(finder.states.stage.sites.positions)
    for _ in range(_MOST_ROUNDS):
        for index in sorted(open_, key=lambda index: begun[index].order):
            on_step = closely(count - len(open_), count)
            if finder.outdated(hops[index], begun[index]):
                begun[index] = finder.begin(hops[index], on_step)
            if _decisive(hops[index], begun[index], found.values(), sites):
                path = finder.find(hops[index], on_step, begun[index])
                found[index] = replace(path, estimate_ev=begun[index].estimate_ev)
                open_.remove(index)
        if not any(finder.outdated(hops[index], begun[index]) for index in open_):
            break
    for index in open_:
        found[index] = Path(hops[index], bypassed=True, estimate_ev=begun[index].estimate_ev)
    return [found[index] for index in range(count)]


def _decisive(hop: HopClass, begun: Begun, found: Iterable[Path], sites: int) -> bool:
    """Whether a hop can change a threshold if its saddle is as low as can be."""
    lowest_ev = begun.lowest_ev(MARGIN_EV)
    network = Network(sites)
    for path in found:
        if path.saddle_ev is not None and path.saddle_ev <= lowest_ev:
            for pair in path.hop.members:
                network.join(pair)
    return network.dimensions < 3 and not all(network.connected(pair) for pair in hop.members)
