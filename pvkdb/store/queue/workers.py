"""Whether somebody computes: what the leases and the times of calculations tell of workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import Calculation

_RUNNING = CalculationState.RUNNING.value
_COMPUTED = (CalculationState.DONE.value, CalculationState.FAILED.value)


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """What the store knows of its workers. A worker without work leaves no trace.

    Attributes:
        working: Processes that hold a lease now.
        last_seen: When one last renewed its lease, took a calculation or ended one; None: never.
    """

    working: int
    last_seen: datetime | None


def worker_signs(session: Session) -> WorkerSigns:
    """Signs of life of workers, wherever they are."""
    now = utc_now()
    working = session.scalar(
        select(func.count(Calculation.owner.distinct())).where(
            Calculation.state == _RUNNING, Calculation.lease_until > now
        )
    )
    started, ended = session.execute(
        select(func.max(Calculation.started_at), func.max(Calculation.finished_at)).where(
            Calculation.state.in_((*_COMPUTED, _RUNNING))
        )
    ).one()
    seen = [at for at in (started, ended, now if working else None) if at is not None]
    return WorkerSigns(working or 0, max(seen, default=None))
