"""A pool of worker processes, one per core, that runs everything in the queue.

Each process claims its own work from the store. The parent forwards their reports, starts new
processes when one died or more work appeared, and requeues the work of dead ones. If the parent is
killed, the kernel ends its children, so that no orphan goes on computing and renewing its lease.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence, Sized
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pvkdb.errors import PvkdbError, StoreAwayError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb.store.queue.claims import count_queued
from pvkdb_pipelines.ownership import die_with
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import interrupts
from pvkdb_pipelines.work.cores import (
    batch_atoms,
    one_thread_each,
    pin_to_free_core,
    usable_cores,
)
from pvkdb_pipelines.work.tasks import POTENTIAL_KINDS
from pvkdb_pipelines.work.worker import Report, Worker

#: Seconds between checks of the processes, and of the queue.
_POLL_S, _QUEUE_POLL_S = 0.2, 1.0
#: Seconds that a process has to return its calculation to the queue before it is killed.
_RELEASE_S = 30.0
#: Processes that may die in a row before they have claimed a calculation.
_MOST_FAILED_STARTS = 3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class WorkerProcessError(PvkdbError):
    """A worker process failed to start its work; ``exit_code`` belongs to the error in it."""

    # The default is needed to unpickle it: a worker process sends it to its parent.
    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class LocalEngine:
    """Runs calculations in processes of this machine.

    Attributes:
        processes: Largest number of processes; default: one per core, or one that computes in
            batches. Never more than there are calculations.
        grace_s: Seconds for running calculations to finish when the engine is stopped; None if it
            is never stopped: a single calculation then runs in this process.
        pin: Whether each process, and the programs that it starts, is pinned to one core.
    """

    processes: int | None = None
    grace_s: float | None = None
    pin: bool = True
    #: A signal handler may set it.
    stopping: bool = field(default=False, init=False)

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """Run all queued calculations, or those in ``only``; yield each one when it ends.

        Raises:
            WorkerProcessError: a process failed to start its work; the queue is unchanged.
        """
        most = self.processes or (1 if batch_atoms() else usable_cores())
        with store.session(read_only=True) as session:
            count = count_queued(session, only, most)
        if count > 1 or (count == 1 and self.grace_s is not None):
            yield from _Pool(self, store, most, report, only).run(count)
        if count <= 1 and not self.stopping:
            yield from run_all(Worker(store, report), only)

    def stop(self) -> None:
        """Stop a running drain: calculations may finish in the grace time, others are requeued."""
        self.stopping = self.grace_s is not None

    def close(self) -> None:
        """Do nothing: the processes end with each drain."""


@dataclass
class _Child:
    process: BaseProcess
    events: Connection


@dataclass
class _Pool:
    """At most ``most`` worker processes, and the parent that watches them."""

    engine: LocalEngine
    store: Store
    most: int
    report: Report | None
    only: Sequence[str] | None

    def __post_init__(self) -> None:
        self._children: list[_Child] = []
        self._error: WorkerProcessError | None = None
        self._failed_starts = 0
        self._sent: list[tuple[float, signal.Signals]] = []
        self._next_check = 0.0

    def run(self, count: int) -> Generator[CalculationDocument]:
        """Run until nothing is queued or a stop was requested."""
        one_thread_each()
        self._start(count)
        try:
            while self._children:
                yield from self._events()
                self._remove_dead_workers()
                self._handle_stop_request()
                if time.monotonic() >= self._next_check or not self._children:
                    self._look_for_work()
        except BaseException:
            self._signal(signal.SIGINT)
            raise
        finally:
            self._join()
        if self._error is not None:
            raise self._error

    def _start(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        url = self.store.url.render_as_string(hide_password=False)
        # Ctrl-C reaches the whole group: children receive it once they can handle it.
        with stop_signals_blocked():
            for _ in range(count):
                ours, theirs = context.Pipe(duplex=False)
                reports, pin = self.report is not None, self.engine.pin
                args = (url, theirs, os.getpid(), reports, self.only, pin)
                process = context.Process(target=work, args=args)
                process.start()
                theirs.close()  # so that the end of the child is the end of the pipe
                self._children.append(_Child(process, ours))
        self._next_check = time.monotonic() + _QUEUE_POLL_S

    def _events(self) -> Iterator[CalculationDocument]:
        """Yield calculations that the children report as ended in one poll; forward progress."""
        ready = wait([child.events for child in self._children], timeout=_POLL_S)
        for child in [child for child in self._children if child.events in ready]:
            try:
                event: Any = child.events.recv()
            except (EOFError, OSError):  # it ended, perhaps in the middle of a message
                child.events.close()
                continue
            if isinstance(event, WorkerProcessError):
                self._error = event
                continue
            document, progress = event
            if progress is None:
                self._failed_starts = 0
                yield document
            elif self.report is not None:
                self.report(document, progress)

    def _remove_dead_workers(self) -> None:
        """Remove children that have ended and requeue the work of killed ones."""
        ended = [child for child in self._children if child.events.closed]
        for child in ended:
            child.process.join()
            self._children.remove(child)
            if (child.process.exitcode or 0) < 0:
                self._failed_starts += 1
                self._recover_lost()

    def _recover_lost(self) -> None:
        try:
            recovered = Worker(self.store).recover()
        except StoreAwayError:
            return  # the next check of the queue, or the next worker, recovers it
        if recovered.queued or recovered.failed:
            self._failed_starts = 0

    def _look_for_work(self) -> None:
        """Start processes for new work: queued since, freed by a dependency, or requeued."""
        self._next_check = time.monotonic() + _QUEUE_POLL_S
        if self._error is not None or self.engine.stopping:
            return
        missing = self.most - len(self._children)
        if missing <= 0:
            return
        if self._failed_starts >= _MOST_FAILED_STARTS:
            self._error = WorkerProcessError(
                f"{self._failed_starts} worker processes died at their start, perhaps for lack "
                "of memory; try fewer: --processes 1"
            )
            return
        try:
            with self.store.session(read_only=True) as session:
                queued = count_queued(session, self.only, missing)
        except StoreAwayError:
            if not self._children:
                raise
            return
        self._start(min(missing, queued))

    def _handle_stop_request(self) -> None:
        """Wait for the children to finish, then make them release their work, then kill them."""
        if not self.engine.stopping:
            return
        now = time.monotonic()
        if not self._sent:
            self._sent = [(now, signal.SIGTERM)]
            self._signal(signal.SIGTERM)
        since, last = self._sent[-1]
        if last is signal.SIGTERM and now > since + (self.engine.grace_s or 0.0):
            self._sent.append((now, signal.SIGINT))
            self._signal(signal.SIGINT)
        elif last is signal.SIGINT and now > since + _RELEASE_S:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.process.pid is not None and child.process.is_alive():
                os.kill(child.process.pid, number)

    def _join(self) -> None:
        end = time.monotonic() + _RELEASE_S
        for child in self._children:
            child.process.join(max(0.0, end - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
                self._recover_lost()
            child.events.close()
        self._children.clear()


def run_all(
    worker: Worker,
    only: Sequence[str] | None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[CalculationDocument]:
    """Run queued calculations until none is left or ``should_stop`` is true.

    They run one at a time, or side by side where :func:`batch_atoms` is not 0.
    """
    ids = None if only is None else iter(only)
    batch: Sized = ()

    def take() -> Callable[[], CalculationDocument] | None:
        while not should_stop():
            if ids is None:
                # What needs no potential would make the others wait for its end.
                return worker.claim(kinds=POTENTIAL_KINDS if len(batch) else None)
            if (calculation_id := next(ids, None)) is None:
                return None
            if (claimed := worker.claim(calculation_id)) is not None:
                return claimed
        return None

    if most_atoms := batch_atoms():
        # Imported here: ASE is loaded with it.
        from pvkdb_pipelines.potentials.batch import Batch

        batch = side_by_side = Batch[CalculationDocument](most_atoms)
        yield from side_by_side.run(take)
    else:
        while (claimed := take()) is not None:
            yield claimed()


def work(
    url: str, events: Connection, parent: int, reports: bool, only: Sequence[str] | None, pin: bool
) -> None:
    """Work as a child of ``parent``: SIGTERM ends it after its calculation, SIGINT at once.

    It sends each finished calculation into ``events`` and, if ``reports``, the progress too.
    """
    die_with(parent)
    if pin:
        pin_to_free_core()
    store = Store(url)
    stop_after_this = threading.Event()

    def send(document: CalculationDocument, progress: CalculationProgress | None) -> None:
        try:
            events.send((document, progress))
        except OSError:  # the parent is gone
            raise KeyboardInterrupt from None

    def report(document: CalculationDocument, progress: CalculationProgress) -> None:
        interrupts.check()
        if reports:
            send(document, progress)

    try:
        signal.signal(signal.SIGTERM, lambda *_: stop_after_this.set())
        interrupts.install_in_worker()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        with closing(run_all(Worker(store, report), only, stop_after_this.is_set)) as ended:
            for document in ended:
                send(document, None)
                if interrupts.requested():
                    break
    except KeyboardInterrupt:
        sys.exit(130)
    except PvkdbError as error:
        with suppress(OSError):
            events.send(WorkerProcessError(str(error), error.exit_code))
        sys.exit(error.exit_code)
    finally:
        store.close()


@contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Block the signals that stop this process; children start with them blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
