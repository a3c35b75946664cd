"""Asking for a calculation: it goes into the queue, a worker finds it there."""

from __future__ import annotations

from fastapi import APIRouter, Response, status
from pydantic import ConfigDict

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.migration import NebRequest, NebSettings
from pvkdb.store.migration_requests import host_composition, host_phase, moving_defect
from pvkdb.store.queue import submit
from pvkdb.store.rows import calculation_document
from pvkdb_api.paths import API
from pvkdb_api.problems import naming
from pvkdb_api.sessions import WriteSession


class PostedSettings(NebSettings):
    """Numerical settings of migration barriers. Forces in eV/Å, lengths in Å.

    In JSON, true is no number and "5" none either; in the files of a plan, a number may be a text.
    """

    model_config = ConfigDict(strict=True)


class PostedRequest(NebRequest):
    """The migration of a defect whose barrier is wanted."""

    settings: PostedSettings = PostedSettings()


router = APIRouter(prefix=f"{API}/calculations", tags=["calculations"])


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Queue a migration barrier, or get the calculation that already answers it",
    operation_id="queue_calculation",
    responses={
        200: {"model": CalculationDocument, "description": "The same work was asked for before."}
    },
)
def queue_calculation(
    request: PostedRequest, session: WriteSession, response: Response
) -> CalculationDocument:
    """Queue the request. The same request gives the same calculation, whoever asks."""
    with naming("formula"):
        composition = host_composition(request)
    with naming("phase"):
        host_phase(request, composition)
    with naming("defect"):
        moving_defect(request, composition)
    calculation, new = submit(session, request)
    session.flush()
    response.headers["Location"] = f"{router.prefix}/{calculation.id}"
    if not new:
        response.status_code = status.HTTP_200_OK
    return calculation_document(calculation)
