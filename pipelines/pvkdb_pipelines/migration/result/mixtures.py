"""One energy scale for the vacancies of ions that share a site of a mixture.

A cell that lacks an iodide and one that lacks a bromide cannot be compared. Where a bromide moves
into the vacancy of an iodide, both ends of the hop lack an iodide: its end is the vacancy of a
bromide with a bromide in place of an iodide. The mean over all such hops gives the vacancies of
bromide their place among those of iodide. That the exchanged ion stays behind is left out: hops
have their saddle above the mean of their own two ends, and stand on the mean of the two sites
(A. Van der Ven, G. Ceder, M. Asta, P. D. Tepesch, Phys. Rev. B 64, 184307 (2001),
doi:10.1103/PhysRevB.64.184307, kinetically resolved activation barriers).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.defects.defects import DefectStates
from pvkdb_pipelines.migration.paths.paths import Path


def align(states: DefectStates, paths: Sequence[Path]) -> float | None:
    """Give vacancies of all elements one scale; return how far the energy of exchanges varies, eV.

    It is a standard deviation, None where one element moves.

    Raises:
        CalculationFailedError: an element has no hop that connects it (``NO_PERCOLATION``).
    """
    stage = states.stage
    elements = {stage.element(site) for site in states.by_site}
    states.offsets_ev = {stage.sites.symbol: 0.0}
    spreads = list[float]()
    while left := elements - states.offsets_ev.keys():
        found: dict[str, list[float]] = defaultdict(list)
        for path in paths:
            if path.band is None or not stage.exchanges(path.hop):
                continue
            here, there = (stage.element(site) for site in (path.hop.start, path.hop.end))
            end_ev = float(path.band.images[-1].get_potential_energy())
            step = end_ev - states.of(path.hop.end).energy_ev
            if here in states.offsets_ev and there in left:
                found[there].append(states.offsets_ev[here] + step)
            elif there in states.offsets_ev and here in left:
                found[here].append(states.offsets_ev[there] - step)
        if not found:
            raise CalculationFailedError(
                FailureKind.NO_PERCOLATION,
                f"no hop between sites of {', '.join(sorted(left))} and of {stage.sites.symbol} "
                "converged, so that their vacancies have no common scale; use another seed or a "
                "longer cutoff",
            )
        states.offsets_ev |= {element: float(np.mean(steps)) for element, steps in found.items()}
        spreads += [float(np.std(steps)) for steps in found.values()]
    return max(spreads, default=None)


def saddle_ev(states: DefectStates, path: Path) -> float | None:
    """Return the saddle of a path on the scale of all vacancies, eV; None if it has none."""
    if path.band is None or path.saddle_ev is None:
        return None
    hop = path.hop
    if not states.stage.exchanges(hop):
        return path.saddle_ev + states.offsets_ev.get(states.stage.element(hop.start), 0.0)
    levels = states.level_ev(hop.start), states.level_ev(hop.end)
    ends = (float(path.band.images[end].get_potential_energy()) for end in (0, -1))
    return max(path.saddle_ev + (sum(levels) - sum(ends)) / 2, *levels)
