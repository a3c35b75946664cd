"""The log of a calculation: the states it entered, with their times, and its progress, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import EventKind
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import CalculationEvent

#: Lines of progress that are kept of a calculation: the newest. Changes of state stay for ever.
MAX_PROGRESS_LINES = 200

_INSERT = insert(CalculationEvent)


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """A line of progress, with the time at which it was true."""

    at: datetime
    message: str


def note(
    session: Session, calculation_id: str, event: EventKind, message: str | None = None
) -> None:
    """Write what happened to a calculation, with the transaction that makes it happen."""
    _write(session, [(calculation_id, utc_now(), event, message)])


def note_progress(session: Session, calculation_id: str, lines: Sequence[ProgressLine]) -> None:
    """Write lines of progress; the oldest ones beyond :data:`MAX_PROGRESS_LINES` go."""
    if not lines:
        return
    newest = lines[-MAX_PROGRESS_LINES:]
    _write(
        session,
        [(calculation_id, line.at, EventKind.PROGRESS, line.message) for line in newest],
    )
    progress = (
        CalculationEvent.calculation_id == calculation_id,
        CalculationEvent.event == EventKind.PROGRESS.value,
    )
    newest_to_go = session.scalar(
        select(CalculationEvent.id)
        .where(*progress)
        .order_by(CalculationEvent.id.desc())
        .offset(MAX_PROGRESS_LINES)
        .limit(1)
    )
    if newest_to_go is not None:
        session.execute(
            delete(CalculationEvent)
            .where(*progress, CalculationEvent.id <= newest_to_go)
            .execution_options(synchronize_session=False)
        )


def _write(session: Session, lines: Sequence[tuple[str, datetime, EventKind, str | None]]) -> None:
    """Insert lines without the unit of work, which would cost more than the insert."""
    session.flush()  # a new calculation's row comes first
    rows = [
        {"calculation_id": name, "at": at, "event": event.value, "message": message}
        for name, at, event, message in lines
    ]
    session.connection().execute(_INSERT, rows if len(rows) > 1 else rows[0])
