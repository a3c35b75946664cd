"""Queueing, cancelling and retrying a calculation, with an entry in the audit log."""

from __future__ import annotations

from contextlib import nullcontext

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, ParameterError, unknown_name
from pvkdb.operations import Operation
from pvkdb.schemas.calculations import (
    CalculationDocument,
    CalculationState,
    registered_potentials,
)
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import jobs
from pvkdb.store.queue.claims import submit
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_api.operations.writes import note_write


def queue(
    http: Request, session: Session, operation: Operation, question: BaseModel
) -> tuple[CalculationDocument, bool]:
    """Queue what an operation computes, or return the existing calculation with the same request.

    Only registered potentials are accepted: a caller never names code or files of the workers.

    Returns:
        The calculation, and whether it is new.

    Raises:
        InputError: a value cannot be used; of a barrier a ParameterError.
        NotFoundError: the store does not hold what is named.
    """
    request = operation.run(question, lambda: nullcontext(session))
    potential, known = getattr(request, "potential", None), registered_potentials()
    if potential is not None and potential not in known:
        raise ParameterError("potential", unknown_name("potential", str(potential), known))
    calculation, new = submit(session, request)
    session.flush()
    document = calculation_document(calculation)
    if new:
        note_write(session, http, "queue calculation", document.id)
    return document, new


def cancel(http: Request, session: Session, key: str) -> tuple[CalculationDocument, bool]:
    """Cancel a calculation, or ask the worker that runs it to stop.

    Returns:
        The calculation, and whether it still runs.

    Raises:
        NotFoundError: the calculation does not exist.
        StateError: it has ended.
    """
    before = _locked(session, key)
    cancelled = CalculationState.CANCELLED.value
    known = before.cancel_requested_at is not None or before.state == cancelled
    state = jobs.cancel(session, key)
    if not known:
        note_write(session, http, "cancel calculation", key)
    return _document(session, key), state is CalculationState.RUNNING


def retry(http: Request, session: Session, key: str) -> CalculationDocument:
    """Queue a failed or cancelled calculation again, with the failed ones that it waits for.

    Raises:
        NotFoundError: the calculation does not exist.
        StateError: it is done.
    """
    before = _locked(session, key).state
    jobs.retry(session, [key])
    document = _document(session, key)
    if document.state != before:
        note_write(session, http, "retry calculation", key)
    return document


def _locked(session: Session, key: str) -> Calculation:
    """Return a calculation, locked until the end of the transaction."""
    found = session.get(Calculation, key, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFoundError(f"calculations holds no {key!r}")
    return found


def _document(session: Session, key: str) -> CalculationDocument:
    session.flush()
    return calculation_document(session.get_one(Calculation, key, populate_existing=True))
