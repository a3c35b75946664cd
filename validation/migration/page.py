"""The page docs/validation/migration.md and its picture, from the stored numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import mean

from scipy.stats import spearmanr

from pvkdb.chemistry import Interval
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.tables import EnergeticsRow
from validation.barrier_cases import CASES, OWN_DFT, POTENTIALS
from validation.dft.path_points import PathPoint
from validation.migration import finite_size, paths
from validation.migration.comparison import (
    AGREES_EV,
    GROUPS,
    ONE_OCTAHEDRON,
    OTHER_AXIS,
    Comparison,
    compare,
    group_of,
    pairs_of,
)
from validation.migration.results import Computed, Results, is_current
from validation.pages import row, table, texts

#: Fewer statements have no statistics.
LEAST_STATEMENTS = 3

TEXTS = texts(__file__)


def render(results: Results, larger: Results, points: Sequence[PathPoint]) -> str:
    """Return the page as Markdown.

    Args:
        results: Every case.
        larger: Some of them in the next larger cell.
        points: DFT on paths that the page discusses.
    """
    compared, left = compare(results)
    listed = [entry for entry in compared if entry.row.references != OWN_DFT]
    blocks = {
        "compared": _tables(compared, results),
        "errors": _errors(listed),
        "families": _families(listed),
        "antimony": _antimony(results),
        "paths": paths.section(results, compared, points),
        "larger": finite_size.section(results, larger),
        "disagreements": _disagreements(compared),
        "left": _not_computed(left),
        "costs": _costs(results),
    }
    cases = {case.name: case for case in CASES}
    earlier = any(not is_current(entry, cases[entry.case]) for entry in results.computed)
    return TEXTS["page"].format(
        summary=_summary(compared, results),
        earlier=f"{TEXTS['earlier']}\n" if earlier else "",
        **{name: "\n".join(lines) for name, lines in blocks.items()},
    )


def _summary(compared: Sequence[Comparison], results: Results) -> str:
    total = sum(len(case.potentials) for case in CASES)
    done = [entry for entry in results.computed if entry.result is not None]
    left = total - len(results.computed)
    said = [
        f"{len(done)} of {total} calculations gave a percolating path"
        + (f", {left} were not run" if left else "")
    ]
    for potential in POTENTIALS:
        found = [entry for entry in compared if entry.deviation(potential) is not None]
        if not found:
            continue
        inside = sum(not entry.differs(potential) for entry in found)
        undecided = sum(entry.leaves_open(potential) for entry in compared)
        said.append(
            f"with {potential.value} {inside} of {len(found)} statements lie within "
            f"{AGREES_EV:g} eV of the computed value"
            + (f", and an upper bound leaves {undecided} more open" if undecided else "")
        )
    return "; ".join(said) + "."


def _tables(compared: Sequence[Comparison], results: Results) -> Iterator[str]:
    for group, title in GROUPS.items():
        yield f"### {title}\n"
        listed = [entry for entry in compared if group_of(entry.row) == group]
        if group == "charged":
            yield TEXTS["charged"]
        yield from _table(listed, results)


def _table(compared: Sequence[Comparison], results: Results) -> Iterator[str]:
    yield from table(
        (
            *("material", "defect", "method", "charge", "reported, eV", "references"),
            *(f"{potential.value}, eV" for potential in POTENTIALS),
            *("spread", "limited by (SevenNet-0)"),
        )
    )
    for entry in compared:
        said = entry.row
        interval = Interval(said.value_min_ev, said.value_max_ev, said.bound, said.approximate)
        unnamed = f"printed: {said.defect}" if said.defect == said.species else None
        words = ", ".join(filter(None, (said.direction, unnamed)))
        direction = f" ({words})" if words else ""
        charge = "" if said.charge is None else f"{said.charge:+d}" if said.charge else "0"
        one_hop = said.direction == ONE_OCTAHEDRON
        values = [
            _shown(results.of(entry.case, p), entry.values.get(p), one_hop) + _other(entry, p)
            if p in entry.case.potentials
            else "–"
            for p in POTENTIALS
        ]
        limited = _limited(results.of(entry.case, PotentialName.SEVENNET_0))
        spread = max(entry.values.values()) - min(entry.values.values())
        yield row(
            *(f"{entry.case.formula} {entry.case.phase}", f"{entry.case.defect}{direction}"),
            *(_method(said), charge, interval, said.references, *values),
            f"{spread:.2f}" if len(entry.values) > 1 else "",
            "the easiest edge of an octahedron" if one_hop else limited,
        )
    yield ""


def _method(row: EnergeticsRow) -> str:
    soc = {True: "SOC", False: "no SOC", None: None}[row.soc]
    return ", ".join(filter(None, (row.method, row.functional, soc)))


def _shown(computed: Computed | None, value: float | None, one_hop: bool) -> str:
    if computed is None:
        return "not run"
    if computed.result is None or value is None:
        return str(computed.failure_kind or "no such hop")
    if one_hop:
        return f"{value:.3f} (hop)"
    sign = "≤ " if computed.result.upper_bound else ""
    return f"{sign}{value:.3f} ({computed.result.dimensionality}D)"


def _other(entry: Comparison, potential: PotentialName) -> str:
    along = entry.others.get(potential)
    return "" if along is None else f" or {along:.3f} along {OTHER_AXIS[entry.row.id]}"


def _limited(computed: Computed | None) -> str:
    if computed is None or computed.result is None:
        return ""
    hop = computed.result.limiting.hop
    left = computed.result.host_left_for
    return f"{hop.hop_class}, {hop.length_ang:.2f} Å" + (f"; host became {left}" if left else "")


def _errors(compared: Sequence[Comparison]) -> Iterator[str]:
    yield from table(
        "potential | statements | of | rank correlation | mean error, eV | mean absolute error, eV"
    )
    for potential in POTENTIALS:
        pairs = pairs_of(compared, potential)
        for group in ("all", *GROUPS):
            chosen = [each for each in pairs if group in ("all", each.charge)]
            if len(chosen) < LEAST_STATEMENTS:
                continue
            errors = [each.computed_ev - each.reported_ev for each in chosen]
            both = [(each.computed_ev, each.reported_ev) for each in chosen]
            rank = float(spearmanr(*zip(*both, strict=True)).statistic)
            found = f"{rank:.2f}", f"{mean(errors):+.2f}", f"{mean(map(abs, errors)):.2f}"
            yield row(potential.value, len(chosen), group, *found)


def _families(compared: Sequence[Comparison]) -> Iterator[str]:
    yield from table("family | potential | statements | mean error, eV")
    for family in sorted({entry.row.family for entry in compared}):
        entries = [entry for entry in compared if entry.row.family == family]
        for potential in POTENTIALS:
            if pairs := pairs_of(entries, potential):
                error = mean(each.computed_ev - each.reported_ev for each in pairs)
                yield row(family, potential.value, len(pairs), f"{error:+.2f}")


def _antimony(results: Results) -> Iterator[str]:
    """Compare dimer and layered Cs3Sb2I9 for each direction."""
    cases = {case.phase: case for case in CASES if case.formula == "Cs3Sb2I9"}
    dimer, layered = cases["P6_3/mmc"], cases["P-3m1"]
    yield from table("path | potential | dimer, eV | layered, eV")
    gaps: defaultdict[str, dict[PotentialName, float]] = defaultdict(dict)
    for direction in ("1D", "2D", "3D", "c"):
        for potential in POTENTIALS:
            values = []
            for case in (dimer, layered):
                computed = results.of(case, potential)
                result = computed.result if computed else None
                values.append(None if result is None else result.threshold_ev(direction))
            shown = ("not computed" if value is None else f"{value:.3f}" for value in values)
            yield row(direction, potential.value, *shown)
            if values[0] is not None and values[1] is not None:
                gaps[direction][potential] = values[0] - values[1]
    yield ""
    for direction, found in gaps.items():
        yield f"- {direction}: {verdict(found)}."


def verdict(gaps: dict[PotentialName, float]) -> str:
    """Compare two phases by the gap between dimers and layers with each potential, eV."""
    smallest = min(gaps.values(), key=abs)
    easier = "layered" if smallest > 0 else "dimer"
    if len(gaps) == 1:
        (only,) = gaps
        return (
            f"by {only.value} the {easier} phase is easier, by {abs(smallest):.2f} eV; no order is "
            "claimed, since only one potential gives both"
        )
    spread = max(gaps.values()) - min(gaps.values())
    same_sign = len({gap > 0 for gap in gaps.values()}) == 1
    if not same_sign or abs(smallest) <= spread:
        return "no order can be claimed: the potentials differ by as much as the phases"
    return f"the {easier} phase is easier, by {abs(smallest):.2f} eV at least"


def _disagreements(compared: Sequence[Comparison]) -> Iterator[str]:
    for entry in compared:
        for potential in filter(entry.differs, POTENTIALS):
            bound = "at most " if potential in entry.at_most else ""
            low, high = entry.interval
            said = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            yield (
                f"- {entry.case.formula} {entry.case.phase}, {entry.case.defect}: "
                f"{potential.value} gives {bound}{entry.values[potential]:.2f} eV"
                f"{_other(entry, potential)}, reported: "
                f"{said} eV ({entry.row.references}; {entry.row.source}; "
                f"method {entry.row.method})."
            )


def _not_computed(left: Sequence[tuple[EnergeticsRow, str]]) -> Iterator[str]:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for said, reason in left:
        phase = f" {said.phase}" if said.phase else ""
        by_reason[reason].append(f"{said.material}{phase} {said.defect} ({said.source})")
    for reason, rows in by_reason.items():
        yield f"- {reason}: {', '.join(rows)}."


def _costs(results: Results) -> Iterator[str]:
    yield from table(
        "case | potential | E_A, eV | 1D / 2D / 3D | again | hops | atoms | calls | CPU, s"
    )
    cases = {case.name: case for case in CASES}
    for entry in results.computed:
        result = entry.result
        mark = "" if is_current(entry, cases[entry.case]) else " †"
        name = f"{entry.case}{mark}", entry.potential.value
        if result is None:
            yield f"{row(*name, entry.failure_kind, _short(entry.failure))} | | | | |"
            continue
        limiting = result.limiting
        again = limiting.recheck_saddle_ev
        failed = sum(hop.saddle_ev is None for hop in result.hops)
        yield row(
            *(*name, f"{result.e_a_ev:.3f}"),
            " / ".join(_way(result, name) for name in ("1D", "2D", "3D")),
            "none" if limiting.recheck_failure else "" if again is None else f"{again:.3f}",
            f"{len(result.hops)}" + (f", {failed} without a path" if failed else ""),
            *(result.atoms_in_cell, f"{result.force_calls:,}", f"{result.cpu_seconds:.0f}"),
        )
    for case in CASES:
        for potential in case.potentials:
            if results.of(case, potential) is None:
                yield f"| {case.name} | {potential.value} | not run | | | | | | |"


def _way(result: NebResult, direction: str) -> str:
    value = result.threshold_ev(direction)
    return "–" if value is None else f"{value:.3f}"


def _short(text: str | None) -> str:
    said = (text or "").replace("|", "/")
    return said if len(said) <= 160 else said[:157] + "…"
