"""Calculations that are needed at once: each is queued once, computed and looked up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from pvkdb.errors import InterruptedByUserError
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.relaxations import CalculationRequest
from pvkdb.store.base import batches
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import requeue, submit
from pvkdb_pipelines.engines import CalculationEngine
from pvkdb_pipelines.engines.engine import MessageSink
from pvkdb_pipelines.work.pool import LocalEngine
from pvkdb_pipelines.work.worker import Report, Worker

#: Keys looked up in one query.
_BATCH = 500
#: Seconds between checks of calculations that other workers compute.
_POLL_S = 2.0
_OPEN = tuple(
    state.value
    for state in (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)
)

#: Called with the number of finished calculations of a stage and their total.
OnDone = Callable[[int, int], None]


@dataclass
class Ledger:
    """The calculations of a screening or command, by their content keys.

    Attributes:
        store: Store with the queue.
        engine: Engine that computes them.
        retry: Whether calculations that failed before are computed again.
        report: Called with the progress of each calculation.
        report_message: Called once when other processes compute what is left.
        lacking: Keys of calculations that were not finished in the store when requested.
    """

    store: Store
    engine: CalculationEngine = field(default_factory=LocalEngine)
    retry: bool = False
    report: Report | None = None
    report_message: MessageSink = lambda message: None
    found: dict[str, Calculation] = field(default_factory=dict, init=False)
    lacking: set[str] = field(default_factory=set, init=False)

    def compute(self, requests: Sequence[CalculationRequest], on_done: OnDone) -> None:
        """Compute the requests that the store has not finished, and look up all requests.

        Other calculations of the queue are left to others.

        Raises:
            InterruptedByUserError: a calculation was cancelled.
        """
        keys = list(dict.fromkeys(request.key() for request in requests))
        with self.store.session() as session:
            for request in requests:
                calculation, _ = submit(session, request)
                failed = calculation.state == CalculationState.FAILED.value
                cancelled = calculation.state == CalculationState.CANCELLED.value
                # Retried once a run: a second failure is a result of the run.
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
                    f"calculation {entry.id} was cancelled; run the same command again to queue it "
                    "again"
                )
        self.found.update(found)

    def of(self, request: CalculationRequest) -> Calculation:
        """Return the finished calculation of a request."""
        return self.found[request.key()]

    def holds(self, request: CalculationRequest) -> bool:
        """Whether the finished calculation of a request was looked up."""
        return request.key() in self.found

    def look_up_finished(self, requests: Sequence[CalculationRequest]) -> None:
        """Look up the requests whose calculation is finished in the store."""
        self.found |= self._finished(requests)

    def missing(self, requests: Sequence[CalculationRequest]) -> list[CalculationRequest]:
        """Return the requests whose calculation is not finished in the store."""
        finished = self._finished(requests)
        return [request for request in requests if request.key() not in finished]

    def _finished(self, requests: Sequence[CalculationRequest]) -> dict[str, Calculation]:
        found = self._look_up(list({request.key() for request in requests}))
        return {key: entry for key, entry in found.items() if entry.state not in _OPEN}

    def _drain(self, keys: list[str], on_done: OnDone) -> None:
        total, waits = len(keys), False
        while unfinished := self._unfinished(keys):
            Worker(self.store).recover()
            before = done = total - len(unfinished)
            on_done(done, total)
            # Closed at once where on_done raises, so that no worker continues unnoticed.
            drained = self.engine.drain(self.store, self.report, unfinished)
            with contextlib.closing(drained) as finished:
                for _ in finished:
                    done += 1
                    on_done(done, total)
            if done == before:
                if not waits:
                    named = ", ".join(self._unfinished(keys)[:3])
                    self.report_message(f"calculation {named} runs in another process; waiting")
                waits = True
                time.sleep(_POLL_S)
        on_done(total, total)

    def _unfinished(self, keys: list[str]) -> list[str]:
        """Return the ids of the calculations that have not ended, in the order of their keys."""
        with self.store.session(read_only=True) as session:
            found: dict[str, str] = {}
            for part in batches(keys, _BATCH):
                query = select(Calculation.key, Calculation.id).where(
                    Calculation.key.in_(part), Calculation.state.in_(_OPEN)
                )
                found |= dict(session.execute(query).all())
        return [found[key] for key in keys if key in found]

    def _look_up(self, keys: list[str]) -> dict[str, Calculation]:
        with self.store.session(read_only=True) as session:
            found = {
                calculation.key: calculation
                for part in batches(keys, _BATCH)
                for calculation in session.scalars(
                    select(Calculation).where(Calculation.key.in_(part))
                )
            }
            session.expunge_all()
        return found
