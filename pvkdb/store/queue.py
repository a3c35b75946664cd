"""The queue: asking for work, taking it under a lease, and writing the record once.

A worker claims a calculation with one UPDATE statement, so that two workers never get the same
one (on PostgreSQL the row lock is taken with SKIP LOCKED). While it works it renews its lease.
A lease that ran out, or whose owner is known to be gone, puts the calculation back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, PvkdbError
from pvkdb.schemas.calculations import CalculationState, FailureKind
from pvkdb.schemas.dft import AnyDft
from pvkdb.schemas.migration import NebRequest
from pvkdb.schemas.relaxations import AnyRelaxation
from pvkdb.store.base import Base, utc_now
from pvkdb.store.calculations import Calculation
from pvkdb.store.migration_requests import settle
from pvkdb.store.registration import get_or_add, register_material

#: How long a claim holds without a heartbeat.
LEASE = timedelta(seconds=60)

#: A calculation lost this often with its worker is recorded as failed.
MAX_ATTEMPTS = 3


class LeaseLostError(PvkdbError):
    """The calculation no longer belongs to this worker, so its result was not written."""


def submit(session: Session, request: NebRequest, priority: int = 0) -> tuple[Calculation, bool]:
    """Put a request into the queue, or find the calculation that already answers it.

    Returns:
        The calculation, and whether it is new.

    Raises:
        InputError: the formula cannot be used, or the prototype cannot hold it.
    """
    composition, settled = settle(request)
    material = register_material(session, composition, settled.phase)
    return enqueue(session, settled, material.id, priority)


def enqueue(
    session: Session,
    request: NebRequest | AnyRelaxation | AnyDft,
    material_id: str | None = None,
    priority: int = 0,
) -> tuple[Calculation, bool]:
    """As :func:`submit`, for a request that needs no check."""
    key = request.key()
    new = Calculation(
        id=key[:12],  # the same in every store, so that reports of the same plan are the same
        key=key,
        kind=request.kind,
        material_id=material_id,
        priority=priority,
        parameters=request.model_dump(mode="json"),
    )
    calculation = get_or_add(
        session, select(Calculation).where(Calculation.key == key), lambda: new
    )
    return calculation, calculation is new


def claim(session: Session, owner: str, calculation_id: str | None = None) -> Calculation | None:
    """Take the next queued calculation (or a given one) under a lease; None if there is none."""
    queued = Calculation.state == CalculationState.QUEUED.value
    candidate = select(Calculation.id).where(queued)
    if calculation_id is not None:
        candidate = candidate.where(Calculation.id == calculation_id)
    candidate = (
        candidate.order_by(Calculation.priority.desc(), Calculation.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    now = utc_now()
    claimed = session.scalar(
        update(Calculation)
        .where(Calculation.id == candidate.scalar_subquery(), queued)
        .values(
            state=CalculationState.RUNNING.value,
            owner=owner,
            lease_until=now + LEASE,
            started_at=now,
            finished_at=None,
            failure_kind=None,
            failure_message=None,
            attempts=Calculation.attempts + 1,
        )
        .returning(Calculation.id)
    )
    return None if claimed is None else session.get(Calculation, claimed, populate_existing=True)


def heartbeat(session: Session, calculation_id: str, owner: str) -> bool:
    """Renew a lease; False where the calculation no longer belongs to the owner."""
    renewed = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner))
        .values(lease_until=utc_now() + LEASE)
        .returning(Calculation.id)
    )
    return renewed is not None


def finish(
    session: Session,
    calculation_id: str,
    owner: str,
    result: dict[str, Any],
    versions: dict[str, str],
    records: Iterable[Base] = (),
) -> None:
    """Write the result and everything that belongs to it, once.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    _close(
        session,
        calculation_id,
        owner,
        state=CalculationState.DONE.value,
        result=result,
        versions=versions,
    )
    session.add_all(records)


def fail(
    session: Session,
    calculation_id: str,
    owner: str,
    kind: str,
    message: str,
    versions: dict[str, str] | None = None,
) -> None:
    """Record a typed failure.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    _close(
        session,
        calculation_id,
        owner,
        state=CalculationState.FAILED.value,
        failure_kind=FailureKind(kind).value,
        failure_message=message,
        versions=versions,
    )


def release(session: Session, calculation_id: str, owner: str) -> bool:
    """Put an interrupted calculation back as if it had never been taken."""
    released = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner))
        .values(
            state=CalculationState.QUEUED.value,
            owner=None,
            lease_until=None,
            started_at=None,
            attempts=Calculation.attempts - 1,
        )
        .returning(Calculation.id)
    )
    return released is not None


def requeue(session: Session, calculation_id: str) -> Calculation:
    """Queue a failed or cancelled calculation again.

    Raises:
        NotFoundError: there is no such calculation, or it is not in a state to be queued again.
    """
    calculation = session.get(Calculation, calculation_id)
    if calculation is None:
        raise NotFoundError(f"no calculation has the id {calculation_id!r}")
    if calculation.state not in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        raise NotFoundError(
            f"calculation {calculation_id} is {calculation.state}; only failed and cancelled "
            "calculations can be queued again"
        )
    calculation.state = CalculationState.QUEUED.value
    calculation.attempts = 0
    session.flush()
    return calculation


def recover_lost(session: Session, is_alive: Callable[[str], bool | None]) -> tuple[int, int]:
    """Take back calculations whose worker is gone.

    Args:
        is_alive: says of an owner whether it lives; None where that cannot be told from here,
            so that only the end of its lease counts.

    Returns:
        How many were queued again, and how many were recorded as failed because they had been
        lost :data:`MAX_ATTEMPTS` times.
    """
    now = utc_now()
    running = session.scalars(
        select(Calculation)
        .where(Calculation.state == CalculationState.RUNNING.value)
        .with_for_update(skip_locked=True)
    )
    queued = failed = 0
    for calculation in running:
        alive = is_alive(calculation.owner or "")
        expired = calculation.lease_until is None or calculation.lease_until < now
        if alive or (alive is None and not expired):
            continue
        calculation.owner = None
        calculation.lease_until = None
        if calculation.attempts >= MAX_ATTEMPTS:
            calculation.state = CalculationState.FAILED.value
            calculation.failure_kind = FailureKind.CRASHED.value
            calculation.failure_message = (
                f"the worker was lost {calculation.attempts} times; run it alone to see why"
            )
            calculation.finished_at = now
            failed += 1
        else:
            calculation.state = CalculationState.QUEUED.value
            queued += 1
    session.flush()
    return queued, failed


def count_by_state(session: Session) -> dict[CalculationState, int]:
    """Number of calculations in each state that occurs."""
    rows = session.execute(
        select(Calculation.state, func.count()).group_by(Calculation.state)
    ).all()
    return {CalculationState(state): count for state, count in rows}


def _held(calculation_id: str, owner: str) -> Any:
    return and_(
        Calculation.id == calculation_id,
        Calculation.owner == owner,
        Calculation.state == CalculationState.RUNNING.value,
    )


def _close(session: Session, calculation_id: str, owner: str, **values: Any) -> None:
    closed = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner))
        .values(owner=None, lease_until=None, finished_at=utc_now(), **values)
        .returning(Calculation.id)
    )
    if closed is None:
        raise LeaseLostError(
            f"calculation {calculation_id} is no longer held by {owner}; its result is discarded"
        )
