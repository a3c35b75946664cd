"""Between the queue and workers that cannot reach it.

A dispatcher claims calculations, keeps all their leases from one thread, hands them out in batches
and writes each result once. Nothing here knows Parsl: workers are whoever takes a batch and gives a
future.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, EngineError, MissingExtraError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState, FailureKind
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import keep_files
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.engines.durations import CAUTION, Durations
from pvkdb_pipelines.engines.engine import Report, Tell
from pvkdb_pipelines.engines.node import Ended
from pvkdb_pipelines.ownership import current_owner
from pvkdb_pipelines.progress import Progress
from pvkdb_pipelines.work.tasks import AT_ONCE, Failure, compute, failure_of

T = TypeVar("T")

#: Seconds between two renewals of the leases, and between two looks at the workers.
HEARTBEAT_S = queue.LEASE.total_seconds() / 6
_POLL_S = 0.5
#: A database that cannot be reached is asked again for so long before results are given up.
_PATIENCE_S = 120.0
_PAUSE_S = 2.0
#: Shorter batches would ask for blocks that are not worth their start.
_LEAST_S = 5.0
#: Calculations in one batch at most, however short they are.
_MOST = 200
#: Batches that each worker has, one at work and one to go on with at once.
_BATCHES_EACH = 2


class Workers(Protocol):
    """Takes batches of calculations, somewhere else.

    Attributes:
        capacity: How many batches they work on at once, at most.
        lost: What a future raises when whoever had the batch is gone.
        batch_s: Seconds that a batch should take, so that little is lost with it.
        longest_s: Seconds that are left for a batch in any block; None where there is no end.
    """

    capacity: int
    lost: tuple[type[BaseException], ...]
    batch_s: float
    longest_s: float | None

    def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[Ended]]:
        """Take a batch."""
        ...

    def check(self) -> None:
        """Notice what happened to them.

        Raises:
            EngineError: they will never answer.
        """
        ...


@dataclass
class Dispatcher:
    """Runs calculations of a store on workers.

    Attributes:
        store: Where the queue is.
        workers: Who computes.
        report: Called when a calculation is sent off and when it has ended.
        tell: Hears of losses, and what was left.
        stopping: Set to take on nothing new; what runs may end within ``grace_s`` seconds.
        grace_s: Seconds.
    """

    store: Store
    workers: Workers
    report: Report | None = None
    tell: Tell = lambda said: None
    stopping: threading.Event = field(default_factory=threading.Event)
    grace_s: float = 60.0

    def __post_init__(self) -> None:
        self.owner = current_owner()
        self._durations = Durations(self.store)
        self._running: dict[Future[list[Ended]], list[CalculationDocument]] = {}
        #: Everything claimed and not yet written. The thread that renews leases reads it too.
        self._held: dict[str, CalculationDocument] = {}
        self._too_long: list[CalculationDocument] = []
        #: Claimed, and computed here since that takes no time.
        self._at_once: list[CalculationDocument] = []

    def run(self, only: Sequence[str] | None = None) -> Generator[CalculationDocument]:
        """Run what is queued, or the calculations named; yields each as it ends.

        Raises:
            EngineError: the workers are gone for good, or calculations take longer than any block
                gives; these are said when all others are done.
        """
        ids = None if only is None else iter(only)
        deadline: float | None = None
        with self._leases():
            try:
                while True:
                    if self.stopping.is_set():
                        deadline = deadline or time.monotonic() + self.grace_s
                        if time.monotonic() >= deadline:
                            break
                    else:
                        yield from self._fill(ids)
                    if not self._running:
                        break
                    ended, _ = wait(self._running, _POLL_S, return_when=FIRST_COMPLETED)
                    self.workers.check()
                    for future in [future for future in self._running if future in ended]:
                        yield from self._settle(self._running.pop(future), future)
            finally:
                put_back = self._release()
        if self.stopping.is_set():
            self._tell_what_is_left(put_back)
        self._refuse_too_long()

    # Handing out

    def _fill(self, ids: Iterator[str] | None) -> Iterator[CalculationDocument]:
        """Keep every worker busy; yields what was done here at once."""
        while len(self._running) < _BATCHES_EACH * self.workers.capacity:
            batch = self._patiently(partial(self._claim, ids))
            if batch:
                self._send(batch)
            at_once, self._at_once = self._at_once, []
            for document in at_once:
                ended = Ended(document.id, 0.0, outcome=compute(document, None))
                yield from self._write(document, ended)
            if not batch and not at_once:
                return

    def _send(self, batch: list[CalculationDocument]) -> None:
        self._running[self.workers.submit(batch)] = batch
        for document in batch:
            self._report(document, Progress("sent to the cluster", 0, None, 0.0))

    def _claim(self, ids: Iterator[str] | None) -> list[CalculationDocument]:
        """Claim a batch: about as long as asked for, shorter where little is left for everyone."""
        batch: list[CalculationDocument] = []
        too_long: list[CalculationDocument] = []
        at_once: list[CalculationDocument] = []
        seconds, enough = 0.0, 0.0
        with self.store.session() as session:
            waiting = queue.count_by_state(session).get(CalculationState.QUEUED, 0)
            while not batch or (
                len(batch) < _MOST and seconds * (len(batch) + 1) / len(batch) <= enough
            ):
                calculation = self._next(session, ids)
                if calculation is None:
                    break
                document = calculation_document(calculation)
                if document.kind in AT_ONCE:
                    at_once.append(document)
                    continue
                if self._outlasts_a_block(document):
                    too_long.append(document)
                    continue
                if not batch:
                    enough = self._enough_s(waiting * self._durations.typical_s(document))
                batch.append(document)
                seconds += self._durations.typical_s(document)
        # Only now, behind the end of the transaction, are they ours.
        self._held.update((document.id, document) for document in [*batch, *too_long, *at_once])
        self._too_long += too_long
        self._at_once += at_once
        return batch

    def _enough_s(self, left_s: float) -> float:
        """How long a batch should be on average, of so much work that is left for all workers."""
        share_s = left_s / (_BATCHES_EACH * self.workers.capacity)
        enough_s = min(self.workers.batch_s, max(_LEAST_S, share_s))
        longest_s = self.workers.longest_s
        return enough_s if longest_s is None else min(enough_s, longest_s / CAUTION)

    def _next(self, session: Session, ids: Iterator[str] | None) -> Calculation | None:
        if ids is None:
            return queue.claim(session, self.owner)
        for calculation_id in ids:
            if (calculation := queue.claim(session, self.owner, calculation_id)) is not None:
                return calculation
        return None

    def _outlasts_a_block(self, document: CalculationDocument) -> bool:
        longest = self.workers.longest_s
        return longest is not None and self._durations.longest_s(document) > longest

    # Taking in

    def _settle(
        self, batch: list[CalculationDocument], future: Future[list[Ended]]
    ) -> Iterator[CalculationDocument]:
        """Write what a batch gave; what was lost with its worker goes out again, one by one, so
        that a calculation that kills workers takes no other with it."""
        documents = {document.id: document for document in batch}
        try:
            ended = future.result()
        except self.workers.lost as error:
            self.tell(f"{len(batch)} calculation(s) lost: {error}")
            for document in batch:
                yield from self._lost(document, str(error))
            return
        except Exception as error:
            raise EngineError(
                f"a worker cannot compute: {type(error).__name__}: {error}; is pvkdb of the same "
                "version installed where it runs? see worker_init"
            ) from error
        for entry in ended:
            document = documents[entry.calculation_id]
            if entry.trouble is not None:
                raise EngineError(f"{entry.trouble}; see worker_init")
            if entry.lost is not None:
                yield from self._lost(document, entry.lost)
            else:
                yield from self._write(document, entry)

    def _lost(self, document: CalculationDocument, reason: str) -> Iterator[CalculationDocument]:
        """Try again within the attempts that a calculation has, then record that it failed."""
        if document.id not in self._held:
            return  # another dispatcher has it
        attempt = self._patiently(partial(self._another_attempt, document.id))
        if attempt is not None:
            self._held[document.id] = attempt
            self._send([attempt])
            return
        message = (
            f"the worker was lost {queue.MAX_ATTEMPTS} times, last: {reason}; run it alone to see "
            "why, look at the logs of its blocks, and raise walltime if they ended at it"
        )
        yield from self._write(
            document, Ended(document.id, 0.0, failure=Failure(FailureKind.CRASHED, message))
        )

    def _write(self, document: CalculationDocument, ended: Ended) -> Iterator[CalculationDocument]:
        """Write an end, once."""
        if document.id not in self._held:
            return  # another dispatcher has it, and writes its own
        try:
            try:
                written = self._patiently(partial(self._write_once, document.id, ended))
            except (queue.LeaseLostError, DatabaseError, MissingExtraError):
                raise
            except Exception as error:  # in what is kept of it
                kind, message, _ = failure_of(error)
                files = {} if ended.outcome is None else ended.outcome.files
                failure = Failure(kind, message, files)
                ended = Ended(document.id, ended.seconds, failure=failure)
                written = self._patiently(partial(self._write_once, document.id, ended))
        except queue.LeaseLostError:
            self._held.pop(document.id, None)
            return
        self._held.pop(document.id, None)
        if ended.outcome is not None:
            self._durations.learn(document, ended.seconds)
        self._report(written, Progress("done", 0, None, 1.0))
        yield written

    def _write_once(self, calculation_id: str, ended: Ended) -> CalculationDocument:
        outcome = ended.outcome
        failure = ended.failure or Failure(FailureKind.CRASHED, "no word from its worker")
        contents = failure.files if outcome is None else outcome.files
        files, said = keep_files(self.store, contents)
        with self.store.session() as session:
            if outcome is not None:
                calculation = queue.finish(
                    session,
                    calculation_id,
                    self.owner,
                    outcome.result,
                    outcome.versions,
                    files=files,
                    lines=said,
                )
                session.add_all(outcome.records(session, calculation))
            else:
                kind, message, _ = failure
                queue.fail(
                    session, calculation_id, self.owner, kind, message, files=files, lines=said
                )
            session.flush()
            calculation = session.get_one(Calculation, calculation_id, populate_existing=True)
            return calculation_document(calculation)

    def _another_attempt(self, calculation_id: str) -> CalculationDocument | None:
        with self.store.session() as session:
            if not queue.another_attempt(session, calculation_id, self.owner):
                return None
            return calculation_document(session.get_one(Calculation, calculation_id))

    def _patiently(self, act: Callable[[], T]) -> T:
        """Do something with the store: a database that is away for a moment costs no result."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return act()
            except DatabaseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)

    # Leases

    @contextmanager
    def _leases(self) -> Iterator[None]:
        """Renew every lease from one thread."""
        stop = threading.Event()

        def renew() -> None:
            while not stop.wait(HEARTBEAT_S):
                # A database that cannot be reached now may be there at the next beat.
                with contextlib.suppress(DatabaseError), self.store.session() as session:
                    for calculation_id in list(self._held):
                        if not queue.heartbeat(session, calculation_id, self.owner):
                            # Asked to be cancelled, or another's: its result is not wanted.
                            with contextlib.suppress(queue.LeaseLostError):
                                queue.cancelled(session, calculation_id, self.owner)
                            self._held.pop(calculation_id, None)

        thread = threading.Thread(target=renew, name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=5)

    def _release(self) -> int:
        """Put everything back that is held, as if it had not been taken; says how many."""
        self._running.clear()
        put_back = 0
        with contextlib.suppress(DatabaseError), self.store.session() as session:
            for calculation_id in list(self._held):
                put_back += queue.release(session, calculation_id, self.owner)
        self._held.clear()
        return put_back

    # Words

    def _report(self, document: CalculationDocument, progress: Progress) -> None:
        if self.report is not None:
            self.report(document, progress)

    def _tell_what_is_left(self, put_back: int) -> None:
        with self.store.session(read_only=True) as session:
            waiting = queue.count_by_state(session).get(CalculationState.QUEUED, 0)
        self.tell(
            f"stopped: {put_back} calculation(s) put back, {waiting} wait in the queue; "
            "`pvkdb work` goes on with them"
        )

    def _refuse_too_long(self) -> None:
        if not self._too_long:
            return
        first = self._too_long[0]
        raise EngineError(
            f"{len(self._too_long)} calculation(s) may take longer than the "
            f"{self.workers.longest_s:.0f} s that a block gives one, {first.subject} with "
            f"{first.parameters.get('potential')} up to {self._durations.longest_s(first):.0f} s; "
            "they stay in the queue: raise walltime, or use --engine local"
        )
