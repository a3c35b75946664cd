"""Tables of screenings: plans, previews, reports, and recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pvkdb.cli.output.console import messages, output, plain, print_field, print_lines, print_table
from pvkdb.display.numbers import shortened
from pvkdb.display.times import minute, span

if TYPE_CHECKING:
    from pvkdb.schemas.runs import RunDocument
    from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport, StageCount
    from pvkdb.store.runs.report.columns import ReportColumn
    from pvkdb_pipelines.screening.funnel import Preview
    from pvkdb_pipelines.screening.plan.plan import Plan

#: Most rows of long tables; the report has all.
MAX_CANDIDATES, MAX_REASONS = 30, 10
#: Most rows of differences; --json has all.
_MOST = 20
#: Longest plan name and longest reason of a failure in the list.
_SHORT = 24


def print_plans(plans: Iterable[Mapping[str, Any]]) -> None:
    """Print a table of the shipped plans."""
    print_table(
        "Shipped plans",
        ["plan", "title", "compositions", "potential", "last stage"],
        [
            [
                plan["name"],
                plain(plan["title"]),
                f"{plan['compositions']:,}",
                plan["potential"],
                plan["stop_after"],
            ]
            for plan in plans
        ],
        numeric=("compositions",),
        whole=("plan", "potential", "last stage"),
        caption="Run a plan: pvkdb screen PLAN. Preview it: pvkdb screen PLAN --dry-run",
    )


def print_preview(plan: Plan, preview: Preview) -> None:
    """Print what a plan would compute."""
    _heading(f"{plan.title}, with {plan.potential}, up to {plan.stop_after}")
    print_table(
        "Compositions",
        ["type", "compositions"],
        [[name, f"{count:,}"] for name, count in plan.numbers().items()],
        numeric=("compositions",),
    )
    _print_stages("Stages without calculations", preview.stages)
    for stage, conditions in plan.filters.items():
        print_lines([f"filters after {stage}: {', '.join(map(str, conditions))}"])
    print_lines([_required_work(plan, preview)])
    if preview.no_prototype:
        reasons = [f"{name}: {reason}" for name, reason in preview.no_prototype.items()]
        if (more := len(reasons) - MAX_REASONS) > 0:
            reasons[MAX_REASONS:] = [f"and {more:,} more; --json has all"]
        remedy = "barriers of such a crystal, from its CIF: pvkdb neb FORMULA --from FILE"
        print_lines(["not relaxed:", *reasons, remedy])
    messages().print("dry run: nothing was computed or written")


def _required_work(plan: Plan, preview: Preview) -> str:
    if preview.relaxations:
        left, took = preview.relaxations - preview.held, dict(preview.core_seconds)
        relaxations = (
            f"{preview.relaxations:,} relaxations: {preview.held:,} in the store, "
            f"{left:,} to compute, about {span(took.pop('relax', 0))} on one core"
        )
        words = {"vacancy": "vacancies", "estimate": "estimated barriers", "neb": "barriers"}
        later = ", ".join(f"{words[kind]} about {span(s)}" for kind, s in took.items())
        then = (
            f"\nthen, of {preview.candidates:,} candidates at most and without those in the store: "
        )
        return relaxations + (later and then + later)
    if plan.stop_after == preview.stages[-1].stage:
        return f"no relaxations: the plan stops after {plan.stop_after}"
    return "no relaxations: no accepted composition has a prototype"


def print_report(report: ScreeningReport) -> None:
    """Print the funnel, the reasons for rejections, and the accepted candidates."""
    _heading(f"{report.title}, with {report.potential}")
    _print_stages("Funnel", report.stages)
    print_lines([_cost(report)])
    _print_reasons(report)
    _print_candidates(report)


def _heading(text: str) -> None:
    output().print(text, markup=False, style="bold", end="\n\n")


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
    from pvkdb.store.runs.screening_reports import fall_reasons

    reasons = sorted(fall_reasons(report), key=lambda each: -each.count)
    if not reasons:
        return
    more = len(reasons) - MAX_REASONS
    print_table(
        "Reasons for rejections",
        ["stage", "kind", "reason", "candidates", "examples"],
        [
            [each.stage, each.kind, plain(each.reason), f"{each.count:,}", " ".join(each.formulas)]
            for each in reasons[:MAX_REASONS]
        ],
        numeric=("candidates",),
        whole=("stage", "kind"),
        caption=f"More reasons in the report: {more:,}" if more > 0 else None,
    )


def _print_candidates(report: ScreeningReport) -> None:
    from pvkdb.store.runs.screening_reports import ranked

    listed = ranked(report)
    if survivors := [candidate for candidate in listed if candidate.fall is None]:
        _print_list("Candidates that passed every stage", survivors)
    else:
        messages().print("no candidate passed every stage")
    if others := [each for each in listed if each.fall and each.stability]:
        _print_list("Stability of rejected candidates", others)


def _print_list(title: str, candidates: list[ScreenedCandidate]) -> None:
    from pvkdb.schemas.calculations.reliability import barrier_error
    from pvkdb.store.runs.report.columns import COLUMNS

    shown = candidates[:MAX_CANDIDATES]
    # A plan that stops early has no numbers of later stages: leave their columns out.
    columns = {
        column: cells
        for column in COLUMNS
        if column.short and any(cells := [_cell(column, candidate) for candidate in shown])
    }
    more = f"{len(candidates) - len(shown):,} more are in the report. "
    known = [each for each in columns if each.path not in ("formula", "type", "doubts")]
    meanings = [f"{c.short}: {c.meaning}{', ' * bool(c.unit)}{c.unit}." for c in known]
    if any(each.path == "doubts" for each in columns):
        meanings.append(_CHECK)
    if migration := shown[0].migration:
        potential = migration.outcomes[0].potential
        meanings.append(f"Measured error of E_A with {potential}: {barrier_error(potential)}.")
    print_table(
        title,
        [column.short for column in columns],
        zip(*columns.values(), strict=True),
        numeric=[column.short for column in columns if column.better],
        whole=[column.short for column in columns if column.path != "formula"],
        caption=more * (len(candidates) > len(shown)) + " ".join(meanings),
    )


def _cell(column: ReportColumn, candidate: ScreenedCandidate) -> str:
    value = column.value(candidate)
    if column.path == "migration.outcomes":
        return f"{value[0].dimensionality}D" if value else ""
    if column.path == "doubts":
        return "".join(dict.fromkeys(doubt[0] for doubt in value))
    return str(value or "") if column.digits is None else column.text(candidate)


_CHECK = (
    "check: n, negative formation energy; l, low barrier (below 0.05 eV); h, the host changed its "
    "phase; p, the columns are of different phases; the report has details."
)


def print_runs(runs: Sequence[RunDocument], total: int) -> None:
    """Print the list of runs, newest first."""
    if not runs:
        output().print("no runs; start one with: pvkdb screen PLAN")
        return
    print_table(
        "Runs of screenings",
        ("run", "plan", "time (UTC)", "by", "state", "took", "passed", "computed", "differences"),
        [
            (
                str(run.id),
                plain(shortened(run.plan, _SHORT)),
                minute(run.fire_time),
                "schedule" if run.scheduled else "user",
                run.state.value,
                "" if run.duration_s is None else span(run.duration_s),
                "" if run.counts is None else f"{run.counts.passed:,}/{run.counts.compositions:,}",
                "" if run.counts is None else f"{run.counts.computed:,}",
                plain(shortened(_outcome(run), _SHORT)),
            )
            for run in runs
        ],
        numeric=("run", "took", "passed", "computed"),
        whole=("time (UTC)", "by", "state"),
        caption=(f"shown: {len(runs):,} of {total:,} (--limit). " if len(runs) < total else "")
        + "Show one run: pvkdb report RUN",
    )


def print_run(run: RunDocument) -> None:
    """Print the record of one run."""
    by = "a schedule" if run.scheduled else "a user"
    print_field("run", f"{run.id} of {run.plan}, started by {by}")
    print_field("time", f"{minute(run.fire_time)} UTC")
    took = "" if run.duration_s is None else f", took {span(run.duration_s)}"
    tries = "" if run.attempts < 2 else f" (tries: {run.attempts})"
    print_field("state", f"{run.state.value}{tries}, started {minute(run.started_at)} UTC{took}")
    if run.failure is not None:
        print_field("failure", run.failure)
    if run.counts is not None:
        counts = run.counts
        print_field(
            "calculations",
            f"{counts.calculations:,}, of which {counts.computed:,} were new to the store and "
            f"{counts.failed:,} failed",
        )
    if run.webhook is not None:
        print_field("webhook", run.webhook)
    output().print()


def print_differences(run: RunDocument) -> None:
    """Print the differences from the previous run; nothing for the first run of a plan."""
    found = run.differences
    if found is None:
        return
    rows = [
        *(("new", entry.formula, "", _rank(entry.rank), "") for entry in found.new),
        *(("lost", entry.formula, _rank(entry.before), "", entry.reason) for entry in found.lost),
        *(
            ("moved", entry.formula, _rank(entry.before), _rank(entry.after), "")
            for entry in found.moved
        ),
    ]
    other = ["a different plan text"] if found.plan_changed else []
    if found.version_before is not None:
        other.append(f"pvkdb {found.version_before}")
    since = f"run {found.since}{' with ' + ' and '.join(other) if other else ''}"
    if not rows:
        print_lines([f"No difference from {since}."])
        return
    more = len(rows) - _MOST
    print_table(
        f"Differences from {since}",
        ("", "formula", "rank before", "rank now", "why"),
        [tuple(plain(cell) for cell in row) for row in rows[:_MOST]],
        numeric=("rank before", "rank now"),
        whole=("", "formula"),
        caption=f"{more:,} more with --json" if more > 0 else None,
    )


def _outcome(run: RunDocument) -> str:
    if run.failure is not None:
        return run.failure
    if run.state.value != "done":
        return ""
    return "first run" if run.differences is None else run.differences.words


def _rank(rank: int | None) -> str:
    return "" if rank is None else str(rank)
