"""The part that runs on a compute node: it computes a batch and returns the results.

It does not use the database. Everything that goes in or out can be pickled; exceptions become data,
because exceptions with arguments of their own cannot be unpickled.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pvkdb.errors import MissingExtraError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb_pipelines.work.tasks import Failure, Outcome, compute, failure_of


@dataclass(frozen=True, slots=True)
class NodeResult:
    """The end of one calculation on a node: an outcome, a failure, or why it was not computed.

    ``lost`` says why this node could not finish it, but another one may; ``trouble`` why no node of
    this kind can: something is not installed there.
    """

    calculation_id: str
    seconds: float
    outcome: Outcome | None = None
    failure: Failure | None = None
    lost: str | None = None
    trouble: str | None = None


def compute_batch(documents: Sequence[CalculationDocument]) -> list[NodeResult]:
    """Compute calculations one after the other and return how each one ended."""
    return [_compute(document) for document in documents]


def _compute(document: CalculationDocument) -> NodeResult:
    started = time.monotonic()

    def ended(**how: object) -> NodeResult:
        return NodeResult(document.id, time.monotonic() - started, **how)  # type: ignore[arg-type]

    try:
        return ended(outcome=compute(document, None))
    except MissingExtraError as error:
        return ended(trouble=f"on {socket.gethostname()} {error}")
    except MemoryError:
        return ended(lost=f"{socket.gethostname()} was out of memory")
    except Exception as error:
        return ended(failure=failure_of(error))
