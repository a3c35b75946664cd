"""A process of a pool: it claims work until none is left and reports to its parent."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType

from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.ownership import die_with
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work.cores import pin_to_free_core
from pvkdb_pipelines.work.worker import Worker

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class ChildError:
    """The error of a worker process that failed to start its work."""

    message: str
    exit_code: int


def run_all(
    worker: Worker,
    only: Sequence[str] | None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[CalculationDocument]:
    """Run queued calculations, one at a time, until none is left or ``should_stop`` is true."""
    if only is None:
        while not should_stop() and (document := worker.run()) is not None:
            yield document
        return
    for calculation_id in only:
        if should_stop():
            return
        if (document := worker.run(calculation_id)) is not None:
            yield document


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
    interrupted, stop_after_this = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        # An exception raised in a destructor or in a callback of C code is lost; the event is not.
        # Only once: Ctrl-C reaches the whole group, and the parent sends it too.
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def send(document: CalculationDocument, progress: CalculationProgress | None) -> None:
        try:
            events.send((document, progress))
        except OSError:  # the parent is gone
            raise KeyboardInterrupt from None

    def report(document: CalculationDocument, progress: CalculationProgress) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        if reports:
            send(document, progress)

    try:
        signal.signal(signal.SIGTERM, lambda *_: stop_after_this.set())
        signal.signal(signal.SIGINT, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        for document in run_all(Worker(store, report), only, stop_after_this.is_set):
            send(document, None)
            if interrupted.is_set():
                break
    except KeyboardInterrupt:
        sys.exit(130)
    except PvkdbError as error:
        with suppress(OSError):
            events.send(ChildError(str(error), error.exit_code))
        sys.exit(error.exit_code)
    finally:
        store.close()
