"""Draining the queue with one process per core.

Each process claims its own work from the store; the parent only shows what they report. If the
parent is killed, the kernel ends its children, so that no work goes on unseen and the store's
leases tell the truth.
"""

from __future__ import annotations

import multiprocessing
import os
import queue as queues
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn

from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState
from pvkdb.store.database import Store
from pvkdb.store.queue import count_by_state
from pvkdb_pipelines.ownership import die_with
from pvkdb_pipelines.progress import Progress
from pvkdb_pipelines.threads import one_thread_each
from pvkdb_pipelines.worker import Worker

#: What a process tells its parent: progress of a calculation, or its end.
Event = tuple[CalculationDocument, Progress | None]

_POLL_S = 0.2
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def drain(
    store: Store,
    processes: int | None = None,
    report: Callable[[CalculationDocument, Progress], None] | None = None,
    only: Sequence[str] | None = None,
) -> Generator[CalculationDocument]:
    """Run everything that is queued; yields each calculation as it ends.

    Args:
        store: Where the queue is.
        processes: At most this many at once; by default one per core. Never more than there is
            work for, and a single one runs in this process.
        report: Called with the progress of each calculation.
        only: Ids of the calculations to run; None for all.
    """
    with store.session() as session:
        waiting = count_by_state(session).get(CalculationState.QUEUED, 0)
    count = min(processes or usable_cores(), waiting if only is None else len(only))
    if count > 1:
        yield from _drain_parallel(store, count, report, only)
    yield from _run_all(Worker(store, report), only)


def _run_all(worker: Worker, only: Sequence[str] | None) -> Iterator[CalculationDocument]:
    """Run what can be claimed, one after the other."""
    if only is None:
        while (document := worker.run()) is not None:
            yield document
        return
    for calculation_id in only:
        if (document := worker.run(calculation_id)) is not None:
            yield document


def _drain_parallel(
    store: Store,
    count: int,
    report: Callable[[CalculationDocument, Progress], None] | None,
    only: Sequence[str] | None,
) -> Generator[CalculationDocument]:
    one_thread_each()
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    url = store.url.render_as_string(hide_password=False)
    processes: list[BaseProcess] = [
        context.Process(
            target=_work,
            args=(url, events, os.getpid(), report is not None, only),
            name=f"worker {index}",
        )
        for index in range(count)
    ]
    # Ctrl-C reaches the whole group: children first hear of it when they can answer.
    with signals_held():
        for process in processes:
            process.start()
    try:
        while True:
            try:
                document, progress = events.get(timeout=_POLL_S)
            except queues.Empty:
                if not any(process.is_alive() for process in processes):
                    break
                continue
            if progress is None:
                yield document
            elif report is not None:
                report(document, progress)
    except BaseException:
        for process in processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGINT)
        raise
    finally:
        for process in processes:
            process.join()


def _work(url: str, events: Any, parent: int, tell: bool, only: Sequence[str] | None) -> None:
    die_with(parent)
    store = Store(url)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        # Raised in a destructor or a callback of C code the exception is lost; the note is not.
        stopping.set()
        raise KeyboardInterrupt

    def report(document: CalculationDocument, progress: Progress) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        if tell:
            events.put((document, progress))

    worker = Worker(store, report)
    try:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        for document in _run_all(worker, only):
            events.put((document, None))
            if stopping.is_set():
                break
    except KeyboardInterrupt:
        sys.exit(130)
    except PvkdbError as error:
        print(f"pvkdb: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    finally:
        if stopping.is_set():
            # Nobody reads any more: what is left in a full pipe must not keep this process.
            events.cancel_join_thread()
        store.close()


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back what would stop this process; children start with it held back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
