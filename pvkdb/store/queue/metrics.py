"""Counts of the queue, as a monitoring system asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, cast, func, select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.store.models.calculations import Calculation


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Calculations of the store, counted.

    Attributes:
        states: How many are in a state, by kind and state.
        failures: How many failed, by kind and reason.
        seconds: Number and summed wall time (s) of the finished ones, by kind.
        oldest_queued_s: Age of the oldest one that is queued, s; None where none is.
    """

    states: dict[tuple[str, str], int]
    failures: dict[tuple[str, str], int]
    seconds: dict[str, tuple[int, float]]
    oldest_queued_s: float | None


def queue_metrics(session: Session) -> QueueMetrics:
    """Count the calculations of a store."""
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
    """A time as seconds since some fixed moment, in the words of the database."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.julianday(time), Float) * 86400.0
    return cast(func.extract("epoch", time), Float)
