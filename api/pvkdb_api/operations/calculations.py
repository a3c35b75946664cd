"""Queueing, cancelling and retrying a calculation, with an entry in the audit log."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, ParameterError, naming, unknown_name
from pvkdb.schemas.calculations import (
    CalculationDocument,
    CalculationState,
    registered_potentials,
)
from pvkdb.schemas.calculations.examinations import ExaminationQuestion
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.simulations import SimulationQuestion
from pvkdb.store.files.structure_reading import named
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import jobs
from pvkdb.store.queue.claims import enqueue, submit
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb.store.rows.from_models import calculation_document
from pvkdb.suitability.evidence.simulations import simulation_request
from pvkdb_api.operations.writes import note_write


def simulate(
    http: Request, session: Session, question: SimulationQuestion
) -> tuple[CalculationDocument, bool]:
    """Queue the simulation of a device, or return the existing one, as :func:`queue` does."""
    return _submitted(http, session, submit(session, simulation_request(session, question)))


def examine(
    http: Request, session: Session, question: ExaminationQuestion
) -> tuple[CalculationDocument, bool]:
    """Queue the examination of a device, or return the existing one, as :func:`queue` does."""
    from pvkdb.examination.requests import examination_request  # loads pandas and scipy

    return _submitted(http, session, enqueue(session, examination_request(session, question)))


def queue(http: Request, session: Session, request: NebRequest) -> tuple[CalculationDocument, bool]:
    """Queue a migration barrier, or return the existing calculation with the same request.

    Only registered potentials are accepted: a caller never names code or files of the workers.

    Returns:
        The calculation, and whether it is new.

    Raises:
        ParameterError: the formula, phase, defect or potential cannot be used.
    """
    known = registered_potentials()
    if request.potential not in known:
        raise ParameterError("potential", unknown_name("potential", str(request.potential), known))
    with naming("formula"):
        request = named(request)
    return _submitted(http, session, submit(session, complete_request(request, naming)))


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


def _submitted(
    http: Request, session: Session, queued: tuple[Calculation, bool]
) -> tuple[CalculationDocument, bool]:
    calculation, new = queued
    session.flush()
    document = calculation_document(calculation)
    if new:
        note_write(session, http, "queue calculation", document.id)
    return document, new


def _document(session: Session, key: str) -> CalculationDocument:
    session.flush()
    return calculation_document(session.get_one(Calculation, key, populate_existing=True))
