"""Which path the literature means where paths differ: Cs3Sb2I9 and Cs2SnI6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean

from pvkdb.schemas.calculations.migration import HopBarrier
from validation.barrier_cases import CASES, POTENTIALS, Case
from validation.dft.page import read_hops
from validation.dft.path_points import PathPoint
from validation.migration.comparison import Comparison, pairs_of
from validation.migration.results import Results
from validation.pages import row, table

#: Hosts whose kinds of hops differ by much.
HOSTS = (("Cs3Sb2I9", "P6_3/mmc"), ("Cs3Sb2I9", "P-3m1"), ("Cs2SnI6", "Fm-3m"))

_ANTIMONY = """\
**Cs3Sb2I9.** The review prints 0.47 eV for dimers and 0.57 eV for layers, of Park 2021 (r226).

- Known: DFT; one initial, transition and final state for each structure, drawn as an arrow in its \
cell (caption of its Fig. 2, PMC8192534).
- Not known from the abstract and the caption, which were at hand: which two sites, the charge, \
the supercell, the functional.
- The hops form two groups with a gap between them: along an edge of one octahedron, and from one \
dimer or layer to the next. By the second group alone, both reported values are met within 0.1 eV \
by SevenNet-0, and in the reported order. A vacancy leaves a dimer only by such a hop. It crosses \
a layered film only by such a hop if the layers are parallel to the electrodes; in the plane of a \
layer, edges are enough. This is why 2D and 3D paths differ by so much in this phase and not in \
that of dimers.
- So the path between layers is likely meant, but this is inferred from the values themselves, \
which then do not test the potential. The tables show both paths, and errors and calibration keep \
the path that rankings use.
- By SevenNet-0 the layered host is at the limit of a minimum: displaced, it relaxed by 5.0 meV a \
formula unit here (at most 5 are accepted), and by 6 meV in the calculation from which DFT \
started, where it became P1 and E_A at most 0.085 eV.
"""
_TIN = """\
**Cs2SnI6.** The review prints 1.11, 1.55 and 1.69 eV across octahedra for I, Br and Cl, and > \
0.77 eV within one, of Liu 2021 (r141).

- Known: DFT; Fig. 8c of the review is of V_I, within one octahedron and across two. Not known: \
the charge, the cell, and what was free to relax; no text of r141 was at hand.
- Within one octahedron a vacancy goes along an edge; two edges also lead to the opposite site, so \
that nothing in it needs more than an edge. On an edge, the saddle is below 0.13 eV with every \
potential. The bound and this saddle do not describe the same state: another charge or another \
relaxation can be the reason, another path cannot.
- For transport it does not matter: the edges of one octahedron lead nowhere, and every path \
through the crystal has the hop between octahedra, with which 1.11 eV and the measured 0.91 eV are \
compared. There neutral PBE, relaxed, gives {iodide:.2f} eV, and {chloride:.2f} eV for Cs2SnCl6 \
([hops by DFT](dft.md)): most of the gap is not one of the potential.
"""


def section(
    results: Results, compared: Sequence[Comparison], points: Sequence[PathPoint]
) -> Iterator[str]:
    """Yield the hops of these hosts by kind, with DFT, and what follows for the comparison."""
    yield "## Which path the literature means\n"
    yield "Saddle points above the lowest site, eV, by the kind of hop; a range where several.\n"
    names = [potential.value for potential in POTENTIALS]
    dft = ["PBE, neutral", "PBE, charge +1"] if points else []
    yield from table(("host", "hop", *names, *dft))
    for case in CASES:
        if (case.formula, case.phase) in HOSTS and case.defect == "V_I":
            yield from _rows(case, results, points)
    yield ""
    if points:
        yield (
            "PBE: E(saddle) − E(start) by pw.x on geometries of SevenNet-0, not relaxed, beside "
            "SevenNet-0's own difference in brackets (25/150 Ry, Γ, no spin, no SOC; "
            "`validation/dft/path_points.py`).\n"
        )
    yield _ANTIMONY
    yield from _by_dft_in_words(points)
    yield from _with_the_other(compared)
    yield _TIN.format(iodide=_neutral_ev("Cs2SnI6"), chloride=_neutral_ev("Cs2SnCl6"))


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
    """Return the barrier by DFT of the neutral vacancy of a vacancy-ordered host."""
    results = (hop.result for hop in read_hops().hops if hop.name == f"{formula} Fm-3m +0")
    return next(found.barrier_forward_ev for found in results if found is not None)


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
