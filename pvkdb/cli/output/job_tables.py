"""How calculations and their logs look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import output, print_table
from pvkdb.display.numbers import shortened
from pvkdb.display.times import moment, span

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationState, JobDocument
    from pvkdb.store.models.calculations import Calculation

#: A message in a list is cut to this many characters; `pvkdb jobs show` has the whole.
_SHORT = 48


def print_jobs(found: Sequence[Calculation], counts: Mapping[CalculationState, int]) -> None:
    """A list of calculations, and how many there are in each state."""
    from rich.markup import escape

    total = sum(counts.values())
    if not total:
        output().print("no calculations")
        return
    print_table(
        "Calculations",
        ("id", "kind", "of", "state", "tries", "time", "what"),
        [
            (
                entry.id,
                entry.kind,
                escape(_subject(entry)),
                entry.state,
                str(entry.attempts),
                _time(entry),
                escape(_what(entry)),
            )
            for entry in found
        ],
        numeric=("tries", "time"),
        whole=("id", "kind", "state"),
        caption=", ".join(f"{number:,} {state.value}" for state, number in counts.items())
        + (f"; shown: {len(found):,} of {total:,} (--limit)" if len(found) < total else ""),
    )


def print_job(job: JobDocument) -> None:
    """One calculation with everything that is known of it."""
    calculation = job.calculation
    console = output()

    def line(name: str, text: str) -> None:
        console.print(f"{name:<12} {text}", markup=False, soft_wrap=True)

    line("id", calculation.id)
    line("kind", calculation.kind)
    line("of", calculation.subject)
    state = calculation.state.value
    if job.cancel_requested_at is not None:
        state += ", asked to stop"
    line("state", f"{state} (tries: {calculation.attempts}, priority {calculation.priority})")
    if calculation.failure_kind is not None:
        line("failure", f"{calculation.failure_kind.value}: {calculation.failure_message}")
    if job.owner is not None:
        lease = "?" if job.lease_until is None else moment(job.lease_until)
        line("worker", f"{job.owner}, lease until {lease}")
    if job.progress is not None:
        step = f"{job.progress.stage}, step {job.progress.step}"
        line("progress", f"{job.progress.fraction:.0%}: {step}")
    for name, linked in (("waits for", job.depends_on), ("needed by", job.needed_by)):
        for other, other_state in linked.items():
            line(name, f"{other} ({other_state.value})")
    shown = {k: v for k, v in calculation.parameters.items() if k not in ("kind", "host")}
    for number, (name, value) in enumerate(shown.items()):
        line("" if number else "parameters", f"{name} = {value}")
    for file in job.files:
        line("file", f"{file.name} ({file.size:,} bytes, sha256 {file.sha256[:12]})")
    console.print()
    for entry in job.log:
        console.print(entry.text, markup=False, soft_wrap=True)


def _subject(entry: Calculation) -> str:
    given = entry.parameters
    parts = [given.get(name) for name in ("formula", "symbol", "phase")]
    named = entry.material_id or " ".join(str(part) for part in parts if part)
    return f"{named} {given.get('potential') or ''}".strip()


def _what(entry: Calculation) -> str:
    """Why it failed, or what it does now."""
    if entry.failure_kind is not None:
        text = f"{entry.failure_kind}: {entry.failure_message}"
    elif entry.progress is not None:
        text = f"{entry.progress['fraction']:.0%} {entry.progress['stage']}"
    else:
        text = ""
    if entry.cancel_requested_at is not None:
        text = f"asked to stop; {text}"
    return shortened(text, _SHORT)


def _time(entry: Calculation) -> str:
    """How long it has run, ran, or has waited."""
    now = datetime.now(UTC)
    if entry.started_at is not None and entry.state != "queued":
        return span(((entry.finished_at or now) - entry.started_at).total_seconds())
    return span((now - entry.created_at).total_seconds())
