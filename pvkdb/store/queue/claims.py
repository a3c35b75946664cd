"""The queue: submitting calculations, and claiming them under a lease.

States of a calculation::

    waiting ──▶ queued ──▶ running ──▶ done
       │  ▲        ▲ │         │ └───▶ failed ───┐
       ▼  │        │ ▼         ▼                 │
      failed    cancelled ◀────┘                 │
     (a dependency)  └───── requeue ◀────────────┘

A worker claims one or several calculations with one UPDATE statement, so that two workers never
get the same one (on PostgreSQL the row locks are taken with SKIP LOCKED). It renews its lease while
it computes. When the lease expires or its owner is gone, the calculation returns to the queue. No
clock of a worker counts: see :func:`recover_lost`.

How a calculation ends is in :mod:`pvkdb.store.queue.ending`, how it is tried again in
:mod:`pvkdb.store.queue.attempts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, literal, null, select, update
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.operations import kinds
from pvkdb.schemas.calculations import CalculationState, EventKind
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import CalculationRequest
from pvkdb.store.base import DatabaseTime, batches, utc_now
from pvkdb.store.curation.registration import get_or_add, register_material
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.attempts import LEASE, MAX_ATTEMPTS, another_attempt, recover_lost, requeue
from pvkdb.store.queue.dependencies import add_dependencies
from pvkdb.store.queue.ending import LeaseLostError, cancelled, fail, finish, held
from pvkdb.store.queue.log import ProgressLine, note, note_all, note_progress, storable
from pvkdb.store.queue.migration_requests import complete_request

#: The public functions of the queue, including the ones of ``ending`` and ``attempts``.
__all__ = [
    "LEASE",
    "MAX_ATTEMPTS",
    "LeaseLostError",
    "another_attempt",
    "cancelled",
    "claim",
    "claim_batch",
    "count_queued",
    "enqueue",
    "fail",
    "finish",
    "heartbeat",
    "held_by",
    "recover_lost",
    "release",
    "renew",
    "requeue",
    "submit",
]

#: Ids in one query.
_MOST_IDS = 500


def submit(
    session: Session,
    request: CalculationRequest,
    priority: int = 0,
    depends_on: Sequence[str] = (),
) -> tuple[Calculation, bool]:
    """Complete a request and queue it, or find the calculation that already answers it.

    A barrier belongs to a material from the beginning; a relaxation gets one when it is finished.

    Returns:
        The calculation, and whether it is new.

    Raises:
        InputError: for the reasons of :func:`complete_request`.
    """
    complete: Any = complete_request(request) if isinstance(request, NebRequest) else request
    material = None
    if kinds()[complete.kind].of_material:
        composition = parse_composition(complete.formula)
        material = register_material(session, composition, complete.phase).id
    return enqueue(session, complete, material, priority, depends_on)


def enqueue(
    session: Session,
    request: CalculationRequest,
    material_id: str | None = None,
    priority: int = 0,
    depends_on: Sequence[str] = (),
) -> tuple[Calculation, bool]:
    """Queue a checked request, as :func:`submit` does.

    Args:
        session: A session that may write.
        request: What to compute.
        material_id: Its material, if that is known already.
        priority: Higher goes first. A request for an existing calculation can raise it.
        depends_on: Ids of calculations that must be done first. An existing calculation keeps its
            dependencies.
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


def claim(
    session: Session,
    owner: str,
    calculation_id: str | None = None,
    kinds: Sequence[str] | None = None,
) -> Calculation | None:
    """Claim the next queued calculation, of some kinds or a given one; None if none is queued."""
    given = None if calculation_id is None else [calculation_id]
    claimed = claim_batch(session, owner, 1, given, kinds)
    return claimed[0] if claimed else None


def claim_batch(
    session: Session,
    owner: str,
    at_most: int,
    only: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
) -> list[Calculation]:
    """Claim the next queued calculations, of these ids or kinds if given, with one statement."""
    given = {
        "queued": CalculationState.QUEUED.value,
        "running": CalculationState.RUNNING.value,
        "owner_": owner,
        "now": utc_now(),
    }
    chosen = {"id_": only, "kind_": kinds}
    lists = {name: list(values) for name, values in chosen.items() if values is not None}
    claimed = session.scalars(_claiming(at_most, *lists), {**given, **lists}).all()
    note_all(session, ((one.id, EventKind.RUNNING, f"by {owner}") for one in claimed))
    # The database returns them in any order.
    return sorted(claimed, key=lambda one: (-one.priority, one.created_at, one.id))


