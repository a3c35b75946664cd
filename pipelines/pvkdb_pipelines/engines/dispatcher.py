"""The dispatcher between the queue and workers that cannot reach it.

It claims calculations, renews all their leases from one thread, sends them out in batches and
writes each result once. It does not depend on Parsl: workers are anything that takes a batch and
returns a future.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pvkdb.errors import DatabaseError, EngineError, MissingExtraError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.store.base import batches
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import keep_files
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.engines.durations import CAUTION, Durations
from pvkdb_pipelines.engines.engine import MessageSink
from pvkdb_pipelines.engines.node import NodeResult, compute_batch
from pvkdb_pipelines.ownership import current_owner
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work.tasks import INSTANT_KINDS, Failure, failure_of
from pvkdb_pipelines.work.worker import Report, patiently, record_end

#: Seconds between two renewals of the leases, and between two checks of the workers.
HEARTBEAT_S = queue.LEASE.total_seconds() / 6
_POLL_S = 0.5
#: Seconds of the shortest batch: shorter ones would request blocks that are not worth their start.
_SHORTEST_BATCH_S = 5.0
#: Most calculations in one batch, however short they are.
_LARGEST_BATCH = 200
#: Leases renewed in one transaction.
_AT_ONCE = 500
#: Batches for each worker: one that it computes and one that it starts next.
_BATCHES_EACH = 2

_NO_ANSWER = "its worker returned no result"


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """Workers with the same resources.

    Attributes:
        capacity: Largest number of batches that they compute at once.
        batch_s: Seconds that a batch should take, so that little is lost with it.
        longest_s: Longest duration of a batch that fits any block; None without a limit.
        kinds: Kinds of calculations that they compute, each in one group only; None: all.
        executors: Names of Parsl's executors that run them.
    """

    capacity: int
    batch_s: float
    longest_s: float | None = None
    kinds: tuple[str, ...] | None = None
    executors: tuple[str, ...] = ()

    def takes(self, document: CalculationDocument) -> bool:
        """Return whether these workers compute a calculation."""
        return self.kinds is None or document.kind in self.kinds


class Workers(Protocol):
    """Workers on other machines, which compute batches of calculations.

    ``lost`` are the exceptions that a future raises when the worker of its batch is gone.
    """

    lost: tuple[type[BaseException], ...]

    @property
    def groups(self) -> Sequence[WorkerGroup]:
        """The workers; the first group takes calculations that need no time."""

    def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[NodeResult]]:
        """Start computing a batch, whose calculations one group takes."""

    def check(self) -> None:
        """Check the state of the workers.

        Raises:
            EngineError: they will never return a result.
        """


@dataclass(slots=True)
class _Line:
    """Calculations on their way to a group of workers, claimed for its next batches.

    ``left`` are those of the given ids that were not tried yet; None if none were given.
    """

    group: WorkerGroup
    left: list[str] | None
    claimed: deque[CalculationDocument] = field(default_factory=deque)


@dataclass
class Dispatcher:
    """Runs calculations of a store on workers.

    Attributes:
        report: Called when a calculation is sent to a worker and when it has ended.
        report_message: Called with messages on losses and unfinished work.
        stopping: Set to start nothing new; running calculations may finish within ``grace_s``.
    """

    store: Store
    workers: Workers
    report: Report | None = None
    report_message: MessageSink = lambda message: None
    stopping: threading.Event = field(default_factory=threading.Event)
    grace_s: float = 60.0

    def __post_init__(self) -> None:
        self.owner = current_owner()
        self._durations = Durations(self.store)
        self._running: dict[Future[list[NodeResult]], list[CalculationDocument]] = {}
        #: All claimed calculations without a written result. The lease thread reads them too.
        self._held: dict[str, CalculationDocument] = {}
        #: Calculations that no block is long enough for, and how long blocks may compute, seconds.
        self._too_long: list[tuple[CalculationDocument, float]] = []
        self._only: Sequence[str] | None = None
        self._lines: list[_Line] = []
        #: Whether the last claim was not confirmed.
        self._unsure = False
        #: Claimed calculations that are computed here because they take no time.
        self._instant: list[CalculationDocument] = []

    def run(self, only: Sequence[str] | None = None) -> Generator[CalculationDocument]:
        """Run all queued calculations, or those in ``only``; yield each one when it ends.

        Raises:
            EngineError: the workers are gone, or calculations take longer than any block lasts;
                the latter is raised when all others are done.
        """
        self._only = only
        self._lines = [
            _Line(group, None if only is None else list(only)) for group in self.workers.groups
        ]
        deadline: float | None = None
        with self._leases():
            try:
                while True:
                    if self.stopping.is_set():
                        deadline = deadline or time.monotonic() + self.grace_s
                        if time.monotonic() >= deadline:
                            break
                    else:
                        for line in self._lines:
                            yield from self._fill(line)
                    if not self._running:
                        break
                    ended, _ = wait(self._running, _POLL_S, return_when=FIRST_COMPLETED)
                    self.workers.check()
                    for future in [future for future in self._running if future in ended]:
                        yield from self._collect(self._running.pop(future), future)
            finally:
                put_back = self._release()
        if self.stopping.is_set():
            self._report_unfinished(put_back)
        self._refuse_too_long()

    def _fill(self, line: _Line) -> Iterator[CalculationDocument]:
        """Send batches until every worker of a group is busy; yield what was computed here."""
        group = line.group
        while (
            sum(group.takes(batch[0]) for batch in self._running.values())
            < _BATCHES_EACH * group.capacity
        ):
            batch = self._batch(line)
            if batch:
                self._send(batch)
            instant, self._instant = self._instant, []
            for document, result in zip(instant, compute_batch(instant), strict=True):
                yield from self._write(document, result)
            if not batch and not instant:
                return

    def _send(self, batch: list[CalculationDocument]) -> None:
        self._running[self.workers.submit(batch)] = batch
        for document in batch:
            self._report(document, CalculationProgress("sent to the cluster", 0, None, 0.0))

    def _batch(self, line: _Line) -> list[CalculationDocument]:
        """Return a batch of about the wanted length, shorter if little work is left."""
        batch: list[CalculationDocument] = []
        seconds, wanted_s = 0.0, 0.0
        claimed, longest_s = line.claimed, line.group.longest_s
        waiting = len(claimed) + patiently(partial(self._count_queued, line.group))
        while not batch or (
            len(batch) < _LARGEST_BATCH and seconds * (len(batch) + 1) / len(batch) <= wanted_s
        ):
            # At most as many as the batch has, so that few are left over for the next one.
            if not claimed:
                patiently(partial(self._claim, line, max(1, len(batch))))
            if not claimed:
                break
            document = claimed.popleft()
            if document.kind in INSTANT_KINDS:
                self._instant.append(document)
                continue
            if longest_s is not None and self._durations.longest_s(document) > longest_s:
                self._too_long.append((document, longest_s))
                continue
            if not batch:
                wanted_s = _wanted_s(line.group, waiting * self._durations.typical_s(document))
            batch.append(document)
            seconds += self._durations.typical_s(document)
        return batch

    def _count_queued(self, group: WorkerGroup) -> int:
        most = _LARGEST_BATCH * _BATCHES_EACH * group.capacity
        with self.store.session(read_only=True) as session:
            return queue.count_queued(session, self._only, most, group.kinds)

    def _claim(self, line: _Line, count: int) -> None:
        """Claim the next calculations of a line; none if there are none."""
        left, claimed = line.left, list[CalculationDocument]()
        with self.store.session() as session:
            # A claim whose answer was lost with the connection may have been granted.
            for held in queue.held_by(session, self.owner) if self._unsure else ():
                if held not in self._held:
                    queue.release(session, held, self.owner)
            self._unsure = True
            while left != [] and not claimed:
                part, left = (None, []) if left is None else (left[:count], left[count:])
                found = queue.claim_batch(session, self.owner, count, part, line.group.kinds)
                claimed = [calculation_document(calculation) for calculation in found]
        # They are claimed only after the end of the transaction.
        self._unsure = False
        line.left = None if self._only is None else left
        self._held.update((document.id, document) for document in claimed)
        line.claimed.extend(claimed)

    def _collect(
        self, batch: list[CalculationDocument], future: Future[list[NodeResult]]
    ) -> Iterator[CalculationDocument]:
        """Write the results of a batch; send lost calculations out again, one at a time.

        A calculation that kills its worker then does not take others with it.
        """
        documents = {document.id: document for document in batch}
        try:
            results = future.result()
        except self.workers.lost as error:
            self.report_message(f"{len(batch)} calculation(s) lost: {error}")
            for document in batch:
                yield from self._lost(document, str(error))
            return
        except Exception as error:
            raise EngineError(
                f"a worker cannot compute: {type(error).__name__}: {error}; is pvkdb of the same "
                "version installed where it runs? see worker_init"
            ) from error
        for entry in results:
            document = documents[entry.calculation_id]
            if entry.trouble is not None:
                raise EngineError(f"{entry.trouble}; see worker_init")
            if entry.lost is not None:
                yield from self._lost(document, entry.lost)
            else:
                yield from self._write(document, entry)

    def _lost(self, document: CalculationDocument, reason: str) -> Iterator[CalculationDocument]:
        """Send a calculation out again while it has attempts left; then record its failure."""
        if document.id not in self._held:
            return  # another dispatcher has it
        attempt = patiently(partial(self._another_attempt, document.id))
        if attempt is not None:
            self._held[document.id] = attempt
            self._send([attempt])
            return
        message = (
            f"the worker was lost {queue.MAX_ATTEMPTS} times, last: {reason}; run it alone to see "
            "why, look at the logs of its blocks, and raise walltime if they ended at it"
        )
        yield from self._write(
            document, NodeResult(document.id, 0.0, failure=Failure(FailureKind.CRASHED, message))
        )

    def _write(
        self, document: CalculationDocument, result: NodeResult
    ) -> Iterator[CalculationDocument]:
        """Record and yield a finished calculation, unless another dispatcher has taken it over."""
        if document.id not in self._held:
            return  # another dispatcher has it and writes its own result
        try:
            written = patiently(partial(self._record, result))
        except queue.LeaseLostError:
            self._held.pop(document.id, None)
            return
        except (DatabaseError, MissingExtraError):
            raise
        except Exception as error:  # in the rows or files of the result
            if result.failure is not None and not result.failure.files:
                raise
            kind, message, _ = failure_of(error)
            files = {} if result.outcome is None else result.outcome.files
            failure = Failure(kind, message, files)
            yield from self._write(
                document, NodeResult(document.id, result.seconds, failure=failure)
            )
            return
        self._held.pop(document.id, None)
        if result.outcome is not None:
            self._durations.learn(document, result.seconds)
        self._report(written, CalculationProgress("done", 0, None, 1.0))
        yield written

    def _record(self, result: NodeResult) -> CalculationDocument:
        """Record a result in one transaction, and return the record."""
        end = result.outcome or result.failure or Failure(FailureKind.CRASHED, _NO_ANSWER)
        files, lines = keep_files(self.store, end.files)
        with self.store.session() as session:
            return record_end(session, result.calculation_id, self.owner, end, files, lines)

    def _another_attempt(self, calculation_id: str) -> CalculationDocument | None:
        with self.store.session() as session:
            if not queue.another_attempt(session, calculation_id, self.owner):
                return None
            return calculation_document(session.get_one(Calculation, calculation_id))

    @contextmanager
    def _leases(self) -> Iterator[None]:
        """Renew the leases of all held calculations from a thread, within the block."""
        stop = threading.Event()

        def renew() -> None:
            while not stop.wait(HEARTBEAT_S):
                for part in batches(list(self._held), _AT_ONCE):
                    # The database may be reachable again at the next heartbeat.
                    with contextlib.suppress(DatabaseError), self.store.session() as session:
                        for calculation_id in queue.renew(session, self.owner, part):
                            # Cancelled, or taken by another worker: its result is not needed.
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
        """Return all held calculations to the queue; return their number."""
        self._running.clear()
        for line in self._lines:
            line.claimed.clear()
        put_back = 0
        with contextlib.suppress(DatabaseError), self.store.session() as session:
            for calculation_id in list(self._held):
                put_back += queue.release(session, calculation_id, self.owner)
        self._held.clear()
        return put_back

    def _report(self, document: CalculationDocument, progress: CalculationProgress) -> None:
        if self.report is not None:
            self.report(document, progress)

    def _report_unfinished(self, put_back: int) -> None:
        with self.store.session(read_only=True) as session:
            waiting = queue.count_queued(session)
        self.report_message(
            f"stopped: {put_back} calculation(s) put back, {waiting} wait in the queue; "
            "`pvkdb work` continues with them"
        )

    def _refuse_too_long(self) -> None:
        if not self._too_long:
            return
        first, longest_s = self._too_long[0]
        raise EngineError(
            f"{len(self._too_long)} calculation(s) may take longer than the "
            f"{longest_s:.0f} s that a block gives one, {first.subject} with "
            f"{first.parameters.get('potential')} up to {self._durations.longest_s(first):.0f} s; "
            "they stay in the queue: raise walltime, or use --engine local"
        )


def _wanted_s(group: WorkerGroup, left_s: float) -> float:
    """Return the wanted duration of a batch in seconds; ``left_s`` is the work left for a group."""
    share_s = left_s / (_BATCHES_EACH * group.capacity)
    wanted_s = min(group.batch_s, max(_SHORTEST_BATCH_S, share_s))
    return wanted_s if group.longest_s is None else min(wanted_s, group.longest_s / CAUTION)
