"""The queue: asking for work, taking it under a lease, and writing the record once.

States, and who moves a calculation from one to the next::

    waiting ──▶ queued ──▶ running ──▶ done
       │  ▲        ▲ │         │ └───▶ failed ───┐
       ▼  │        │ ▼         ▼                 │
      failed    cancelled ◀────┘                 │
     (a dependency)  └───── requeue ◀────────────┘

A worker claims a calculation with one UPDATE statement, so that two workers never get the same
one (on PostgreSQL the row lock is taken with SKIP LOCKED). While it works it renews its lease.
A lease that ran out, or whose owner is known to be gone, puts the calculation back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, null, select, update
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, PvkdbError
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind, FileDocument
from pvkdb.schemas.migration import NebRequest
from pvkdb.store.base import Base, utc_now
from pvkdb.store.calculation_log import ProgressLine, note, note_progress
from pvkdb.store.calculations import Calculation, CalculationFile
from pvkdb.store.dependencies import add_dependencies, failed_dependencies, pass_on, settle
from pvkdb.store.migration_requests import settle as settle_request
from pvkdb.store.registration import get_or_add, register_material

#: How long a claim holds without a heartbeat.
LEASE = timedelta(seconds=60)

#: A calculation lost this often with its worker is recorded as failed.
MAX_ATTEMPTS = 3


class Request(Protocol):
    """What can be asked for: it knows its kind, its content key and its parameters."""

    @property
    def kind(self) -> str: ...

    def key(self) -> str: ...

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]: ...


class LeaseLostError(PvkdbError):
    """The calculation no longer belongs to this worker, so its result was not written."""


def submit(
    session: Session, request: NebRequest, priority: int = 0, depends_on: Sequence[str] = ()
) -> tuple[Calculation, bool]:
    """Put a request into the queue, or find the calculation that already answers it.

    Returns:
        The calculation, and whether it is new.

    Raises:
        InputError: the formula cannot be used, or the prototype cannot hold it.
    """
    composition, settled = settle_request(request)
    material = register_material(session, composition, settled.phase)
    return enqueue(session, settled, material.id, priority, depends_on)


def enqueue(
    session: Session,
    request: Request,
    material_id: str | None = None,
    priority: int = 0,
    depends_on: Sequence[str] = (),
) -> tuple[Calculation, bool]:
    """As :func:`submit`, for a request that needs no check.

    Args:
        session: A session that may write.
        request: What to compute.
        material_id: The material that it is about, where that is known before.
        priority: Higher goes first. Who asks again more urgently raises it.
        depends_on: Ids of calculations that must be done first. A calculation that exists already
            keeps waiting for what it waits for.
    """
    key = request.key()
    new = Calculation(
        id=key[:12],  # the same in every store, so that reports of the same plan are the same
        key=key,
        kind=request.kind,
        material_id=material_id,
        state=CalculationState.QUEUED.value,
        priority=priority,
        parameters=request.model_dump(mode="json"),
    )
    calculation = get_or_add(
        session, select(Calculation).where(Calculation.key == key), lambda: new
    )
    if calculation is not new:
        if calculation.priority < priority:
            calculation.priority = priority
        return calculation, False
    if depends_on:
        add_dependencies(session, calculation, depends_on)
    if calculation.state == CalculationState.QUEUED.value:
        note(session, calculation.id, EventKind.QUEUED)
    return calculation, True


def claim(session: Session, owner: str, calculation_id: str | None = None) -> Calculation | None:
    """Take the next queued calculation (or a given one) under a lease; None if there is none."""
    now = utc_now()
    given = {
        "queued": CalculationState.QUEUED.value,
        "running": CalculationState.RUNNING.value,
        "owner_": owner,
        "until": now + LEASE,
        "now": now,
    }
    calculation: Calculation | None
    if calculation_id is None:
        calculation = session.scalar(_CLAIM_NEXT, given)
    else:
        calculation = session.scalar(_CLAIM_GIVEN, {**given, "wanted": calculation_id})
    if calculation is not None:
        note(session, calculation.id, EventKind.RUNNING, f"by {owner}")
    return calculation


def heartbeat(
    session: Session,
    calculation_id: str,
    owner: str,
    progress: dict[str, Any] | None = None,
    lines: Sequence[ProgressLine] = (),
) -> bool:
    """Renew a lease, and say how far the calculation is.

    Returns:
        False where the owner shall stop: the calculation no longer belongs to it, or was asked to
        be cancelled, which :func:`cancelled` then records.
    """
    told = {} if progress is None else {"progress": progress}
    renewed = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner), Calculation.cancel_requested_at.is_(None))
        .values(lease_until=utc_now() + LEASE, **told)
        .returning(Calculation.id)
    )
    if renewed is None:
        return False
    note_progress(session, calculation_id, lines)
    return True


def finish(
    session: Session,
    calculation_id: str,
    owner: str,
    result: dict[str, Any],
    versions: dict[str, str],
    records: Iterable[Base] = (),
    *,
    files: Iterable[FileDocument] = (),
    lines: Sequence[ProgressLine] = (),
) -> Calculation:
    """Write the result and everything that belongs to it, once and in one transaction.

    ``files`` have been kept before (:func:`pvkdb.store.files.keep_files`). Gives the calculation,
    to whose record more rows may be added in the same session.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    calculation = _close(
        session,
        calculation_id,
        owner,
        CalculationState.DONE,
        lines,
        result=result,
        versions=versions,
    )
    session.add_all(records)
    session.add_all(_file_rows(calculation_id, files))
    pass_on(session, calculation_id)
    return calculation


