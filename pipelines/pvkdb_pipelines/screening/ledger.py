"""A screening's calculations in the store: asked for once, worked off, looked up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from pvkdb.errors import InterruptedByUserError
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import AnyRelaxation
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import enqueue, requeue, submit
from pvkdb_pipelines.engines import CalculationEngine
from pvkdb_pipelines.engines.local import LocalEngine
from pvkdb_pipelines.work.worker import Worker

#: Keys looked up in one query.
_BATCH = 500
#: Seconds between looks at work that others do.
_POLL_S = 2.0
_OPEN = tuple(
    state.value
    for state in (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)
)

AnyRequest = AnyRelaxation | NebRequest
#: Hears how many of a stage's calculations are done, and how many there are.
OnDone = Callable[[int, int], None]


@dataclass
class Ledger:
    """The calculations that a screening has asked for, by their content keys.

    Attributes:
        store: Where the queue is.
        engine: What computes them.
        retry: Whether what failed before is computed again.
        lacking: Keys of what the store had not finished when it was asked for.
    """

    store: Store
    engine: CalculationEngine = field(default_factory=LocalEngine)
    retry: bool = False
    found: dict[str, Calculation] = field(default_factory=dict, init=False)
    lacking: set[str] = field(default_factory=set, init=False)

    def compute(self, requests: Sequence[AnyRequest], on_done: OnDone) -> None:
        """Have every request computed, unless the store knows the answer, and look them up.

        Other calculations that wait in the queue are worked off on the way.

        Raises:
            InterruptedByUserError: one of them was cancelled.
        """
        keys = list(dict.fromkeys(request.key() for request in requests))
        with self.store.session() as session:
            for request in requests:
                # A barrier is of a material; of a relaxation that turns out when it is done.
                if isinstance(request, NebRequest):
                    calculation, _ = submit(session, request)
                else:
                    calculation, _ = enqueue(session, request)
                failed = calculation.state == CalculationState.FAILED.value
                cancelled = calculation.state == CalculationState.CANCELLED.value
                # Once a run: what failed again in this one is a result of it.
                retried = self.retry and failed and calculation.key not in self.found
                if cancelled or retried:
                    requeue(session, calculation.id)
                if calculation.state in _OPEN:
                    self.lacking.add(calculation.key)
        self._drain(keys, on_done)
        found = self._look_up(keys)
        for entry in found.values():
            if entry.state == CalculationState.CANCELLED.value:
                raise InterruptedByUserError(
                    f"calculation {entry.id} was cancelled, so that the screening cannot go on; "
                    "the same command asks for it again"
                )
        self.found.update(found)

    def of(self, request: AnyRequest) -> Calculation:
        """The finished calculation of a request that was computed."""
        return self.found[request.key()]

    def held(self, requests: Sequence[AnyRequest]) -> int:
        """How many of the requests the store has finished already."""
        keys = list(dict.fromkeys(request.key() for request in requests))
        finished = [entry for entry in self._look_up(keys).values() if entry.state not in _OPEN]
        return len(finished)

    def _drain(self, keys: list[str], on_done: OnDone) -> None:
        wanted, total = frozenset(keys), len(keys)
        while (waiting := self._waiting(keys)) > 0:
            Worker(self.store).recover()
            drained, done = 0, total - waiting
            on_done(done, total)
            # Closed at once where on_done raises, so that no worker goes on behind our back.
            with contextlib.closing(self.engine.drain(self.store)) as finished:
                for document in finished:
                    drained += 1
                    if document.key in wanted:
                        done += 1
                        on_done(done, total)
            if drained == 0:
                time.sleep(_POLL_S)  # other workers have what is left
        on_done(total, total)

    def _waiting(self, keys: list[str]) -> int:
        with self.store.session(read_only=True) as session:
            return sum(
                session.scalar(
                    select(func.count())
                    .select_from(Calculation)
                    .where(Calculation.key.in_(part), Calculation.state.in_(_OPEN))
                )
                or 0
                for part in _parts(keys)
            )

    def _look_up(self, keys: list[str]) -> dict[str, Calculation]:
        with self.store.session(read_only=True) as session:
            found = {
                calculation.key: calculation
                for part in _parts(keys)
                for calculation in session.scalars(
                    select(Calculation).where(Calculation.key.in_(part))
                )
            }
            session.expunge_all()
        return found


def _parts(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
