"""Runs of screenings in the ledger: begun once, held while they run, ended once, looked up.

A run belongs to one process at a time. Whoever begins one first looks after those of the plan
whose process is gone: they are interrupted, and their time may be taken up again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, PvkdbError
from pvkdb.schemas.runs import Differences, RunCounts, RunDocument, RunState
from pvkdb.store.base import utc_now
from pvkdb.store.models.screenings import ScreeningRun, ScreeningSchedule

#: How long a run is held without a heartbeat, where nobody can see whether its process lives.
RUN_LEASE = timedelta(minutes=5)

#: A run whose process was lost this often is recorded as failed.
MAX_LOST = 3

#: Digits of a run's number; more would not fit its column.
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
    """Begin the run of a plan for a time, or take up the one that was interrupted.

    Args:
        session: A session that may write.
        plan: Name of the plan.
        fire_time: For which it was asked.
        owner: Who runs it.
        is_alive: says of an owner whether it lives; None where that cannot be told from here.
        scheduled: Whether a schedule asks; such runs of a plan never overlap.

    Returns:
        The run, or None: this time has its run already, or, for a schedule, an earlier one is
        under way.
    """
    _interrupt_lost(session, plan, is_alive)
    held: dict[str, Any] = {
        "state": _RUNNING,
        "owner": owner,
        "lease_until": utc_now() + RUN_LEASE,
        "scheduled": scheduled,
    }
    try:
        with session.begin_nested():
            run = ScreeningRun(plan=plan, fire_time=fire_time, **held)
            session.add(run)
    except IntegrityError:  # of the same time, or under way
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
    except IntegrityError:  # another run of the plan is under way
        return None
    return taken_up


def renew(session: Session, run_id: int, owner: str) -> bool:
    """Hold a run longer; False where it no longer belongs to the owner."""
    renewed = session.scalar(
        update(ScreeningRun)
        .where(*_held(run_id, owner))
        .values(lease_until=utc_now() + RUN_LEASE)
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
    """Write what a run found; ``report`` is JSON.

    Raises:
        RunLostError: it belongs to another process now; nothing is written.
    """
    return _end(
        session,
        run_id,
        owner,
        RunState.DONE,
        report=zlib.compress(report.encode()),
        counts=counts.model_dump(mode="json"),
        differences=None if differences is None else differences.model_dump(mode="json"),
    )


def fail(session: Session, run_id: int, owner: str, failure: str) -> ScreeningRun:
    """Record why a run gave no report.

    Raises:
        RunLostError: as of :func:`finish`.
    """
    return _end(session, run_id, owner, RunState.FAILED, failure=failure)


def interrupt(session: Session, run_id: int, owner: str) -> ScreeningRun:
    """Record that a person, or the machine's end, stopped a run; that costs no attempt.

    Raises:
        RunLostError: as of :func:`finish`.
    """
    return _end(session, run_id, owner, RunState.INTERRUPTED, attempts=ScreeningRun.attempts - 1)


def note_webhook(session: Session, run_id: int, said: str) -> None:
    """Record what became of a run's webhook."""
    session.execute(update(ScreeningRun).where(ScreeningRun.id == run_id).values(webhook=said))


def report_of(run: ScreeningRun) -> str | None:
    """The report of a run as JSON, None where it has none."""
    return None if run.report is None else zlib.decompress(run.report).decode()


def run_before(session: Session, plan: str, run_id: int) -> ScreeningRun | None:
    """The run of a plan that ended last with a report, other than the given one."""
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
    """The latest time that a schedule has had its run for; interrupted ones are still to be had."""
    return session.scalar(
        select(ScreeningRun.fire_time)
        .where(
            ScreeningRun.plan == plan, ScreeningRun.scheduled, ScreeningRun.state != _INTERRUPTED
        )
        .order_by(ScreeningRun.fire_time.desc())
        .limit(1)
    )


def known_since(session: Session, plan: str, expression: str, now: datetime) -> datetime:
    """Since when a plan is asked for by an expression: now, where it is new or another one."""
    known = session.get(ScreeningSchedule, plan)
    if known is None:
        try:
            with session.begin_nested():
                session.add(ScreeningSchedule(plan=plan, expression=expression, since=now))
        except IntegrityError:  # another scheduler has just written it
            return session.get_one(ScreeningSchedule, plan).since
        return now
    if known.expression != expression:
        known.expression, known.since = expression, now
    return known.since


def find_run(session: Session, name: str) -> ScreeningRun:
    """A run by its id, or the newest run of a plan by the plan's name.

    Raises:
        NotFoundError: there is none.
    """
    numbered = name.isascii() and name.isdecimal() and len(name) <= _MOST_DIGITS
    found = session.get(ScreeningRun, int(name)) if numbered else None
    if found is None:
        newest = select(ScreeningRun).where(ScreeningRun.plan == name)
        found = session.scalar(newest.order_by(ScreeningRun.id.desc()).limit(1))
    if found is None:
        raise NotFoundError(
            f"there is no run {name!r}, and none of a plan of this name; list them with: "
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
    """The newest runs, and how many there are.

    Args:
        session: A session.
        limit: Most runs.
        plan: Only those of the plan of this name.
        state: Only those in this state.
        before: Only those with a smaller id, which the count does not heed: the next page.
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
    """A run as it travels."""
    ended = run.finished_at
    return RunDocument(
        id=run.id,
        plan=run.plan,
        fire_time=run.fire_time,
        scheduled=run.scheduled,
        state=RunState(run.state),
        attempts=run.attempts,
        started_at=run.started_at,
        finished_at=ended,
        duration_s=None if ended is None else round((ended - run.started_at).total_seconds(), 3),
        counts=None if run.counts is None else RunCounts.model_validate(run.counts),
        differences=None
        if run.differences is None
        else Differences.model_validate(run.differences),
        failure=run.failure,
        webhook=run.webhook,
    )


def _interrupt_lost(session: Session, plan: str, is_alive: Callable[[str], bool | None]) -> None:
    now = utc_now()
    running = select(ScreeningRun).where(ScreeningRun.plan == plan, ScreeningRun.state == _RUNNING)
    for run in session.scalars(running.with_for_update(skip_locked=True)):
        alive = is_alive(run.owner or "")
        expired = run.lease_until is None or run.lease_until < now
        if alive or (alive is None and not expired):
            continue
        given_up = run.attempts >= MAX_LOST
        run.state = RunState.FAILED.value if given_up else _INTERRUPTED
        run.failure = f"its process was lost ({run.attempts} of {MAX_LOST} times)"
        run.owner, run.lease_until, run.finished_at = None, None, now
    session.flush()


def _held(run_id: int, owner: str) -> tuple[Any, ...]:
    return (
        ScreeningRun.id == run_id,
        ScreeningRun.owner == owner,
        ScreeningRun.state == _RUNNING,
    )


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
            f"run {run_id} is no longer held by {owner}: another process has taken it up"
        )
    return ended