def heartbeat(
    session: Session,
    calculation_id: str,
    owner: str,
    progress: dict[str, Any] | None = None,
    lines: Sequence[ProgressLine] = (),
) -> bool:
    """Renew a lease and record the progress.

    Returns:
        False if the owner must stop: the calculation no longer belongs to it, or a cancellation was
        requested, which :func:`cancelled` then records.
    """
    plain = {name: storable(value) for name, value in (progress or {}).items()}
    changed = {} if progress is None else {"progress": plain}
    renewed = session.scalar(
        update(Calculation)
        .where(held(calculation_id, owner), Calculation.cancel_requested_at.is_(None))
        .values(lease_until=DatabaseTime(LEASE), **changed)
        .returning(Calculation.id)
    )
    if renewed is None:
        return False
    note_progress(session, calculation_id, lines)
    return True


def renew(session: Session, owner: str, calculation_ids: Sequence[str]) -> set[str]:
    """Renew the leases of many calculations; return those for which :func:`heartbeat` is False."""
    renewed = session.scalars(
        update(Calculation)
        .where(
            Calculation.id.in_(calculation_ids),
            Calculation.owner == owner,
            Calculation.state == CalculationState.RUNNING.value,
            Calculation.cancel_requested_at.is_(None),
        )
        .values(lease_until=DatabaseTime(LEASE))
        .returning(Calculation.id)
        .execution_options(synchronize_session=False)
    )
    return set(calculation_ids).difference(renewed)


def release(
    session: Session, calculation_id: str, owner: str, lines: Sequence[ProgressLine] = ()
) -> bool:
    """Return an interrupted calculation to the queue as if it had not been claimed.

    If its cancellation was requested, it is cancelled instead.
    """
    asked = session.scalar(
        select(Calculation.cancel_requested_at).where(held(calculation_id, owner)).with_for_update()
    )
    if asked is not None:
        cancelled(session, calculation_id, owner, lines)
        return True
    released = session.scalar(
        update(Calculation)
        .where(held(calculation_id, owner))
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
    """Return the ids of the calculations that an owner holds."""
    return list(
        session.scalars(
            select(Calculation.id).where(
                Calculation.state == CalculationState.RUNNING.value, Calculation.owner == owner
            )
        )
    )


def count_queued(
    session: Session,
    only: Sequence[str] | None = None,
    at_most: int | None = None,
    kinds: Sequence[str] | None = None,
) -> int:
    """Return the number of queued calculations, of these ids or kinds if given.

    Counting all of a long queue takes a while: it ends at ``at_most`` of them.
    """
    query = select(Calculation.id).where(Calculation.state == CalculationState.QUEUED.value)
    if kinds is not None:
        query = query.where(Calculation.kind.in_(kinds))
    if only is None:
        first = query.limit(at_most).subquery()
        return session.scalar(select(func.count()).select_from(first)) or 0
    parts = (query.where(Calculation.id.in_(part)) for part in batches(only, _MOST_IDS))
    found = sum(len(session.scalars(part).all()) for part in parts)
    return found if at_most is None else min(found, at_most)


@cache
def _claiming(at_most: int, *chosen: str) -> Any:
    """Return the SQL statement that claims calculations; built once, as building it is slow.

    The number is part of the text, so that PostgreSQL plans for a few rows of a long queue.
    """
    queued = Calculation.state == bindparam("queued")
    wanted = [getattr(Calculation, key[:-1]).in_(bindparam(key, expanding=True)) for key in chosen]
    candidates = (
        select(Calculation.id)
        .where(queued, *wanted)
        .order_by(Calculation.priority.desc(), Calculation.created_at, Calculation.id)
        .limit(literal(at_most, literal_execute=True))
        .with_for_update(skip_locked=True)
        .cte("candidates")  # read once, which PostgreSQL promises of no other subquery
    )
    return (
        update(Calculation)
        .where(Calculation.id.in_(select(candidates.c.id)), queued)
        .values(
            state=bindparam("running"),
            owner=bindparam("owner_"),
            lease_until=DatabaseTime(LEASE),
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
