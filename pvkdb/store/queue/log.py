"""The log of a calculation: its states with their times, and its latest progress."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import EventKind
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import CalculationEvent

#: Number of progress lines kept for a calculation; changes of state are always kept.
MAX_PROGRESS_LINES = 200

#: Longest message that is kept, in characters.
MAX_MESSAGE = 8_000

_INSERT = insert(CalculationEvent)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def storable(value: Any) -> Any:
    """Return a text with control characters escaped, and cut if long; None for NaN and infinity.

    A message or progress that a database refused would take its calculation with it.
    """
    if isinstance(value, str):
        cut = f"… ({len(value):,} characters)" if len(value) > MAX_MESSAGE else ""
        return _UNPRINTABLE.sub(lambda sign: ascii(sign[0])[1:-1], value[:MAX_MESSAGE]) + cut
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """A line of progress for the log, with its time."""

    at: datetime
    message: str


def note(
    session: Session, calculation_id: str, event: EventKind, message: str | None = None
) -> None:
    """Write an event to the log of a calculation, in the transaction that causes it."""
    _write(session, [(calculation_id, utc_now(), event, message)])


def note_all(session: Session, entries: Iterable[tuple[str, EventKind, str]]) -> None:
    """Write an event for each of many calculations: its id, the event, and a message."""
    now = utc_now()
    _write(session, [(name, now, event, message) for name, event, message in entries])


def note_progress(session: Session, calculation_id: str, lines: Sequence[ProgressLine]) -> None:
    """Write lines of progress; delete the oldest beyond :data:`MAX_PROGRESS_LINES`."""
    if not lines:
        return
    newest = lines[-MAX_PROGRESS_LINES:]
    _write(
        session, [(calculation_id, line.at, EventKind.PROGRESS, line.message) for line in newest]
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


def last_change(session: Session) -> int:
    """Return the number of the newest change of a calculation in the log, 0 if there is none."""
    newest = select(CalculationEvent.id).where(CalculationEvent.event != EventKind.PROGRESS.value)
    return session.scalar(newest.order_by(CalculationEvent.id.desc()).limit(1)) or 0


def _write(session: Session, lines: Sequence[tuple[str, datetime, EventKind, str | None]]) -> None:
    """Insert lines without the unit of work, which costs more than the insert."""
    session.flush()  # the row of a new calculation must exist
    rows = [
        {"calculation_id": name, "at": at, "event": event.value, "message": storable(message)}
        for name, at, event, message in lines
    ]
    if rows:
        session.connection().execute(_INSERT, rows if len(rows) > 1 else rows[0])
