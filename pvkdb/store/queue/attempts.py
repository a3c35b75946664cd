"""Further attempts at calculations: after a lost worker, or on request after a failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic as _monotonic
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, StateError
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind
from pvkdb.store.base import DatabaseTime, utc_now
from pvkdb.store.models.calculations import Calculation, CalculationFile
from pvkdb.store.queue.dependencies import failed_dependencies, pass_on, settle
from pvkdb.store.queue.ending import held
from pvkdb.store.queue.log import note

#: Number of lost workers after which a calculation is recorded as failed.
MAX_ATTEMPTS = 3
#: Duration of a claim without a heartbeat.
LEASE = timedelta(seconds=60)
#: Most seconds between two looks at a lease that count as watched: a heartbeat comes in them.
_LOOK_S = LEASE.total_seconds() / 6
#: Leases that this process watches on SQLite: owner and end, seconds unchanged, time of the look.
_watched: dict[str, tuple[object, float, float]] = {}


def another_attempt(session: Session, calculation_id: str, owner: str) -> bool:
    """Count a further attempt at a held calculation whose process was lost.

    Returns:
        False if it has had :data:`MAX_ATTEMPTS` already, or belongs to another worker.
    """
    counted = session.scalar(
        update(Calculation)
        .where(held(calculation_id, owner), Calculation.attempts < MAX_ATTEMPTS)
        .values(attempts=Calculation.attempts + 1, started_at=utc_now())
        .returning(Calculation.id)
    )
    return counted is not None


def requeue(session: Session, calculation_id: str) -> Calculation:
    """Queue a failed or cancelled calculation again, with its failed dependencies.

    Raises:
        NotFoundError: the calculation does not exist.
        StateError: it has neither failed nor been cancelled.
    """
    calculation = session.get(Calculation, calculation_id, with_for_update=True)
    if calculation is None:
        raise NotFoundError(f"no calculation has the id {calculation_id!r}")
    if calculation.state not in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        raise StateError(
            f"calculation {calculation_id} is {calculation.state}; only failed and cancelled "
            "calculations can be queued again"
        )
    for other in failed_dependencies(session, calculation_id):
        requeue(session, other)
    # The files of the failure are deleted; the log continues.
    session.execute(delete(CalculationFile).where(CalculationFile.calculation_id == calculation_id))
    calculation.attempts, calculation.recorded_in = 0, None
    settle(session, calculation)
    pass_on(session, calculation_id)
    return calculation


def recover_lost(session: Session, is_alive: Callable[[str], bool | None]) -> tuple[int, int, int]:
    """Return calculations of lost workers to the queue; those of others are not locked.

    PostgreSQL's clock writes and judges all leases. SQLite has none, and the end that a lease
    claims depends on the clock of its worker: there, an owner counts as lost when this process has
    looked again and again for :data:`LEASE` and has seen no heartbeat.

    Args:
        session: A session that may write.
        is_alive: whether an owner is alive; None if this cannot be determined here, so that
            only the end of its lease counts.

    Returns:
        Number of calculations queued again, number recorded as failed after
        :data:`MAX_ATTEMPTS` lost workers, and number whose owner seems to be lost and is watched.
    """
    now = utc_now()
    over = (Calculation.lease_until < DatabaseTime()).label("over")
    running = session.execute(
        select(Calculation.id, Calculation.owner, Calculation.lease_until, over).where(
            Calculation.state == CalculationState.RUNNING.value
        )
    )
    queued = failed = watched = 0
    for claim in running.all():
        alive = is_alive(claim.owner or "")
        if alive or (alive is None and not _expired(session, claim)):
            watched += alive is None and bool(claim.over)
            continue
        calculation = session.scalar(
            select(Calculation)
            # Not heard of since: its worker may have been slow.
            .where(held(claim.id, claim.owner), Calculation.lease_until == claim.lease_until)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if calculation is None:
            continue
        note(session, calculation.id, EventKind.LOST, f"its worker {calculation.owner} is gone")
        calculation.owner = None
        calculation.lease_until = None
        calculation.progress = None
        if calculation.cancel_requested_at is not None:
            state, calculation.finished_at = CalculationState.CANCELLED, now
            calculation.cancel_requested_at = None
        elif calculation.attempts >= MAX_ATTEMPTS:
            state, calculation.finished_at = CalculationState.FAILED, now
            calculation.failure_kind = FailureKind.CRASHED.value
            calculation.failure_message = (
                f"the worker was lost {calculation.attempts} times; run it alone to see why"
            )
            failed += 1
        else:
            state = CalculationState.QUEUED
            queued += 1
        calculation.state = state.value
        note(session, calculation.id, EventKind(state.value), calculation.failure_message)
        session.flush()
        pass_on(session, calculation.id)
    session.flush()
    return queued, failed, watched


def _expired(session: Session, claim: Row[*tuple[Any, ...]]) -> bool:
    """Whether a lease is over by the clock of PostgreSQL, or for lack of heartbeats on SQLite."""
    if claim.over is None or session.get_bind().dialect.name != "sqlite":
        return claim.over is not False
    lease, now = (claim.owner, claim.lease_until), _monotonic()
    before, seconds, looked = _watched.get(claim.id, (None, 0.0, now))
    # A process that slept for an hour has watched nothing meanwhile.
    seconds = seconds + min(now - looked, _LOOK_S) if before == lease else 0.0
    _watched[claim.id] = lease, seconds, now
    if over := seconds >= LEASE.total_seconds():
        del _watched[claim.id]
    return over
