"""DFT on the path of a barrier that is yet to be computed: it waits in the queue for the barrier.

A request of the DFT tier carries its structures, and those of a path exist only when the barrier is
done. What waits is therefore a request to make that request: a calculation that depends on the
barrier, computes nothing, and queues the DFT in the transaction that records it. It needs the
store, which is why that is done where the record is written and not on a compute node.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.dft import DftAfterRequest, DftAfterResult, DftSettings
from pvkdb.store.base import Base
from pvkdb.store.calculations import Calculation
from pvkdb.store.queue import enqueue
from pvkdb_pipelines.dft.requests import neb_request, path_request, validated

_NOT_YET = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)


def is_to_come(calculation: Calculation) -> bool:
    """Whether a calculation is a barrier whose path may exist later."""
    return calculation.kind == "neb" and CalculationState(calculation.state) in _NOT_YET


def after_request(
    calculation: Calculation, settings: DftSettings, hop: int | None = None, **given: Any
) -> DftAfterRequest:
    """DFT that follows a barrier; ``given`` are the method and the limits of a NEB.

    Raises:
        InputError: a limit is out of range.
    """
    barrier = {name: calculation.parameters.get(name) for name in ("formula", "phase")}
    values = {**barrier, "barrier": calculation.id, "hop": hop, "settings": settings, **given}
    return validated(DftAfterRequest, values)


def queue_deferred(session: Session, calculation: Calculation) -> list[Base]:
    """Queue the DFT that was asked for, now that its barrier is done, and say so in the result.

    Raises:
        InputError: the barrier has no such hop, or the settings do not suit its structures.
    """
    asked = DftAfterRequest.model_validate(calculation.parameters)
    barrier = session.get_one(Calculation, asked.barrier)
    if asked.method == "neb":
        limits = asked.model_dump(
            include={"fmax_neb_ev_per_ang", "max_steps_neb"}, exclude_none=True
        )
        request: Any = neb_request(session, barrier, asked.settings, asked.hop, **limits)
    else:
        request = path_request(session, barrier, asked.settings, asked.hop)
    queued, _ = enqueue(session, request, barrier.material_id, calculation.priority)
    result = DftAfterResult(calculation=queued.id, kind=queued.kind)
    calculation.result = result.model_dump(mode="json")
    return []
