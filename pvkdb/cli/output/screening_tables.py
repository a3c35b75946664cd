"""What ``pvkdb screen`` prints: plans, previews, the funnel, reasons, and who is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from pvkdb.cli.output.console import messages, output, print_table
from pvkdb.display.numbers import decimals, milli

if TYPE_CHECKING:
    from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport, StageCount
    from pvkdb_pipelines.screening.funnel import Preview
    from pvkdb_pipelines.screening.plan.plan import Plan

#: Rows of a table that may be long; the report has all.
MAX_CANDIDATES, MAX_REASONS = 20, 10


def print_plans(plans: Mapping[str, Plan]) -> None:
    """The shipped plans."""
    print_table(
        "Plans that come with pvkdb",
        ["plan", "title", "compositions", "potential", "up to"],
        [
            [
                name,
                _plain(plan.title),
                f"{len(plan.candidates()):,}",
                plan.potential.value,
                plan.stop_after,
            ]
            for name, plan in plans.items()
        ],
        numeric=("compositions",),
        whole=("plan", "potential", "up to"),
        caption="Run one with: pvkdb screen PLAN; what it would do: pvkdb screen PLAN --dry-run",
    )


def compositions_by_type(plan: Plan) -> dict[str, int]:
    """How many compositions a plan makes of each type, in its order."""
    made = Counter(candidate.type for candidate in plan.candidates())
    return {name: made[name] for name in plan.types}


def print_preview(plan: Plan, preview: Preview) -> None:
    """What a plan would do."""
    _heading(f"{plan.title}, with {plan.potential.value}, up to {plan.stop_after}")
    print_table(
        "Compositions",
        ["type", "compositions"],
        [[name, f"{count:,}"] for name, count in compositions_by_type(plan).items()],
        numeric=("compositions",),
    )
    _print_stages("Before anything is computed", preview.stages)
    for stage, conditions in plan.filters.items():
        _say(f"{stage} asks for {', '.join(map(str, conditions))}")
    _say(_work_ahead(plan, preview))
    messages().print("dry run: nothing was computed or written")


def _work_ahead(plan: Plan, preview: Preview) -> str:
    if preview.relaxations:
        left = preview.relaxations - preview.held
        return (
            f"{preview.relaxations:,} relaxations: {preview.held:,} in the store, "
            f"{left:,} to compute"
        )
    if plan.stop_after == preview.stages[-1].stage:
        return f"no relaxations: the plan stops after {plan.stop_after}"
    return "no relaxations: nothing passes that a prototype can hold"


def print_report(report: ScreeningReport) -> None:
    """The funnel, why candidates fell, and who is left."""
    _heading(f"{report.title}, with {report.potential}")
    _print_stages("Funnel", report.stages)
    _say(_cost(report))
    _print_reasons(report)
    _print_survivors(report)


def _heading(text: str) -> None:
    output().print(text, markup=False, style="bold", end="\n\n")


def _say(text: str) -> None:
    output().print(text, markup=False)


def _print_stages(title: str, stages: list[StageCount]) -> None:
    from pvkdb.schemas.screening import FallKind

    fell = [kind for kind in get_args(FallKind) if any(stage.fell.get(kind) for stage in stages)]
    numbers = ("entered", "passed", *fell)
    print_table(
        title,
        ["stage", *numbers],
        [
            [
                stage.stage,
                f"{stage.entered:,}",
                f"{stage.passed:,}",
                *(f"{stage.fell.get(kind, 0):,}" for kind in fell),
            ]
            for stage in stages
        ],
        numeric=numbers,
        whole=("stage",),
    )


def _cost(report: ScreeningReport) -> str:
    counted = ", ".join(f"{count:,} {kind}" for kind, count in report.calculations.items())
    failed = sum(report.failed.values())
    calls = sum(report.force_calls.values())
    return (
        f"Calculations: {counted or 'none'}; {failed:,} failed; {calls:,} force calls, "
        f"{report.core_hours:.2f} core-hours."
    )


def _print_reasons(report: ScreeningReport) -> None:
    falls = [candidate.fall for candidate in report.candidates if candidate.fall]
    if not falls:
        return
    counts = Counter((fall.stage, fall.kind, fall.reason) for fall in falls)
    more = len(counts) - MAX_REASONS
    print_table(
        "Why candidates fell",
        ["stage", "kind", "reason", "candidates"],
        [
            [stage, kind, _plain(reason), f"{count:,}"]
            for (stage, kind, reason), count in counts.most_common(MAX_REASONS)
        ],
        numeric=("candidates",),
        whole=("stage", "kind"),
        caption=f"{more:,} more reasons are in the report." if more > 0 else None,
    )


def _print_survivors(report: ScreeningReport) -> None:
    from pvkdb.store.runs.screening_reports import ranked

    survivors = [candidate for candidate in ranked(report) if candidate.fall is None]
    if not survivors:
        messages().print("no candidate passed every stage")
        return
    shown = survivors[:MAX_CANDIDATES]
    # A plan that stops early has no numbers of later stages: no empty columns for them.
    columns = {
        name: cells
        for name, cell in _COLUMNS.items()
        if any(cells := [cell(candidate) for candidate in shown])
    }
    more = len(survivors) - len(shown)
    print_table(
        "Who passed every stage",
        list(columns),
        zip(*columns.values(), strict=True),
        numeric=_NUMERIC,
        whole=[name for name in columns if name != "formula"],
        caption=(f"{more:,} more are in the report. " if more else "") + _meaning(columns),
    )


def _meaning(columns: Iterable[str]) -> str:
    return " ".join(_MEANINGS[name] for name in columns if name in _MEANINGS)


def _rank(candidate: ScreenedCandidate) -> str:
    return "" if candidate.rank is None else str(candidate.rank)


def _tau(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.tau, 2) if candidate.tolerance else ""


def _probability(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.p_perovskite, 2) if candidate.tolerance else ""


def _ground_state(candidate: ScreenedCandidate) -> str:
    return (candidate.stability.ground_state or "") if candidate.stability else ""


def _above(candidate: ScreenedCandidate) -> str:
    stability = candidate.stability
    return milli(stability.perovskite_above_ground_state_ev_per_atom) if stability else ""


def _decomposition(candidate: ScreenedCandidate) -> str:
    return milli(candidate.stability.decomposition_ev_per_atom) if candidate.stability else ""


def _x_poor(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.vacancy.x_poor_ev, 2) if candidate.vacancy else ""


def _x_rich(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.vacancy.x_rich_ev, 2) if candidate.vacancy else ""


def _e_a(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.migration.e_a_ev, 2) if candidate.migration else ""


def _spread(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.migration.e_a_spread_ev, 2) if candidate.migration else ""


def _limited(candidate: ScreenedCandidate) -> str:
    if candidate.migration is None:
        return ""
    return f"{candidate.migration.outcomes[0].dimensionality}D"


def _plain(text: str) -> str:
    """Text from a plan, which may hold what rich would take for markup."""
    from rich.markup import escape

    return escape(text)


#: The columns of the survivors, each with what it takes from a candidate.
_COLUMNS: dict[str, Callable[[ScreenedCandidate], str]] = {
    "rank": _rank,
    "formula": lambda candidate: candidate.formula,
    "type": lambda candidate: candidate.type,
    "tau": _tau,
    "p": _probability,
    "phase": _ground_state,
    "above": _above,
    "decomp.": _decomposition,
    "E_f poor": _x_poor,
    "E_f rich": _x_rich,
    "E_A": _e_a,
    "±": _spread,
    "in": _limited,
}
_NUMERIC = ("rank", "tau", "p", "above", "decomp.", "E_f poor", "E_f rich", "E_A", "±")
_MEANINGS = {
    "p": "p: probability of a perovskite.",
    "phase": "phase: the lowest of those relaxed.",
    "above": "above: lowest perovskite phase above that, meV/atom.",
    "decomp.": "decomp.: energy that decomposing costs, meV/atom.",
    "E_f poor": "E_f: formation energy of the neutral halide vacancy, halide-poor and -rich, eV.",
    "E_A": "E_A: bottleneck of the vacancy's easiest path, eV.",
    "±": "±: spread over the potentials, eV.",
    "in": "in: dimensions in which it leads on.",
}
