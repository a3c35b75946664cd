"""Draining the queue with one process per core.

Each process claims its own work from the store; the parent shows what they report, starts a new
process where one died or where more work came up, and takes back what a dead one held. If the
parent is killed, the kernel ends its children, so that no work goes on unseen and the store's
leases tell the truth.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pvkdb.errors import PvkdbError, StoreAwayError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState
from pvkdb.store.database import Store
from pvkdb.store.queue.claims import count_by_state
from pvkdb_pipelines.progress import Progress
from pvkdb_pipelines.work.cores import one_thread_each, usable_cores
from pvkdb_pipelines.work.pool_process import STOPPING, ChildError, run_all, work
from pvkdb_pipelines.work.worker import Worker

Report = Callable[[CalculationDocument, Progress], None]

#: Seconds between looks at the processes, and at the queue.
_POLL_S, _LOOK_S = 0.2, 1.0
#: Seconds that a process gets to put its calculation back before it is killed.
_RELEASE_S = 30.0
#: Processes that may die one after the other without having held a calculation.
_FRUITLESS = 3


class WorkerProcessError(PvkdbError):
    """A process of the pool could not work; ``exit_code`` is that of its error."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class GracefulStop:
    """Lets a pool be asked to end well: nothing new is begun, what runs may finish in time.

    Attributes:
        grace_s: Seconds that running calculations get; what is not done then is put back.
        asked: Whether that was asked for; a signal handler may set it.
    """

    grace_s: float
    asked: bool = False


def drain(
    store: Store,
    processes: int | None = None,
    report: Report | None = None,
    only: Sequence[str] | None = None,
    stop: GracefulStop | None = None,
    pin: bool = True,
) -> Generator[CalculationDocument]:
    """Run everything that is queued; yields each calculation as it ends.

    Args:
        store: Where the queue is.
        processes: At most this many at once; by default one per core. Never more than there is
            work for, and a single one runs in this process unless ``stop`` is given.
        report: Called with the progress of each calculation.
        only: Ids of the calculations to run; None for all.
        stop: With it, the pool can be asked to end well.
        pin: Whether each process keeps to one core, and so do the programs that it starts.

    Raises:
        WorkerProcessError: a process could not work; the queue is as it was.
    """
    with store.session(read_only=True) as session:
        queued = count_by_state(session).get(CalculationState.QUEUED, 0)
    count = min(processes or usable_cores(), queued if only is None else len(only))
    if count > 1 or (count == 1 and stop is not None):
        most = processes or usable_cores()
        yield from _Pool(store, most, report, only, stop, pin).run(count)
    if (only is not None or count <= 1) and (stop is None or not stop.asked):
        yield from run_all(Worker(store, report), only)


@dataclass
class _Child:
    process: BaseProcess
    events: Connection


class _Pool:
    """Processes that work a queue off, watched from here."""

    def __init__(
        self,
        store: Store,
        most: int,
        report: Report | None,
        only: Sequence[str] | None,
        stop: GracefulStop | None,
        pin: bool,
    ) -> None:
        self._store = store
        self._most = most
        self._report = report
        self._only = only
        self._stop = stop
        self._pin = pin
        self._children: list[_Child] = []
        self._error: ChildError | None = None
        self._fruitless = 0
        self._sent: list[tuple[float, signal.Signals]] = []
        self._next_look = 0.0

    def run(self, count: int) -> Generator[CalculationDocument]:
        """Run until nothing is queued, or the end was asked for."""
        one_thread_each()
        self._start(count)
        try:
            while self._children:
                yield from self._events()
                self._bury()
                self._heed_stop()
                if time.monotonic() >= self._next_look or not self._children:
                    self._look_for_work()
        except BaseException:
            self._signal(signal.SIGINT)
            raise
        finally:
            self._join()
        if self._error is not None:
            raise WorkerProcessError(self._error.message, self._error.exit_code)

    def _start(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        url = self._store.url.render_as_string(hide_password=False)
        # Ctrl-C reaches the whole group: children first hear of it when they can answer.
        with signals_held():
            for _ in range(count):
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=work,
                    args=(
                        url,
                        theirs,
                        os.getpid(),
                        self._report is not None,
                        self._only,
                        self._pin,
                    ),
                )
                process.start()
                theirs.close()  # so that the end of the child is the end of the pipe
                self._children.append(_Child(process, ours))
        self._next_look = time.monotonic() + _LOOK_S

    def _events(self) -> Iterator[CalculationDocument]:
        """What the children tell, for a moment."""
        ready = wait([child.events for child in self._children], timeout=_POLL_S)
        for child in [child for child in self._children if child.events in ready]:
            try:
                event: Any = child.events.recv()
            except (EOFError, OSError):  # it ended, perhaps in the middle of a word
                child.events.close()
                continue
            if isinstance(event, ChildError):
                self._error = event
                continue
            document, progress = event
            if progress is None:
                self._fruitless = 0
                yield document
            elif self._report is not None:
                self._report(document, progress)

    def _bury(self) -> None:
        """Take leave of children that have ended; what a killed one held goes back."""
        ended = [child for child in self._children if child.events.closed]
        for child in ended:
            child.process.join()
            self._children.remove(child)
            if (child.process.exitcode or 0) < 0:
                self._fruitless += 1
                self._take_back()

    def _take_back(self) -> None:
        try:
            recovered = Worker(self._store).recover()
        except StoreAwayError:
            return  # the next look at the queue, or the next worker, does it
        if recovered.queued or recovered.failed:
            self._fruitless = 0

    def _look_for_work(self) -> None:
        """Start processes for work that has come up: queued anew, freed by a dependency, lost."""
        self._next_look = time.monotonic() + _LOOK_S
        if self._error is not None or self._only is not None or (self._stop and self._stop.asked):
            return
        missing = self._most - len(self._children)
        if missing <= 0:
            return
        if self._fruitless >= _FRUITLESS:
            self._error = ChildError(
                f"{self._fruitless} worker processes died before they could begin; is there "
                "memory for them? try fewer: --processes 1",
                1,
            )
            return
        try:
            with self._store.session(read_only=True) as session:
                queued = count_by_state(session).get(CalculationState.QUEUED, 0)
        except StoreAwayError:
            if not self._children:
                raise
            return
        self._start(min(missing, queued))

    def _heed_stop(self) -> None:
        """First let the children end, then have them put back what they hold, then kill them."""
        if self._stop is None or not self._stop.asked:
            return
        now = time.monotonic()
        if not self._sent:
            self._sent = [(now, signal.SIGTERM)]
            self._signal(signal.SIGTERM)
        since, last = self._sent[-1]
        if last is signal.SIGTERM and now > since + self._stop.grace_s:
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
                self._take_back()
            child.events.close()
        self._children.clear()


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back what would stop this process; children start with it held back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
