"""Which path the literature means where paths differ: Cs3Sb2I9 and Cs2SnI6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean

from pvkdb.schemas.calculations.migration import HopBarrier
from validation.barrier_cases import CASES, POTENTIALS, Case
from validation.dft.convergence import dense_changes_ev, read_calls
from validation.dft.path_points import PathPoint
from validation.migration.comparison import Comparison, pairs_of
from validation.migration.results import Results
from validation.pages import row, table, texts

#: Hosts whose kinds of hops differ by much.
HOSTS = (("Cs3Sb2I9", "P6_3/mmc"), ("Cs3Sb2I9", "P-3m1"), ("Cs2SnI6", "Fm-3m"))

TEXTS = texts(__file__)


def section(
    results: Results, compared: Sequence[Comparison], points: Sequence[PathPoint]
) -> Iterator[str]:
    """Yield the hops of these hosts by kind, with DFT, and what follows for the comparison."""
    yield TEXTS["head"]
    names = [potential.value for potential in POTENTIALS]
    dft = ["PBE, neutral", "PBE, charge +1"] if points else []
    yield from table(("host", "hop", *names, *dft))
    for case in CASES:
        if (case.formula, case.phase) in HOSTS and case.defect == "V_I":
            yield from _rows(case, results, points)
    yield ""
    if points:
        yield TEXTS["dft"]
    yield TEXTS["antimony"]
    yield from _by_dft_in_words(points)
    yield from _with_the_other(compared)
    yield TEXTS["tin"].format(iodide=_neutral_ev("Cs2SnI6"), chloride=_neutral_ev("Cs2SnCl6"))


def _by_dft_in_words(points: Sequence[PathPoint]) -> Iterator[str]:
    """Say what an edge of a layer and the hop between layers need by PBE, where it was computed."""
    layered = {
        (point.hop.partition(",")[0], point.charge): point.dft_ev
        for point in points
        if point.material == "Cs3Sb2I9 P-3m1"
    }
    if len(layered) == 4:
        edge, between = (
            f"{layered[hop, 0]:.2f} eV neutral and {layered[hop, 1]:.2f} eV at charge +1"
            for hop in ("octahedron edge", "between layers")
        )
        yield (
            f"By PBE an edge between bridging iodides needs {edge}, the hop between layers "
            f"{between}: the 0.57 eV that the literature reports is not that of an edge at either "
            "charge.\n"
        )


def _neutral_ev(formula: str) -> float:
    """Return E(saddle) − E(start) by DFT with k-points, of a neutral vacancy relaxed at Γ."""
    gamma_ev, change_ev = dense_changes_ev(read_calls())[f"{formula} Fm-3m +0"]
    return gamma_ev + change_ev


def _with_the_other(compared: Sequence[Comparison]) -> Iterator[str]:
    """Say how the errors would be if each statement meant the other path that it can mean."""
    said = []
    for potential in POTENTIALS:
        if any(potential in entry.others for entry in compared):
            other = [
                replace(entry, values=entry.values | entry.others) if entry.others else entry
                for entry in compared
            ]
            both = [pairs_of(each, potential) for each in (compared, other)]
            errors = [mean(abs(p.computed_ev - p.reported_ev) for p in pairs) for pairs in both]
            said.append(f"{errors[1]:.2f} in place of {errors[0]:.2f} eV ({potential.value})")
    if said:
        yield f"With the path between layers, the mean absolute error is {', '.join(said)}.\n"


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
            _by_dft(points, f"{case.formula} {case.phase}", kind, charge)
            for charge in (0, 1)
            if points
        ]
        yield row(f"{case.formula} {case.phase}", kind, *cells)


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
