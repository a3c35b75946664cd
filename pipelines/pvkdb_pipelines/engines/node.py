"""What runs on a compute node: a batch of calculations in, how each ended out.

No database is reached from here. Everything that goes in or out can be pickled; exceptions become
data, since those with arguments of their own do not survive it.
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
class Ended:
    """How one calculation ended on a node. One of the last four is given.

    Attributes:
        calculation_id: Which one.
        seconds: How long it took.
        outcome: What it found.
        failure: A typed failure.
        lost: Why the node could not finish it; another one may.
        trouble: Why no node of this kind can compute it: something is not installed there.
    """

    calculation_id: str
    seconds: float
    outcome: Outcome | None = None
    failure: Failure | None = None
    lost: str | None = None
    trouble: str | None = None


def compute_batch(documents: Sequence[CalculationDocument]) -> list[Ended]:
    """Compute calculations one after the other."""
    return [_compute(document) for document in documents]


def _compute(document: CalculationDocument) -> Ended:
    started = time.monotonic()

    def ended(**how: object) -> Ended:
        return Ended(document.id, time.monotonic() - started, **how)  # type: ignore[arg-type]

    try:
        return ended(outcome=compute(document, None))
    except MissingExtraError as error:
        return ended(trouble=f"on {socket.gethostname()} {error}")
    except MemoryError:
        return ended(lost=f"{socket.gethostname()} was out of memory")
    except Exception as error:
        return ended(failure=failure_of(error))
