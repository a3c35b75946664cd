"""DFT on the path of a barrier that is yet to be computed: it waits in the queue for the barrier.

A request of the DFT tier carries its structures, and those of a path exist only when the barrier is
done. What waits is therefore a request to make that request: a calculation that depends on the
barrier, computes nothing, and queues the DFT in the transaction that records it. It needs the
store, which is why that is done where the record is written and not on a compute node.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy.orm import Session

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import CalculationState, FailureKind
from pvkdb.schemas.calculations.dft import (
    DftAfterRequest,
    DftAfterResult,
    DftNebRequest,
    DftPathRequest,
    DftSettings,
)
from pvkdb.store.base import Base, utc_now
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import enqueue, requeue
from pvkdb.store.queue.log import ProgressLine, note_progress
from pvkdb_pipelines.dft.requests import neb_request, path_request, validated

_LIMITS = {"fmax_neb_ev_per_ang", "max_steps_neb"}
_NOT_YET = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)


def is_to_come(calculation: Calculation) -> bool:
    """Whether a calculation is a barrier whose path may exist later."""
    return calculation.kind == "neb" and CalculationState(calculation.state) in _NOT_YET


def after_request(
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None = None,
    method: Literal["path", "neb"] = "path",
    **limits: float,
) -> DftAfterRequest:
    """DFT that follows a barrier; ``limits`` are those of a NEB.

    Raises:
        InputError: a limit is out of range.
    """
    values = {
        **{name: calculation.parameters.get(name) for name in ("formula", "phase")},
        "barrier": calculation.id,
        "hop": hop,
        "method": method,
        "settings": settings,
        **limits,
    }
    return validated(DftAfterRequest, values)


def queue_deferred(session: Session, calculation: Calculation) -> list[Base]:
    """Queue the DFT that was asked for, now that its barrier is done, and say so in the result.

    Raises:
        CalculationFailedError: the barrier has no such hop, or the settings do not suit its
            structures.
    """
    asked = DftAfterRequest.model_validate(calculation.parameters)
    barrier = session.get_one(Calculation, asked.barrier)
    request: DftPathRequest | DftNebRequest
    try:
        if asked.method == "neb":
            limits = asked.model_dump(include=_LIMITS, exclude_none=True)
            request = neb_request(session, barrier, asked.settings, asked.hop, **limits)
        else:
            request = path_request(session, barrier, asked.settings, asked.hop)
    except InputError as error:
        raise CalculationFailedError(FailureKind.INVALID_REQUEST, str(error)) from error
    follows, _ = enqueue(session, request, barrier.material_id, calculation.priority)
    if follows.state in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        requeue(session, follows.id)  # it was asked for before, and is again
    result = DftAfterResult(calculation=follows.id, kind=follows.kind)
    calculation.result = result.model_dump(mode="json")
    said = f"has queued {follows.id} ({follows.kind})"
    note_progress(session, calculation.id, [ProgressLine(utc_now(), said)])
    return []
