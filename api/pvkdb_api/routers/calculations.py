"""Asking for a calculation: it goes into the queue, a worker finds it there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response, status
from pydantic import ValidationInfo, field_validator
from sqlalchemy.orm import Session

from pvkdb.schemas.access import Scope
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.migration import NebRequest, NebSettings
from pvkdb.store.audit import record
from pvkdb.store.idempotency import remembered
from pvkdb.store.migration_requests import host_composition, host_phase, moving_defect
from pvkdb.store.queue import submit
from pvkdb.store.rows import calculation_document
from pvkdb_api.access import CallerOf, needs
from pvkdb_api.paths import API
from pvkdb_api.problems import naming
from pvkdb_api.sessions import WriteSession


class PostedSettings(NebSettings):
    """Numerical settings of migration barriers. Forces in eV/Å, lengths in Å.

    In JSON, true is no number and "5" none either; in the files of a plan, a number may be a text.
    """

    @field_validator("*", mode="before")
    @classmethod
    def _as_in_json(cls, value: object, info: ValidationInfo) -> object:
        if info.field_name == "recheck" and not isinstance(value, bool):
            raise ValueError("give true or false")
        if info.field_name != "recheck" and isinstance(value, bool | str):
            raise ValueError("give a number")
        return value


class PostedRequest(NebRequest):
    """The migration of a defect whose barrier is wanted."""

    settings: PostedSettings = PostedSettings()


router = APIRouter(prefix=f"{API}/calculations", tags=["calculations"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A name of your own for this request: repeated within 24 hours, it gets the "
        "same answer again; with another body it is refused.",
    ),
]


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Queue a migration barrier, or get the calculation that already answers it",
    operation_id="queue_calculation",
    dependencies=[needs(Scope.QUEUE)],
    responses={
        200: {"model": CalculationDocument, "description": "The same work was asked for before."}
    },
)
def queue_calculation(
    request: PostedRequest,
    caller: CallerOf,
    session: WriteSession,
    http: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> CalculationDocument:
    """Queue the request. The same request gives the same calculation, whoever asks."""
    answer = None
    if idempotency_key is not None:
        with naming("Idempotency-Key"):
            answer = remembered(session, caller.name, idempotency_key, request.model_dump_json())
    if answer is None or answer.status is None:
        document, new = _queue(request, session)
        code = status.HTTP_202_ACCEPTED if new else status.HTTP_200_OK
        if new:
            record(
                session,
                caller.name,
                "queue calculation",
                document.id,
                key_id=caller.key_id,
                address=caller.address,
                request_id=http.state.request_id,
            )
        if answer is not None:
            answer.status, answer.body = code, document.model_dump(mode="json")
    else:
        document, code = CalculationDocument.model_validate(answer.body), answer.status
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = f"{router.prefix}/{document.id}"
    response.status_code = code
    return document


def _queue(request: NebRequest, session: Session) -> tuple[CalculationDocument, bool]:
    with naming("formula"):
        composition = host_composition(request)
    with naming("phase"):
        host_phase(request, composition)
    with naming("defect"):
        moving_defect(request, composition)
    calculation, new = submit(session, request)
    session.flush()
    return calculation_document(calculation), new
