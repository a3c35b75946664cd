"""Queueing, cancelling and retrying a calculation, with an entry in the audit log."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, ParameterError, unknown_name
from pvkdb.operations import Operation
from pvkdb.schemas.calculations import CalculationDocument, registered_potentials
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


def steer(
    http: Request, session: Session, action: Literal["cancel", "retry"], key: str
) -> tuple[CalculationDocument, bool]:
    """Cancel or retry a calculation; a worker that runs it is asked to stop.

    A retry also queues the failed ones that it waits for.

    Returns:
        The calculation, and whether it still runs although it was cancelled.

    Raises:
        NotFoundError: the calculation does not exist.
        StateError: it has ended; a retry: it is done.
    """
    # Locked until the end of the transaction.
    before = session.get(Calculation, key, with_for_update=True, populate_existing=True)
    if before is None:
        raise NotFoundError(f"calculations holds no {key!r}")
    known = before.state, before.cancel_requested_at
    if action == "cancel":
        jobs.cancel(session, key)
    else:
        jobs.retry(session, [key])
    session.flush()
    found = session.get_one(Calculation, key, populate_existing=True)
    if (found.state, found.cancel_requested_at) != known:
        note_write(session, http, f"{action} calculation", key)
    return calculation_document(found), action == "cancel" and found.state == "running"