def fail(
    session: Session,
    calculation_id: str,
    owner: str,
    kind: str,
    message: str,
    versions: dict[str, str] | None = None,
    *,
    files: Iterable[FileDocument] = (),
    lines: Sequence[ProgressLine] = (),
) -> None:
    """Record a typed failure.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    _close(
        session,
        calculation_id,
        owner,
        CalculationState.FAILED,
        lines,
        failure_kind=FailureKind(kind).value,
        failure_message=message,
        versions=versions,
    )
    session.add_all(_file_rows(calculation_id, files))
    pass_on(session, calculation_id)


def cancelled(
    session: Session, calculation_id: str, owner: str, lines: Sequence[ProgressLine] = ()
) -> None:
    """Record that the owner has stopped a calculation because it was asked to.

    Raises:
        LeaseLostError: the calculation no longer belongs to the owner; nothing is written.
    """
    _close(session, calculation_id, owner, CalculationState.CANCELLED, lines)
    pass_on(session, calculation_id)


def release(
    session: Session, calculation_id: str, owner: str, lines: Sequence[ProgressLine] = ()
) -> bool:
    """Put an interrupted calculation back as if it had never been taken.

    One that was asked to be cancelled is cancelled instead.
    """
    asked = session.scalar(
        select(Calculation.cancel_requested_at)
        .where(_held(calculation_id, owner))
        .with_for_update()
    )
    if asked is not None:
        cancelled(session, calculation_id, owner, lines)
        return True
    released = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner))
        .values(
            state=CalculationState.QUEUED.value,
            owner=None,
            lease_until=None,
            started_at=None,
            progress=None,
            attempts=Calculation.attempts - 1,
        )
        .returning(Calculation.id)
    )
    if released is None:
        return False
    note_progress(session, calculation_id, lines)
    note(session, calculation_id, EventKind.RELEASED, "interrupted before its end")
    return True


def held_by(session: Session, owner: str) -> list[str]:
    """Ids of the calculations that an owner holds."""
    return list(
        session.scalars(
            select(Calculation.id).where(
                Calculation.state == CalculationState.RUNNING.value, Calculation.owner == owner
            )
        )
    )


def another_attempt(session: Session, calculation_id: str, owner: str) -> bool:
    """Count one more attempt of a calculation that is held, after whoever computed it was lost.

    Returns:
        False where it has had :data:`MAX_ATTEMPTS` already, or belongs to another worker.
    """
    counted = session.scalar(
        update(Calculation)
        .where(_held(calculation_id, owner), Calculation.attempts < MAX_ATTEMPTS)
        .values(attempts=Calculation.attempts + 1, started_at=utc_now())
        .returning(Calculation.id)
    )
    return counted is not None


def requeue(session: Session, calculation_id: str) -> Calculation:
    """Queue a failed or cancelled calculation again, and with it what it waits for in vain.

    Raises:
        NotFoundError: there is no such calculation, or it is not in a state to be queued again.
    """
    calculation = session.get(Calculation, calculation_id, with_for_update=True)
    if calculation is None:
        raise NotFoundError(f"no calculation has the id {calculation_id!r}")
    if calculation.state not in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        raise NotFoundError(
            f"calculation {calculation_id} is {calculation.state}; only failed and cancelled "
            "calculations can be queued again"
        )
    for other in failed_dependencies(session, calculation_id):
        requeue(session, other)
    # The record of the failure goes with its files; the log goes on.
    session.execute(delete(CalculationFile).where(CalculationFile.calculation_id == calculation_id))
    calculation.attempts = 0
    settle(session, calculation)
    pass_on(session, calculation_id)
    return calculation


def recover_lost(session: Session, is_alive: Callable[[str], bool | None]) -> tuple[int, int]:
    """Take back calculations whose worker is gone.

    Args:
        session: A session that may write.
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


