"""One process of a pool: claims work until there is none, and tells its parent."""

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
from pvkdb_pipelines.progress import Progress
from pvkdb_pipelines.work.cores import pin_to_free_core
from pvkdb_pipelines.work.worker import Worker

STOPPING = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ChildError:
    """Why a process could not work."""

    message: str
    exit_code: int


def run_all(
    worker: Worker,
    only: Sequence[str] | None,
    enough: Callable[[], bool] = lambda: False,
) -> Iterator[CalculationDocument]:
    """Run what can be claimed, one after the other, until there is none or ``enough``."""
    if only is None:
        while not enough() and (document := worker.run()) is not None:
            yield document
        return
    for calculation_id in only:
        if enough():
            return
        if (document := worker.run(calculation_id)) is not None:
            yield document


def work(
    url: str, events: Connection, parent: int, tell: bool, only: Sequence[str] | None, pin: bool
) -> None:
    """Work as a child of ``parent``: SIGTERM ends it behind its calculation, SIGINT at once.

    Each calculation's progress goes into ``events`` if ``tell``, and its end in any case.
    """
    die_with(parent)
    if pin:
        pin_to_free_core()
    store = Store(url)
    stopping, enough = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        # Raised in a destructor or a callback of C code the exception is lost; the note is not.
        # Once only: Ctrl-C reaches the group and comes from the parent, too.
        if not stopping.is_set():
            stopping.set()
            raise KeyboardInterrupt

    def send(document: CalculationDocument, progress: Progress | None) -> None:
        try:
            events.send((document, progress))
        except OSError:  # nobody listens any more
            raise KeyboardInterrupt from None

    def report(document: CalculationDocument, progress: Progress) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        if tell:
            send(document, progress)

    try:
        signal.signal(signal.SIGTERM, lambda *_: enough.set())
        signal.signal(signal.SIGINT, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        for document in run_all(Worker(store, report), only, enough.is_set):
            send(document, None)
            if stopping.is_set():
                break
    except KeyboardInterrupt:
        sys.exit(130)
    except PvkdbError as error:
        with suppress(OSError):
            events.send(ChildError(str(error), error.exit_code))
        sys.exit(error.exit_code)
    finally:
        store.close()
