"""Tables of screening runs: the list, one run, and differences from the previous run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import output, plain, print_field, print_table
from pvkdb.display.numbers import shortened
from pvkdb.display.times import minute, span

if TYPE_CHECKING:
    from pvkdb.schemas.runs import RunDocument

#: Most rows of differences; --json has all.
_MOST = 20
#: Longest plan name and longest reason of a failure in the list.
_SHORT = 24


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
        output().print(f"No difference from {since}.", markup=False)
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
