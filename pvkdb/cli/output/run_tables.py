"""How runs of screenings look on a terminal: the list, one run, what is different from before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import output, print_table
from pvkdb.display.numbers import shortened
from pvkdb.display.times import minute, span

if TYPE_CHECKING:
    from pvkdb.schemas.runs import RunDocument

#: Rows of differences that are shown; --json has all.
_MOST = 20
#: A plan's name, or why a run failed, is cut to this many characters in the list.
_SHORT = 24


def print_runs(runs: Sequence[RunDocument], total: int) -> None:
    """The list of runs, the newest first."""
    from rich.markup import escape

    if not runs:
        output().print("no runs; make one with: pvkdb screen PLAN")
        return
    print_table(
        "Runs of screenings",
        ("run", "plan", "for (UTC)", "by", "state", "took", "passed", "computed", "differences"),
        [
            (
                str(run.id),
                escape(shortened(run.plan, _SHORT)),
                minute(run.fire_time),
                "schedule" if run.scheduled else "user",
                run.state.value,
                "" if run.duration_s is None else span(run.duration_s),
                "" if run.counts is None else f"{run.counts.passed:,}/{run.counts.compositions:,}",
                "" if run.counts is None else f"{run.counts.computed:,}",
                escape(shortened(_found(run), _SHORT)),
            )
            for run in runs
        ],
        numeric=("run", "took", "passed", "computed"),
        whole=("for (UTC)", "by", "state"),
        caption=(f"shown: {len(runs):,} of {total:,} (--limit). " if len(runs) < total else "")
        + "One of them: pvkdb report RUN",
    )


def print_run(run: RunDocument) -> None:
    """What the ledger says of one run."""
    console = output()

    def line(name: str, text: str) -> None:
        console.print(f"{name:<12} {text}", markup=False, soft_wrap=True)

    line("run", f"{run.id} of {run.plan}, asked for by {'a schedule' if run.scheduled else 'hand'}")
    line("for", f"{minute(run.fire_time)} UTC")
    took = "" if run.duration_s is None else f", took {span(run.duration_s)}"
    tries = "" if run.attempts < 2 else f" (tries: {run.attempts})"
    line("state", f"{run.state.value}{tries}, begun {minute(run.started_at)} UTC{took}")
    if run.failure is not None:
        line("failure", run.failure)
    if run.counts is not None:
        counts = run.counts
        line(
            "calculations",
            f"{counts.calculations:,}, of which {counts.computed:,} were not in the store yet and "
            f"{counts.failed:,} failed",
        )
    if run.webhook is not None:
        line("webhook", run.webhook)
    console.print()


def print_differences(run: RunDocument) -> None:
    """What a run found that the run before did not; nothing for the first one."""
    from rich.markup import escape

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
    other = ["with another text of the plan"] if found.plan_changed else []
    if found.version_before is not None:
        other.append(f"with pvkdb {found.version_before}")
    since = f"run {found.since}{', ' + ' and '.join(other) if other else ''}"
    if not rows:
        output().print(f"No difference from {since}.", markup=False)
        return
    more = len(rows) - _MOST
    print_table(
        f"Different from {since}",
        ("", "formula", "rank before", "rank now", "why"),
        [tuple(escape(cell) for cell in row) for row in rows[:_MOST]],
        numeric=("rank before", "rank now"),
        whole=("", "formula"),
        caption=f"{more:,} more: --json" if more > 0 else None,
    )


def _found(run: RunDocument) -> str:
    if run.failure is not None:
        return run.failure
    if run.state.value != "done":
        return ""
    return "first run" if run.differences is None else run.differences.words


def _rank(rank: int | None) -> str:
    return "" if rank is None else str(rank)