def _claiming(*conditions: ColumnElement[bool]) -> Any:
    """The statement that claims; made once, since making it takes longer than executing it."""
    queued = Calculation.state == bindparam("queued")
    candidate = (
        select(Calculation.id)
        .where(queued, *conditions)
        .order_by(Calculation.priority.desc(), Calculation.created_at, Calculation.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (
        update(Calculation)
        .where(Calculation.id == candidate.scalar_subquery(), queued)
        .values(
            state=bindparam("running"),
            owner=bindparam("owner_"),
            lease_until=bindparam("until"),
            started_at=bindparam("now"),
            finished_at=None,
            failure_kind=None,
            failure_message=None,
            progress=null(),
            attempts=Calculation.attempts + 1,
        )
        .returning(Calculation)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


#: What a record says beside its state and times.
_CLOSING = ("result", "versions", "failure_kind", "failure_message")
_CLOSE = (
    update(Calculation)
    .where(
        Calculation.id == bindparam("wanted"),
        Calculation.owner == bindparam("held"),
        Calculation.state == bindparam("running"),
    )
    .values(
        state=bindparam("ended"),
        owner=None,
        lease_until=None,
        cancel_requested_at=None,
        progress=null(),
        finished_at=bindparam("now"),
        **{name: bindparam(f"new_{name}") for name in _CLOSING},
    )
    .returning(Calculation)
    .execution_options(synchronize_session=False, populate_existing=True)
)
_CLAIM_NEXT = _claiming()
_CLAIM_GIVEN = _claiming(Calculation.id == bindparam("wanted"))


def _file_rows(calculation_id: str, files: Iterable[FileDocument]) -> list[CalculationFile]:
    return [CalculationFile(calculation_id=calculation_id, **dict(file)) for file in files]


def _close(
    session: Session,
    calculation_id: str,
    owner: str,
    state: CalculationState,
    lines: Sequence[ProgressLine],
    **values: Any,
) -> Calculation:
    closed: Calculation | None = session.scalar(
        _CLOSE,
        {
            "wanted": calculation_id,
            "held": owner,
            "running": CalculationState.RUNNING.value,
            "ended": state.value,
            "now": utc_now(),
            **{f"new_{name}": values.get(name) for name in _CLOSING},
        },
    )
    if closed is None:
        raise LeaseLostError(
            f"calculation {calculation_id} is no longer held by {owner}; its result is discarded"
        )
    note_progress(session, calculation_id, lines)
    note(session, calculation_id, EventKind(state.value), values.get("failure_message"))
    return closed
