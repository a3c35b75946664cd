"""A worker of the queue: it claims a calculation, renews the lease, computes, and records it."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from types import FrameType, TracebackType
from typing import NoReturn, TypeVar

from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, MissingExtraError, StoreAwayError, UnstorableError
from pvkdb.schemas.calculations import CalculationDocument, FileDocument
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import keep_files
from pvkdb.store.queue.log import ProgressLine
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import interrupts, tasks

#: Seconds between two renewals of a lease, at which a cancellation is noticed too.
HEARTBEAT_S = queue.LEASE.total_seconds() / 12
#: Seconds that a worker waits for an unreachable database, and between its attempts.
PATIENCE_S, RETRY_S = 300.0, 1.0
#: Longest mean pause: it doubles, so that a thousand workers do not return to a database at once.
LONGEST_RETRY_S = 8.0
#: Interrupts this process if a cancelled calculation has not reached its next step.
_SIGNAL = signal.SIGUSR1

Report = Callable[[CalculationDocument, CalculationProgress], None]
ResultT = TypeVar("ResultT")


class StopCalculation(BaseException):
    """Raised when the calculation was cancelled or another worker has taken it over.

    Not an :class:`Exception`, so that libraries that catch exceptions do not swallow it.
    """


class Lease:
    """Renews the lease of a calculation from a thread, within the ``with`` block.

    Each heartbeat writes the progress of the calculation. If the calculation is to stop, its next
    step raises :class:`StopCalculation`. A step that takes longer than another heartbeat is
    interrupted by a signal, if it runs in the main thread.
    """

    def __init__(self, store: Store, calculation_id: str, owner: str, heartbeat_s: float) -> None:
        self._store = store
        self._id = calculation_id
        self._owner = owner
        self._heartbeat_s = heartbeat_s
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._lines: list[ProgressLine] = []
        self._progress: CalculationProgress | None = None
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._main: int | None = None

    def note(self, progress: CalculationProgress) -> None:
        """Keep the progress, which the next heartbeat writes to the store.

        Raises:
            StopCalculation: the calculation is to stop.
        """
        if self._stop.is_set():
            raise StopCalculation
        with self._lock:
            if self._progress is None or self._progress.stage != progress.stage:
                self._lines.append(ProgressLine(utc_now(), progress.stage))
            self._progress = progress

    def unwritten_lines(self) -> list[ProgressLine]:
        """Return the progress lines that no heartbeat has written yet."""
        with self._lock:
            return list(self._lines)

    def __enter__(self) -> Lease:
        if threading.current_thread() is threading.main_thread():
            self._main = threading.get_ident()
            self._before = signal.signal(_SIGNAL, _stop_calculation)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        try:
            self._thread.join(timeout=5)
        finally:
            if self._main is not None:
                signal.signal(_SIGNAL, self._before)

    def _renew(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            if not self._beat():
                break
        else:
            return
        self._stop.set()
        if not self._ended.wait(self._heartbeat_s) and self._main is not None:
            signal.pthread_kill(self._main, _SIGNAL)

    def _beat(self) -> bool:
        with self._lock:
            progress, lines = self._progress, list(self._lines)
        try:
            with self._store.session() as session:
                held = queue.heartbeat(
                    session,
                    self._id,
                    self._owner,
                    None if progress is None else asdict(progress),
                    lines,
                )
        except (DatabaseError, UnstorableError):
            return True  # the database may be reachable again at the next heartbeat
        if held:
            with self._lock:
                del self._lines[: len(lines)]
        return held


def _stop_calculation(number: int, frame: FrameType | None) -> NoReturn:
    raise StopCalculation


@dataclass(frozen=True, slots=True)
class Recovery:
    """Number of calculations recovered from workers that are gone, or watched for their end."""

    queued: int
    failed: int
    watched: int = 0


def record_end(
    session: Session,
    calculation_id: str,
    owner: str,
    end: tasks.Outcome | tasks.Failure,
    files: Sequence[FileDocument],
    lines: Sequence[ProgressLine],
) -> CalculationDocument:
    """Write the outcome or the failure of a calculation, and return its record.

    Raises:
        LeaseLostError: another worker has the calculation, or it is closed.
    """
    if isinstance(end, tasks.Failure):
        kind, message, _ = end
        queue.fail(session, calculation_id, owner, kind, message, files=files, lines=lines)
        session.flush()
        calculation = session.get_one(Calculation, calculation_id, populate_existing=True)
    else:
        calculation = queue.finish(
            session, calculation_id, owner, end.result, end.versions, files=files, lines=lines
        )
        session.add_all(end.records(session, calculation))
        session.flush()
    return calculation_document(calculation)


class Worker:
    """Runs calculations of a store in this process."""

    def __init__(self, store: Store, report: Report | None = None) -> None:
        """``report`` is called with each calculation's progress."""
        self.store = store
        self.owner = current_owner()
        self._report = report
        self._running: set[str] = set()

    def recover(self) -> Recovery:
        """Requeue the calculations of lost workers, or fail those out of attempts."""
        with self.store.session() as session:
            return Recovery(*queue.recover_lost(session, is_alive))

    def run(self, calculation_id: str | None = None) -> CalculationDocument | None:
        """Run the next queued calculation, or a given one; None if there is none to claim.

        An interruption (Ctrl-C) returns the calculation to the queue and is raised again. If the
        database becomes unreachable, the worker waits for it, so that no result is lost.
        """
        claimed = self.claim(calculation_id)
        return None if claimed is None else claimed()

    def claim(
        self, calculation_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> Callable[[], CalculationDocument] | None:
        """Claim a calculation as :meth:`run` does, or one of some kinds; return what runs it."""

        def claim(session: Session) -> CalculationDocument | None:
            # A claim whose answer was lost with the connection may have been granted.
            for held in queue.held_by(session, self.owner) if attempts else ():
                if held not in self._running:
                    queue.release(session, held, self.owner)
            attempts.append(1)
            calculation = queue.claim(session, self.owner, calculation_id, kinds)
            return None if calculation is None else calculation_document(calculation)

        attempts: list[int] = []
        document = self._with_retries(claim)
        if document is None:
            return None
        self._running.add(document.id)
        return partial(self._run, document)

    def _run(self, document: CalculationDocument) -> CalculationDocument:
        lease = Lease(self.store, document.id, self.owner, HEARTBEAT_S)
        try:
            return self._compute(document, lease)
        except (KeyboardInterrupt, DatabaseError, UnstorableError, MissingExtraError):
            # The environment failed, not the calculation: it returns to the queue. (A value that
            # the database refuses gets here if not even the failure could be recorded.)
            self._release(document.id, lease)
            raise
        finally:
            self._running.discard(document.id)

    def _compute(self, document: CalculationDocument, lease: Lease) -> CalculationDocument:
        """Compute a calculation, record its end and return the record."""

        def report(progress: CalculationProgress) -> None:
            lease.note(progress)
            if self._report is not None:
                self._report(document, progress)

        try:
            with lease:
                outcome = tasks.compute(document, report)
            return self._record(document.id, lease, outcome)
        except StopCalculation:
            with suppress(queue.LeaseLostError):
                self._with_retries(
                    lambda session: queue.cancelled(
                        session, document.id, self.owner, lease.unwritten_lines()
                    )
                )
        except queue.LeaseLostError:
            pass  # another worker has it and will write its result
        except (DatabaseError, MissingExtraError):
            raise
        except Exception as error:
            interrupts.check()  # Ctrl-C, which a library turned into an error of its own
            with suppress(queue.LeaseLostError):
                return self._record(document.id, lease, tasks.failure_of(error))
        return self._with_retries(
            lambda session: calculation_document(session.get_one(Calculation, document.id)),
            read_only=True,
        )

    def _record(
        self, calculation_id: str, lease: Lease, end: tasks.Outcome | tasks.Failure
    ) -> CalculationDocument:
        files, messages = keep_files(self.store, end.files)

        def record(session: Session) -> CalculationDocument:
            lines = [*lease.unwritten_lines(), *messages]
            return record_end(session, calculation_id, self.owner, end, files, lines)

        try:
            return self._with_retries(record)
        except UnstorableError as error:
            if not end.files:
                raise  # an outcome becomes a failure in _compute
            return self._record(calculation_id, lease, tasks.failure_of(error))

    def _release(self, calculation_id: str, lease: Lease) -> None:
        with suppress(DatabaseError), self.store.session() as session:
            queue.release(session, calculation_id, self.owner, lease.unwritten_lines())

    def _with_retries(
        self, work: Callable[[Session], ResultT], *, read_only: bool = False
    ) -> ResultT:
        """Run work in one transaction, :func:`patiently`.

        A transaction whose commit was not confirmed may have been written. The next attempt then
        finds the calculation closed and writes nothing (:class:`LeaseLostError`).
        """

        def transact() -> ResultT:
            with self.store.session(read_only=read_only) as session:
                return work(session)

        return patiently(transact)


def patiently(act: Callable[[], ResultT]) -> ResultT:
    """Return the result of work on a store; while the database is unreachable, try again.

    Raises:
        StoreAwayError: it was unreachable for :data:`PATIENCE_S`.
    """
    end, pause_s = None, RETRY_S
    while True:
        try:
            return act()
        except StoreAwayError as error:
            now = time.monotonic()
            if end is None:
                end = now + PATIENCE_S
                print(f"pvkdb: {error}; trying for {PATIENCE_S:.0f} s", file=sys.stderr)
            elif now > end:
                raise
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)
