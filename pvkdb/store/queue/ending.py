"""The end of a calculation, recorded once and in one transaction.

Only the holder of a calculation may end it; nothing is written after its lease was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, null, update
from sqlalchemy.orm import Session

from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind, FileDocument
from pvkdb.store.base import Base, utc_now
from pvkdb.store.changes import EVIDENCE, note_change
from pvkdb.store.models.calculations import Calculation, CalculationFile
from pvkdb.store.queue.dependencies import pass_on
from pvkdb.store.queue.log import ProgressLine, note, note_progress, storable


class LeaseLostError(PvkdbError):
    """The calculation no longer belongs to this worker, so its result was not written."""


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
    """Write the result and its records, and return the calculation.

    ``files`` were stored before (:func:`pvkdb.store.queue.kept_files.keep_files`). More rows may be
    added in the same session.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    ended = {"result": result, "versions": versions}
    calculation = _close(
        session, calculation_id, owner, CalculationState.DONE, lines, files, **ended
    )
    session.add_all(records)
    if calculation.kind in EVIDENCE:
        note_change(session)
    pass_on(session, calculation_id)
    return calculation


def fail(
    session: Session,
    calculation_id: str,
    owner: str,
    kind: str,
    message: str,
    *,
    files: Iterable[FileDocument] = (),
    lines: Sequence[ProgressLine] = (),
) -> None:
    """Record a typed failure.

    Raises:
        LeaseLostError: the calculation belongs to another worker now; nothing is written.
    """
    ended = {"failure_kind": FailureKind(kind).value, "failure_message": storable(message)}
    _close(session, calculation_id, owner, CalculationState.FAILED, lines, files, **ended)
    pass_on(session, calculation_id)


def cancelled(
    session: Session, calculation_id: str, owner: str, lines: Sequence[ProgressLine] = ()
) -> None:
    """Record that the owner has stopped a calculation on request.

    Raises:
        LeaseLostError: the calculation no longer belongs to the owner; nothing is written.
    """
    _close(session, calculation_id, owner, CalculationState.CANCELLED, lines)
    pass_on(session, calculation_id)


def held(calculation_id: str, owner: str | None) -> ColumnElement[bool]:
    """Return the SQL condition that a calculation is running and held by an owner."""
    return and_(
        Calculation.id == calculation_id,
        Calculation.owner == owner,
        Calculation.state == CalculationState.RUNNING.value,
    )


def _close(
    session: Session,
    calculation_id: str,
    owner: str,
    state: CalculationState,
    lines: Sequence[ProgressLine],
    files: Iterable[FileDocument] = (),
    **values: Any,
) -> Calculation:
    closed: Calculation | None = session.scalar(
        update(Calculation)
        .where(held(calculation_id, owner))
        .values(
            state=state.value,
            owner=None,
            lease_until=None,
            cancel_requested_at=None,
            progress=null(),
            finished_at=utc_now(),
            **values,
        )
        .returning(Calculation)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if closed is None:
        raise LeaseLostError(
            f"calculation {calculation_id} is no longer held by {owner}; its result is discarded"
        )
    kept = (CalculationFile(calculation_id=calculation_id, **dict(file)) for file in files)
    session.add_all(kept)
    note_progress(session, calculation_id, lines)
    note(session, calculation_id, EventKind(state.value), values.get("failure_message"))
    return closed
