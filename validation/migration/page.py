"""The page docs/validation/migration.md and its picture, from the stored numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import mean

from scipy.stats import spearmanr

from pvkdb.chemistry import Interval
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.calibration import CalibrationPair
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
from validation.pages import row, table

#: Fewer statements have no statistics.
LEAST_STATEMENTS = 3

HEAD = """# Computed and reported migration barriers

Made by `make validate` (`validation/migration/make.py`), with its numbers in `migration.json`; do \
not edit. Every activation energy of the literature in the store, and every hop of \
[dft.md](dft.md) (references: pvkdb), is compared with the bottleneck that pvkdb computes: the \
highest saddle of the easiest percolating path of the defect, above its lowest site. Potentials \
compute neutral cells, without dispersion and temperature. The reported values come from many \
methods and often belong to one hop, not to a path; values of one kind of hop are compared with \
that hop. A halide ion whose defect the source does not name is compared with the vacancy. Like is \
compared with like: neutral defects, charged ones, those whose charge the source does not give, \
and experiments have a table each. What the errors are worth is in \
[calibration.md](calibration.md).

**In short.** {summary}
"""


def render(results: Results, larger: Results, points: Sequence[PathPoint]) -> str:
    """Return the page as Markdown.

    Args:
        results: Every case.
        larger: Some of them in the next larger cell.
        points: DFT on paths that the page discusses.
    """
    compared, left = compare(results)
    parts = [
        HEAD.format(summary=_summary(compared, results)),
        "![computed against reported](migration.svg)\n",
        "Lines are reported intervals, hollow marks computed upper bounds.\n",
        *_tables(compared, results),
        *_statistics(compared),
        *_antimony(results),
        *paths.section(results, compared, points),
        *finite_size.section(results, larger),
        *_disagreements(compared),
        *_not_computed(left),
        *_costs(results),
    ]
    return "\n".join(parts) + "\n"


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
    yield "## Comparison with the literature\n"
    yield "≤ marks an upper bound: a hop without a path might give an easier one.\n"
    for group, title in GROUPS.items():
        yield f"### {title}\n"
        listed = [entry for entry in compared if group_of(entry.row) == group]
        if group == "charged":
            yield (
                "The potentials cannot set a charge: their neutral cells stand beside charged "
                "defects here, and agreement or its lack says little.\n"
            )
        if listed:
            yield from _table(listed, results)
        else:
            yield "No statement on an ordered composition says that its defect is neutral.\n"


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


def _statistics(compared: Sequence[Comparison]) -> Iterator[str]:
    compared = [entry for entry in compared if entry.row.references != OWN_DFT]
    yield "## Agreement\n"
    yield (
        "Against the middle of each reported interval. Bounds, reported or computed, and hops by "
        "pvkdb's own DFT are left out. Rank correlation is Spearman's.\n"
    )
    yield from table(
        "potential | statements | of | rank correlation | mean error, eV | mean absolute error, eV"
    )
    for potential in POTENTIALS:
        for group in ("all", *GROUPS):
            yield from _errors(potential, group, pairs_of(compared, potential))
    yield ""
    yield from table("family | potential | statements | mean error, eV")
    by_family: defaultdict[str, list[Comparison]] = defaultdict(list)
    for entry in compared:
        by_family[entry.row.family].append(entry)
    for family, entries in sorted(by_family.items()):
        for potential in POTENTIALS:
            pairs = pairs_of(entries, potential)
            if pairs:
                error = mean(each.computed_ev - each.reported_ev for each in pairs)
                yield f"| {family} | {potential.value} | {len(pairs)} | {error:+.2f} |"
    yield ""


def _errors(
    potential: PotentialName, group: str, pairs: Sequence[CalibrationPair]
) -> Iterator[str]:
    chosen = [each for each in pairs if group in ("all", each.charge)]
    if len(chosen) < LEAST_STATEMENTS:
        return
    errors = [each.computed_ev - each.reported_ev for each in chosen]
    both = [(each.computed_ev, each.reported_ev) for each in chosen]
    rank = float(spearmanr(*zip(*both, strict=True)).statistic)
    found = f"{rank:.2f}", f"{mean(errors):+.2f}", f"{mean(map(abs, errors)):.2f}"
    yield row(potential.value, len(chosen), group, *found)


def _antimony(results: Results) -> Iterator[str]:
    """Compare dimer and layered Cs3Sb2I9 for each direction."""
    cases = {case.phase: case for case in CASES if case.formula == "Cs3Sb2I9"}
    dimer, layered = cases["P6_3/mmc"], cases["P-3m1"]
    yield "## Cs3Sb2I9: dimers against layers\n"
    yield (
        "In the review, the iodide vacancy moves more easily between dimers (0.47 eV) than in "
        "layers (0.57 eV). An order is claimed below only where the gap exceeds the spread of the "
        "potentials.\n"
    )
    yield from table("path | potential | dimer, eV | layered, eV")
    gaps: defaultdict[str, dict[PotentialName, float]] = defaultdict(dict)
    for direction in ("1D", "2D", "3D", "c"):
        for potential in POTENTIALS:
            values = []
            for case in (dimer, layered):
                computed = results.of(case, potential)
                result = computed.result if computed else None
                values.append(None if result is None else result.threshold_ev(direction))
            shown = ["not computed" if value is None else f"{value:.3f}" for value in values]
            yield f"| {direction} | {potential.value} | {shown[0]} | {shown[1]} |"
            if values[0] is not None and values[1] is not None:
                gaps[direction][potential] = values[0] - values[1]
    yield ""
    for direction, found in gaps.items():
        yield f"- {direction}: {verdict(found)}."
    yield ""


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
    yield "## Disagreements\n"
    found = False
    for entry in compared:
        for potential in POTENTIALS:
            if not entry.differs(potential):
                continue
            found = True
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
    if not found:
        yield "Every computed value is within the literature's interval or close to it."
    yield ""


def _not_computed(left: Sequence[tuple[EnergeticsRow, str]]) -> Iterator[str]:
    yield "## Statements without a computed counterpart\n"
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for said, reason in left:
        phase = f" {said.phase}" if said.phase else ""
        by_reason[reason].append(f"{said.material}{phase} {said.defect} ({said.source})")
    for reason, rows in by_reason.items():
        yield f"- {reason}: {', '.join(rows)}."
    yield ""


def _costs(results: Results) -> Iterator[str]:
    yield "## What was computed\n"
    yield from table(
        "case | potential | E_A, eV | 1D / 2D / 3D | again | hops | atoms | calls | CPU, s"
    )
    cases = {case.name: case for case in CASES}
    earlier = False
    for entry in results.computed:
        result = entry.result
        mark = "" if is_current(entry, cases[entry.case]) else " †"
        earlier = earlier or bool(mark)
        name = f"| {entry.case}{mark} | {entry.potential.value} |"
        if result is None:
            yield f"{name} {entry.failure_kind} | {_short(entry.failure)} | | | | | |"
            continue
        ways = " / ".join(_way(result, name) for name in ("1D", "2D", "3D"))
        limiting = result.limiting
        again = "none" if limiting.recheck_failure else _short_ev(limiting.recheck_saddle_ev)
        failed = sum(hop.saddle_ev is None for hop in result.hops)
        hops = f"{len(result.hops)}" + (f", {failed} without a path" if failed else "")
        yield (
            f"{name} {result.e_a_ev:.3f} | {ways} | {again} | "
            f"{hops} | {result.atoms_in_cell} | {result.force_calls:,} | {result.cpu_seconds:.0f} |"
        )
    for case in CASES:
        for potential in case.potentials:
            if results.of(case, potential) is None:
                yield f"| {case.name} | {potential.value} | not run | | | | | | |"
    yield ""
    if earlier:
        yield (
            "†: computed by an earlier version of the search (a lower `BARRIER_RECIPE`); `make "
            "validate` computes it again.\n"
        )
    yield (
        "again: saddle of the limiting hop from a rattled path with two more images, none if "
        "no saddle was found. CPU: "
        "processor time of one process on one thread."
    )


def _way(result: NebResult, direction: str) -> str:
    value = result.threshold_ev(direction)
    return "–" if value is None else f"{value:.3f}"


def _short_ev(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _short(text: str | None) -> str:
    said = (text or "").replace("|", "/")
    return said if len(said) <= 160 else said[:157] + "…"
