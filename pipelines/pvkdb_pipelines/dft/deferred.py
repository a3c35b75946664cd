"""DFT on the path of a barrier that is not computed yet.

A DFT request contains its structures, and those of a path exist only when the barrier is done. A
calculation of the kind ``dft-after`` therefore waits for the barrier, computes nothing, and queues
the DFT in the transaction that records it. This needs the store, so it runs where records are
written and not on a compute node.
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
_UNFINISHED = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)


def is_pending_barrier(calculation: Calculation) -> bool:
    """Whether a calculation is a barrier that is not finished yet."""
    return calculation.kind == "neb" and CalculationState(calculation.state) in _UNFINISHED


def after_request(
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None = None,
    method: Literal["path", "neb"] = "path",
    **limits: float,
) -> DftAfterRequest:
    """Return a request for DFT after a barrier; ``limits`` are the convergence limits of a NEB.

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
    """Queue the DFT calculation that waited for its barrier, and record its id in the result.

    Raises:
        CalculationFailedError: the hop does not exist, or the settings do not fit its structures.
    """
    deferred = DftAfterRequest.model_validate(calculation.parameters)
    barrier = session.get_one(Calculation, deferred.barrier)
    request: DftPathRequest | DftNebRequest
    try:
        if deferred.method == "neb":
            limits = deferred.model_dump(include=_LIMITS, exclude_none=True)
            request = neb_request(session, barrier, deferred.settings, deferred.hop, **limits)
        else:
            request = path_request(session, barrier, deferred.settings, deferred.hop)
    except InputError as error:
        raise CalculationFailedError(FailureKind.INVALID_REQUEST, str(error)) from error
    follows, _ = enqueue(session, request, barrier.material_id, calculation.priority)
    if follows.state in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        requeue(session, follows.id)  # it was requested before and is requested again
    result = DftAfterResult(calculation=follows.id, kind=follows.kind)
    calculation.result = result.model_dump(mode="json")
    line = f"has queued {follows.id} ({follows.kind})"
    note_progress(session, calculation.id, [ProgressLine(utc_now(), line)])
    return []
