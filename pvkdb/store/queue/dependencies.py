"""Calculations that wait for others: queued when all are done, failed when one has failed.

Dependencies are set when a calculation is queued and name existing calculations, so that they form
no circles. If several of them end at the same moment in different sessions, each session first
locks the rows of the waiting calculations and then reads their dependencies, so that the last
session sees all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import Calculation, CalculationDependency
from pvkdb.store.queue.log import note

_WAITING_FOR = select(CalculationDependency.calculation_id).where(
    CalculationDependency.depends_on_id == bindparam("other")
)
_NEVER = (CalculationState.FAILED.value, CalculationState.CANCELLED.value)


def add_dependencies(session: Session, calculation: Calculation, others: Sequence[str]) -> None:
    """Record the calculations for which a new calculation waits.

    Raises:
        NotFoundError: one of the others does not exist.
    """
    wanted = sorted(set(others))
    # Locked, so that none of them ends before this transaction does.
    known = session.scalars(
        select(Calculation.id)
        .where(Calculation.id.in_(wanted))
        .order_by(Calculation.id)
        .with_for_update(read=True)
    ).all()
    for name in wanted:
        if name not in known:
            raise NotFoundError(f"the calculation {name!r}, to be waited for, does not exist")
        session.add(CalculationDependency(calculation_id=calculation.id, depends_on_id=name))
    session.flush()
    settle(session, calculation)


def settle(session: Session, calculation: Calculation) -> bool:
    """Set the state of a calculation that is not running from its dependencies.

    Returns:
        Whether its state has changed.
    """
    state, blame = _allowed(session, calculation)
    if state.value == calculation.state and state is not CalculationState.FAILED:
        return False
    changed = state.value != calculation.state
    calculation.state = state.value
    failed = state is CalculationState.FAILED
    calculation.failure_kind = FailureKind.DEPENDENCY_FAILED.value if failed else None
    calculation.failure_message = blame
    calculation.finished_at = utc_now() if failed else None
    if changed:
        note(session, calculation.id, EventKind(state.value), blame)
    session.flush()
    return changed


def pass_on(session: Session, calculation_id: str) -> None:
    """Update the states of all calculations that wait for this one, whose state has changed."""
    session.flush()
    names = session.connection().scalars(_WAITING_FOR, {"other": calculation_id}).all()
    if not names:  # the usual case
        return
    waiting = session.scalars(
        select(Calculation)
        .where(Calculation.id.in_(names))
        .order_by(Calculation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for calculation in waiting:
        # Its state is set by its dependencies if it waits, or if one of them has failed.
        waits = calculation.state == CalculationState.WAITING.value
        waits |= calculation.failure_kind == FailureKind.DEPENDENCY_FAILED.value
        if waits and settle(session, calculation):
            pass_on(session, calculation.id)


def failed_dependencies(session: Session, calculation_id: str) -> list[str]:
    """Return the ids of the failed and cancelled dependencies of a calculation."""
    return [other.id for other in _dependencies(session, calculation_id) if other.state in _NEVER]


def _allowed(session: Session, calculation: Calculation) -> tuple[CalculationState, str | None]:
    others = _dependencies(session, calculation.id)
    for other in others:
        if other.state in _NEVER:
            why = f": {other.failure_kind}" if other.failure_kind else ""
            return CalculationState.FAILED, (
                f"it waits for calculation {other.id} ({other.kind}), which is {other.state}{why}; "
                f"it continues by itself once that is queued again: pvkdb jobs retry {other.id}"
            )
    if all(other.state == CalculationState.DONE.value for other in others):
        return CalculationState.QUEUED, None
    return CalculationState.WAITING, None


def _dependencies(
    session: Session, calculation_id: str
) -> Sequence[Row[str, str, str, str | None]]:
    """Return id, kind, state and failure of the dependencies of a calculation."""
    return session.execute(
        select(Calculation.id, Calculation.kind, Calculation.state, Calculation.failure_kind)
        .join(CalculationDependency, CalculationDependency.depends_on_id == Calculation.id)
        .where(CalculationDependency.calculation_id == calculation_id)
        .order_by(Calculation.id)
    ).all()
