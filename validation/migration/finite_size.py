"""Barriers in the next larger supercell, for the materials of the page of DFT.

`validation/migration/make.py` computes them after its own cases and keeps them in
``docs/validation/finite_size.json``; :func:`section` is the part of the page that shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from pvkdb.chemistry.ions import HALIDES
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult
from validation.barrier_cases import CASES, Case
from validation.migration.results import Computed, Results, Wanted
from validation.pages import table, texts

TEXTS = texts(__file__)
#: Those that compute the larger cells: the guide of the hops by DFT, and the better one.
POTENTIALS = (PotentialName.SEVENNET_0, PotentialName.SEVENNET_L3I5)
#: Hosts of the hops by DFT.
HOSTS = (
    *((formula, "Pnma") for formula in ("CsPbBr3", "CsPbI3", "CsPbCl3", "CsSnI3")),
    *(
        (formula, "Fm-3m")
        for formula in ("Cs2SnCl6", "Cs2SnBr6", "Cs2SnI6", "Cs2AgBiBr6", "Cs2AgInCl6")
    ),
    *(("Cs3Sb2I9", phase) for phase in ("P-3m1", "P6_3/mmc")),
)
#: A supercell whose images are farther apart by this is another one, Å.
_FARTHER_ANG = 0.5
#: Lengths of one hop in two cells differ by less, Å.
_SAME_HOP_ANG = 0.1


def cases() -> list[Case]:
    """Return the halide vacancies of these hosts."""
    halides = [f"V_{halide}" for halide in HALIDES]
    return [
        case for case in CASES if (case.formula, case.phase) in HOSTS and case.defect in halides
    ]


def larger_cells(present: Results) -> list[Wanted]:
    """Return the same calculations in the next larger cells, the cheapest first."""
    found = []
    for case in cases():
        for potential in POTENTIALS:
            computed = present.of(case, potential)
            if computed is not None and computed.result is not None:
                request = case.request(potential)
                distance = round(computed.result.distance_ang + _FARTHER_ANG, 1)
                settings = request.settings.model_copy(update={"distance_ang": distance})
                wanted = (case.name, request.model_copy(update={"settings": settings}))
                found.append((computed.result.cpu_seconds, wanted))
    return [wanted for _, wanted in sorted(found, key=lambda each: each[0])]


def section(present: Results, larger: Results) -> Iterator[str]:
    """Yield the part of the page: barriers in both cells, and their difference."""
    yield TEXTS["head"]
    rows = [
        (case, potential, before.result, after)
        for case in cases()
        for potential in POTENTIALS
        if (before := present.of(case, potential)) is not None and before.result is not None
        if (after := larger.of(case, potential)) is not None
    ]
    yield _in_short([(before, after.result) for _, _, before, after in rows if after.result])
    yield from table(
        "case | potential | atoms | distance, Å | E_A, eV | difference, eV | limiting hop | "
        "its barrier, eV | difference, eV | host",
        ((case.name, each.value, _cells(small, large)) for case, each, small, large in rows),
    )
    missing = []
    for case in cases():
        left = [
            each.value
            for each in POTENTIALS
            if each in case.potentials and larger.of(case, each) is None
        ]
        missing += [f"{case.name} ({', '.join(left)})"] if left else []
    yield f"\nNot run: {'; '.join(missing)}.\n" if missing else ""


def _in_short(pairs: list[tuple[NebResult, NebResult]]) -> str:
    same = [
        (before, after)
        for before, after in pairs
        if before.space_group == after.space_group and before.dimensionality == after.dimensionality
    ]
    if not same:
        return ""
    differences = [after.e_a_ev - before.e_a_ev for before, after in same]
    hops = [
        _highest_ev(found) - _highest_ev(before.limiting)
        for before, after in same
        if (found := same_hop(before.limiting, after)) is not None
    ]
    worst = same[max(range(len(same)), key=lambda place: abs(differences[place]))][0]
    return (
        f"**In short.** {len(same)} of {len(pairs)} pairs have the same host and dimensions: E_A "
        f"changes by {median(map(abs, differences)):.3f} eV in the median and by "
        f"{max(differences, key=abs):+.3f} eV at most ({worst.formula} {worst.phase}), the barrier "
        f"of the limiting hop by {max(hops, key=abs, default=0.0):+.3f} eV at most.\n"
    )


def _cells(before: NebResult, computed: Computed) -> str:
    after = computed.result
    hop = before.limiting
    if after is None:
        return (
            f"{before.atoms_in_cell} | {before.distance_ang:.1f} | {before.e_a_ev:.3f}, "
            f"{computed.failure_kind} | | {_name(hop)} | {_highest_ev(hop):.3f} | | "
        )
    found = same_hop(hop, after)
    barrier = f"{_highest_ev(hop):.3f}" + (f", {_highest_ev(found):.3f}" if found else "")
    apart = f"{_highest_ev(found) - _highest_ev(hop):+.3f}" if found else "no such hop"
    hosts = dict.fromkeys((before.space_group, after.space_group))
    return (
        f"{before.atoms_in_cell}, {after.atoms_in_cell} | "
        f"{before.distance_ang:.1f}, {after.distance_ang:.1f} | {_e_a(before)}, {_e_a(after)} | "
        f"{after.e_a_ev - before.e_a_ev:+.3f} | {_name(hop)} | {barrier} | {apart} | "
        f"{', then '.join(hosts)}"
    )


def same_hop(hop: HopBarrier, result: NebResult) -> HopBarrier | None:
    """Return the hop of a result with the class of another one and nearly its length, if any."""
    near = [
        each
        for each in result.hops
        if each.hop.hop_class == hop.hop.hop_class
        and each.saddle_ev is not None
        and abs(each.hop.length_ang - hop.hop.length_ang) < _SAME_HOP_ANG
    ]
    return min(near, key=lambda each: abs(each.hop.length_ang - hop.hop.length_ang), default=None)


def _highest_ev(hop: HopBarrier) -> float:
    return max(hop.barrier_forward_ev or 0.0, hop.barrier_reverse_ev or 0.0)


def _name(hop: HopBarrier) -> str:
    return f"{hop.hop.hop_class}, {hop.hop.length_ang:.2f} Å"


def _e_a(result: NebResult) -> str:
    return f"{'≤ ' if result.upper_bound else ''}{result.e_a_ev:.3f} ({result.dimensionality}D)"
