"""Tables of calculations and their logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import output, plain, print_field, print_table
from pvkdb.display.numbers import shortened
from pvkdb.display.times import moment, span

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationState, JobDocument
    from pvkdb.store.models.calculations import Calculation

#: Longest message in the list; `pvkdb jobs show` prints it whole.
_SHORT = 48


def print_jobs(found: Sequence[Calculation], counts: Mapping[CalculationState, int]) -> None:
    """Print a list of calculations, and the number in each state."""
    total = sum(counts.values())
    if not total:
        output().print("no calculations")
        return
    print_table(
        "Calculations",
        ("id", "kind", "subject", "state", "tries", "time", "status"),
        [
            (
                entry.id,
                entry.kind,
                plain(_subject(entry)),
                entry.state,
                str(entry.attempts),
                _time(entry),
                plain(_status(entry)),
            )
            for entry in found
        ],
        numeric=("tries", "time"),
        whole=("id", "kind", "state"),
        caption=", ".join(f"{number:,} {state.value}" for state, number in counts.items())
        + (f"; shown: {len(found):,} of {total:,} (--limit)" if len(found) < total else ""),
    )


def print_job(job: JobDocument) -> None:
    """Print everything about one calculation."""
    from pvkdb.schemas.calculations.dynamics import MdResult
    from pvkdb.schemas.calculations.kinds import read_result

    calculation = job.calculation
    print_field("id", calculation.id)
    print_field("kind", calculation.kind)
    print_field("subject", calculation.subject)
    state = calculation.state.value
    if job.cancel_requested_at is not None:
        state += ", stop requested"
    print_field(
        "state", f"{state} (tries: {calculation.attempts}, priority {calculation.priority})"
    )
    if calculation.failure_kind is not None:
        print_field("failure", f"{calculation.failure_kind.value}: {calculation.failure_message}")
    if job.owner is not None:
        lease = "?" if job.lease_until is None else moment(job.lease_until)
        print_field("worker", f"{job.owner}, lease until {lease}")
    if job.progress is not None:
        step = f"{job.progress.stage}, step {job.progress.step}"
        print_field("progress", f"{job.progress.fraction:.0%}: {step}")
    for name, linked in (("waits for", job.depends_on), ("needed by", job.needed_by)):
        for other, other_state in linked.items():
            print_field(name, f"{other} ({other_state.value})")
    long = ("kind", "host", "barriers", "inputs")
    shown = {k: v for k, v in calculation.parameters.items() if k not in long}
    for number, (name, value) in enumerate(shown.items()):
        print_field("" if number else "parameters", f"{name} = {value}")
    if isinstance(found := read_result(calculation.kind, calculation.result), MdResult):
        ends = f"{found.d_min_m2_per_s:.1e} to {found.d_max_m2_per_s:.1e}"
        moved = f"from {found.hops} hops at {found.temperature_k:.0f} K"
        print_field("diffusion", f"{found.d_m2_per_s:.1e} m²/s ({ends}, 95 %), {moved}")
    for file in job.files:
        print_field("file", f"{file.name} ({file.size:,} bytes, sha256 {file.sha256[:12]})")
    output().print()
    for entry in job.log:
        output().print(entry.text, markup=False, soft_wrap=True)


def _subject(entry: Calculation) -> str:
    given = entry.parameters
    parts = [given.get(name) for name in ("formula", "symbol", "phase", "device")]
    named = entry.material_id or " ".join(str(part) for part in parts if part)
    return f"{named} {given.get('potential') or ''}".strip()


def _status(entry: Calculation) -> str:
    """Return the reason for the failure of a calculation, or else its current stage."""
    if entry.failure_kind is not None:
        text = f"{entry.failure_kind}: {entry.failure_message}"
    elif entry.progress is not None:
        text = f"{entry.progress['fraction']:.0%} {entry.progress['stage']}"
    else:
        text = ""
    if entry.cancel_requested_at is not None:
        text = f"stop requested; {text}"
    return shortened(text, _SHORT)


def _time(entry: Calculation) -> str:
    """Return the run time of a calculation; if it is queued, the time that it has waited."""
    now = datetime.now(UTC)
    if entry.started_at is not None and entry.state != "queued":
        return span(((entry.finished_at or now) - entry.started_at).total_seconds())
    return span((now - entry.created_at).total_seconds())
