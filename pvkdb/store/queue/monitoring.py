"""Monitoring of the queue: counts of calculations, and signs of life of workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, cast, func, select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.store.base import DatabaseTime, utc_now
from pvkdb.store.models.calculations import Calculation


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Numbers of calculations by state and failure, and their times, for monitoring.

    Attributes:
        states: How many are in a state, by kind and state.
        failures: How many failed, by kind and reason.
        seconds: Number and summed wall time (s) of the finished ones, by kind.
        oldest_queued_s: Age of the oldest queued calculation, s; None without one.
    """

    states: dict[tuple[str, str], int]
    failures: dict[tuple[str, str], int]
    seconds: dict[str, tuple[int, float]]
    oldest_queued_s: float | None


def queue_metrics(session: Session) -> QueueMetrics:
    """Return the numbers and times of a store's calculations for monitoring."""
    states = session.execute(
        select(Calculation.kind, Calculation.state, func.count()).group_by(
            Calculation.kind, Calculation.state
        )
    ).all()
    failures = session.execute(
        select(Calculation.kind, Calculation.failure_kind, func.count())
        .where(Calculation.state == CalculationState.FAILED.value)
        .group_by(Calculation.kind, Calculation.failure_kind)
    ).all()
    took = _seconds(session, Calculation.finished_at) - _seconds(session, Calculation.started_at)
    finished = session.execute(
        select(Calculation.kind, func.count(took), func.sum(took))
        .where(Calculation.state == CalculationState.DONE.value)
        .group_by(Calculation.kind)
    ).all()
    age = session.scalar(
        select(
            _seconds(session, func.current_timestamp())
            - func.min(_seconds(session, Calculation.created_at))
        ).where(Calculation.state == CalculationState.QUEUED.value)
    )
    return QueueMetrics(
        states={(kind, state): count for kind, state, count in states},
        failures={(kind, str(reason)): count for kind, reason, count in failures},
        seconds={kind: (count, float(total or 0)) for kind, count, total in finished},
        oldest_queued_s=None if age is None else max(0.0, float(age)),
    )


def _seconds(session: Session, time: Any) -> ColumnElement[float]:
    """SQL expression of a time in seconds since a fixed moment."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.julianday(time), Float) * 86400.0
    return cast(func.extract("epoch", time), Float)


_RUNNING = CalculationState.RUNNING.value
_COMPUTED = (CalculationState.DONE.value, CalculationState.FAILED.value)


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """Signs of life of workers in the store. A worker without work leaves none.

    Attributes:
        working: Number of processes that hold a lease now.
        last_seen: When one last renewed a lease, claimed or ended a calculation; None: never.
    """

    working: int
    last_seen: datetime | None


def worker_signs(session: Session) -> WorkerSigns:
    """Return the signs of life of all workers of a store."""
    now = utc_now()
    working = session.scalar(
        select(func.count(Calculation.owner.distinct())).where(
            Calculation.state == _RUNNING, Calculation.lease_until > DatabaseTime()
        )
    )
    started, ended = session.execute(
        select(func.max(Calculation.started_at), func.max(Calculation.finished_at)).where(
            Calculation.state.in_((*_COMPUTED, _RUNNING)),
            Calculation.attempts > 0,  # an imported one was never started here
        )
    ).one()
    seen = [at for at in (started, ended, now if working else None) if at is not None]
    return WorkerSigns(working or 0, max(seen, default=None))
