"""Runs of screenings in the store: begin, hold, end and look them up.

A run belongs to one process at a time. Before a new run begins, runs of the plan whose process is
gone are marked as interrupted; they may be resumed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError, NotFoundError, PvkdbError
from pvkdb.schemas.runs import Differences, RunCounts, RunDocument, RunState
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.base import DatabaseTime, utc_now
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.screenings import ScreeningRun, ScreeningSchedule
from pvkdb.store.models.summaries import CompositionStability
from pvkdb.store.rows.from_models import document_of

#: Duration of a run without a heartbeat, if its process cannot be checked from here.
RUN_LEASE = timedelta(minutes=5)

#: Number of lost processes after which a run is recorded as failed.
MAX_LOST = 3

#: Most digits of the number of a run, which fit its column.
_MOST_DIGITS = 9

_RUNNING, _INTERRUPTED = RunState.RUNNING.value, RunState.INTERRUPTED.value


class RunLostError(PvkdbError):
    """The run no longer belongs to this process, so its outcome was not written."""


def begin(
    session: Session,
    plan: str,
    fire_time: datetime,
    owner: str,
    is_alive: Callable[[str], bool | None],
    *,
    scheduled: bool,
) -> ScreeningRun | None:
    """Begin the run of a plan for a time, or resume the interrupted one.

    Args:
        session: A session that may write.
        plan: Name of the plan.
        fire_time: Time of the run.
        owner: Process that runs it.
        is_alive: whether an owner is alive; None if this cannot be determined here.
        scheduled: Whether a schedule begins it; such runs of a plan never overlap.

    Returns:
        The run, or None if this time has a run already or, for a schedule, an earlier run is not
        finished.
    """
    _interrupt_lost(session, plan, is_alive)
    held: dict[str, Any] = {
        "state": _RUNNING,
        "owner": owner,
        "lease_until": DatabaseTime(RUN_LEASE),
        "scheduled": scheduled,
    }
    try:
        with session.begin_nested():
            run = ScreeningRun(plan=plan, fire_time=fire_time, **held)
            session.add(run)
    except IntegrityError:  # a run of the same time, or one that is not finished
        pass
    else:
        return run
    try:
        with session.begin_nested():
            taken_up: ScreeningRun | None = session.scalar(
                update(ScreeningRun)
                .where(
                    ScreeningRun.plan == plan,
                    ScreeningRun.fire_time == fire_time,
                    ScreeningRun.state == _INTERRUPTED,
                )
                .values(
                    **held,
                    attempts=ScreeningRun.attempts + 1,
                    started_at=utc_now(),
                    finished_at=None,
                    failure=None,
                )
                .returning(ScreeningRun)
            )
    except IntegrityError:  # another run of the plan is not finished
        return None
    return taken_up


def renew(session: Session, run_id: int, owner: str) -> bool:
    """Renew the lease of a run; False if it no longer belongs to the owner."""
    renewed = session.scalar(
        update(ScreeningRun)
        .where(*_held(run_id, owner))
        .values(lease_until=DatabaseTime(RUN_LEASE))
        .returning(ScreeningRun.id)
    )
    return renewed is not None


def finish(
    session: Session,
    run_id: int,
    owner: str,
    report: str,
    counts: RunCounts,
    differences: Differences | None,
) -> ScreeningRun:
    """Write the report of a run, as JSON.

    Raises:
        RunLostError: the run belongs to another process now; nothing is written.
    """
    ended = _end(
        session,
        run_id,
        owner,
        RunState.DONE,
        report=zlib.compress(report.encode()),
        counts=counts.model_dump(mode="json"),
        differences=None if differences is None else differences.model_dump(mode="json"),
    )
    keep_stabilities(session, ended)
    return ended


def counts_of(report: ScreeningReport, computed: int) -> RunCounts:
    """Return the counts of a report; ``computed`` calculations were not in the store before."""
    return RunCounts(
        compositions=len(report.candidates),
        passed=sum(candidate.fall is None for candidate in report.candidates),
        calculations=sum(report.calculations.values()),
        computed=computed,
        failed=sum(report.failed.values()),
        core_hours=report.core_hours,
    )


def keep_stabilities(session: Session, run: ScreeningRun) -> None:
    """Store the energies above the hull of a run's report, in place of earlier ones.

    Compositions that the store lacks are left out, and reports that this version cannot read.
    """
    found = {}
    try:
        report = ScreeningReport.model_validate_json(report_of(run) or "")
    except ValidationError:
        return
    for candidate in report.candidates:
        energy = candidate.stability and candidate.stability.above_hull_ev_per_atom
        if energy is not None:
            with suppress(InputError):
                found[parse_composition(candidate.formula).formula] = energy
    source = f"screening {run.id}, {report.potential}"
    held = select(Composition.id, Composition.formula).where(Composition.formula.in_(found))
    for key, formula in session.execute(held).all():
        values = {"above_hull_ev_per_atom": found[formula], "source": source}
        session.merge(CompositionStability(composition_id=key, **values))


def renew_stabilities(session: Session) -> None:
    """Store the energies above the hull of all reports again, those of the newest last."""
    done = select(ScreeningRun).where(ScreeningRun.state == RunState.DONE.value)
    for run in session.scalars(done.order_by(ScreeningRun.finished_at, ScreeningRun.id)):
        keep_stabilities(session, run)


def fail(session: Session, run_id: int, owner: str, failure: str) -> ScreeningRun:
    """Record the failure of a run.

    Raises:
        RunLostError: as of :func:`finish`.
    """
    return _end(session, run_id, owner, RunState.FAILED, failure=failure)


def interrupt(session: Session, run_id: int, owner: str) -> ScreeningRun:
    """Record that a run was stopped from outside, which does not count as an attempt.

    Raises:
        RunLostError: as of :func:`finish`.
    """
    return _end(session, run_id, owner, RunState.INTERRUPTED, attempts=ScreeningRun.attempts - 1)


def note_webhook(session: Session, run_id: int, outcome: str) -> None:
    """Record the outcome of the webhook of a run."""
    session.execute(update(ScreeningRun).where(ScreeningRun.id == run_id).values(webhook=outcome))


def report_of(run: ScreeningRun) -> str | None:
    """Return the report of a run as JSON, None if it has none or a damaged one."""
    return unpacked(run.report or b"")


def unpacked(report: bytes) -> str | None:
    """Return a stored report as JSON, None if it is empty or damaged."""
    with suppress(zlib.error, UnicodeDecodeError):
        return zlib.decompress(report).decode()
    return None


def run_before(session: Session, plan: str, run_id: int) -> ScreeningRun | None:
    """Return the latest other run of a plan with a report."""
    return session.scalar(
        select(ScreeningRun)
        .where(
            ScreeningRun.plan == plan,
            ScreeningRun.id != run_id,
            ScreeningRun.state == RunState.DONE.value,
        )
        .order_by(ScreeningRun.finished_at.desc(), ScreeningRun.id.desc())
        .limit(1)
    )


def last_fire_time(session: Session, plan: str) -> datetime | None:
    """Return the latest time with a scheduled run, interrupted runs aside."""
    return session.scalar(
        select(ScreeningRun.fire_time)
        .where(
            ScreeningRun.plan == plan, ScreeningRun.scheduled, ScreeningRun.state != _INTERRUPTED
        )
        .order_by(ScreeningRun.fire_time.desc())
        .limit(1)
    )


def known_since(session: Session, plan: str, expression: str, now: datetime) -> datetime:
    """Return since when a plan has been scheduled by an expression; now if it is a new one."""
    known = session.get(ScreeningSchedule, plan)
    if known is None:
        try:
            with session.begin_nested():
                session.add(ScreeningSchedule(plan=plan, expression=expression, since=now))
        except IntegrityError:  # another scheduler has written it
            return session.get_one(ScreeningSchedule, plan).since
        return now
    if known.expression != expression:
        known.expression, known.since = expression, now
    return known.since


def find_run(session: Session, name: str) -> ScreeningRun:
    """Return a run by its id, or the newest run of a plan by the name of the plan.

    Raises:
        NotFoundError: no run matches.
    """
    numbered = name.isascii() and name.isdecimal() and len(name) <= _MOST_DIGITS
    found = session.get(ScreeningRun, int(name)) if numbered else None
    if found is None:
        newest = select(ScreeningRun).where(ScreeningRun.plan == name)
        found = session.scalar(newest.order_by(ScreeningRun.id.desc()).limit(1))
    if found is None:
        raise NotFoundError(
            f"no run has the id {name!r}, and no plan of this name was run; list the runs with: "
            "pvkdb report"
        )
    return found


def listed(
    session: Session,
    limit: int,
    *,
    plan: str | None = None,
    state: RunState | None = None,
    before: int | None = None,
) -> tuple[list[ScreeningRun], int]:
    """Return the newest runs, and the number of all.

    Args:
        session: A session.
        limit: Most runs.
        plan: Only runs of the plan with this name.
        state: Only those in this state.
        before: Only those with a smaller id, for the next page; the count ignores it.
    """
    wanted = select(ScreeningRun)
    if plan is not None:
        wanted = wanted.where(ScreeningRun.plan == plan)
    if state is not None:
        wanted = wanted.where(ScreeningRun.state == state.value)
    total = session.scalar(wanted.with_only_columns(func.count(ScreeningRun.id)))
    if before is not None:
        wanted = wanted.where(ScreeningRun.id < before)
    newest = wanted.order_by(ScreeningRun.id.desc()).limit(limit)
    return list(session.scalars(newest)), total or 0


def run_document(run: ScreeningRun) -> RunDocument:
    """Return the document of a run."""
    ended = run.finished_at
    duration = None if ended is None else round((ended - run.started_at).total_seconds(), 3)
    return document_of(RunDocument, run, duration_s=duration)


def _interrupt_lost(session: Session, plan: str, is_alive: Callable[[str], bool | None]) -> None:
    now = utc_now()
    running = select(ScreeningRun, ScreeningRun.lease_until < DatabaseTime()).where(
        ScreeningRun.plan == plan, ScreeningRun.state == _RUNNING
    )
    for run, over in session.execute(running.with_for_update(skip_locked=True)).all():
        alive = is_alive(run.owner or "")
        if alive or (alive is None and over is False):
            continue
        given_up = run.attempts >= MAX_LOST
        run.state = RunState.FAILED.value if given_up else _INTERRUPTED
        run.failure = f"its process was lost ({run.attempts} of {MAX_LOST} times)"
        run.owner, run.lease_until, run.finished_at = None, None, now
    session.flush()


def _held(run_id: int, owner: str) -> tuple[Any, ...]:
    return (ScreeningRun.id == run_id, ScreeningRun.owner == owner, ScreeningRun.state == _RUNNING)


def _end(session: Session, run_id: int, owner: str, state: RunState, **values: Any) -> ScreeningRun:
    ended: ScreeningRun | None = session.scalar(
        update(ScreeningRun)
        .where(*_held(run_id, owner))
        .values(state=state.value, owner=None, lease_until=None, finished_at=utc_now(), **values)
        .returning(ScreeningRun)
        .execution_options(populate_existing=True)
    )
    if ended is None:
        raise RunLostError(
            f"run {run_id} is no longer held by {owner}: another process has resumed it"
        )
    return ended
