"""Which path the literature means where paths differ: Cs3Sb2I9 and Cs2SnI6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pvkdb.schemas.calculations.migration import HopBarrier
from validation.migration_cases import CASES, POTENTIALS, Case
from validation.migration_results import Results
from validation.path_points import PathPoint

#: Hosts whose kinds of hops differ by much.
HOSTS = (("Cs3Sb2I9", "P6_3/mmc"), ("Cs3Sb2I9", "P-3m1"), ("Cs2SnI6", "Fm-3m"))


def section(results: Results, points: Sequence[PathPoint]) -> Iterator[str]:
    """Yield the hops of these hosts by kind, with DFT, and what follows for the comparison."""
    yield "## Which path the literature means\n"
    yield (
        "Saddle points above the lowest site, eV, by the kind of hop; a range where there are "
        "several. PBE is E(saddle) − E(start) by pw.x on the geometries of SevenNet-0, not "
        "relaxed, beside SevenNet-0's own difference in brackets (25/150 Ry, Γ, no spin, no SOC; "
        "`validation/path_points.py`).\n"
    )
    names = [potential.value for potential in POTENTIALS]
    yield f"| host | hop | {' | '.join(names)} | PBE, neutral | PBE, charge +1 |"
    yield "|" + "---|" * (4 + len(names))
    for case in CASES:
        if (case.formula, case.phase) in HOSTS and case.defect == "V_I":
            yield from _rows(case, results, points)
    yield ""


def _rows(case: Case, results: Results, points: Sequence[PathPoint]) -> Iterator[str]:
    hops = {
        potential: entry.result.hops
        for potential in POTENTIALS
        if (entry := results.of(case, potential)) is not None and entry.result is not None
    }
    kinds = dict.fromkeys(hop.hop.hop_class for found in hops.values() for hop in found)
    for kind in sorted(kinds):
        cells = [_range(hops.get(potential, []), kind) for potential in POTENTIALS]
        cells += [
            _by_dft(points, f"{case.formula} {case.phase}", kind, charge) for charge in (0, 1)
        ]
        yield f"| {case.formula} {case.phase} | {kind} | {' | '.join(cells)} |"


def _range(hops: Sequence[HopBarrier], kind: str) -> str:
    found = [
        hop.saddle_ev for hop in hops if hop.hop.hop_class == kind and hop.saddle_ev is not None
    ]
    if not found:
        return "–"
    low, high = f"{min(found):.2f}", f"{max(found):.2f}"
    return low if low == high else f"{low} to {high}"


def _by_dft(points: Sequence[PathPoint], material: str, kind: str, charge: int) -> str:
    for point in points:
        if (point.material, point.hop, point.charge) == (material, kind, charge):
            return f"{point.dft_ev:.2f} ({point.potential_ev:.2f})"
    return ""
