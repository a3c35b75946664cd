"""A worker of the queue: it claims a calculation, renews the lease, computes, and records it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, MissingExtraError, StoreAwayError
from pvkdb.schemas.calculations import CalculationDocument, FileDocument
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import keep_files
from pvkdb.store.queue.log import ProgressLine
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.lease import Lease, StopCalculation

#: Seconds between two renewals of a lease, at which a cancellation is noticed too.
HEARTBEAT_S = queue.LEASE.total_seconds() / 12
#: Seconds that a worker waits for an unreachable database, and between its attempts.
PATIENCE_S, RETRY_S = 300.0, 1.0

Report = Callable[[CalculationDocument, CalculationProgress], None]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Recovery:
    """Number of calculations recovered from workers that are gone."""

    queued: int
    failed: int


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
    """Runs calculations of a store in this process, one at a time."""

    def __init__(self, store: Store, report: Report | None = None) -> None:
        """``report`` is called with each calculation's progress."""
        self.store = store
        self.owner = current_owner()
        self._report = report

    def recover(self) -> Recovery:
        """Requeue the calculations of lost workers, or fail those out of attempts."""
        with self.store.session() as session:
            return Recovery(*queue.recover_lost(session, is_alive))

    def run(self, calculation_id: str | None = None) -> CalculationDocument | None:
        """Run the next queued calculation, or a given one; None if there is none to claim.

        An interruption (Ctrl-C) returns the calculation to the queue and is raised again. If the
        database becomes unreachable, the worker waits for it, so that no result is lost.
        """
        document = self._claim(calculation_id)
        if document is None:
            return None
        lease = Lease(self.store, document.id, self.owner, HEARTBEAT_S)
        try:
            return self._compute(document, lease)
        except (KeyboardInterrupt, DatabaseError, MissingExtraError, MemoryError):
            # The environment failed, not the calculation: it returns to the queue.
            self._release(document.id, lease)
            raise

    def _claim(self, calculation_id: str | None) -> CalculationDocument | None:
        def claim(session: Session) -> CalculationDocument | None:
            # A claim whose answer was lost with the connection may have been granted.
            for held in queue.held_by(session, self.owner) if attempts else ():
                queue.release(session, held, self.owner)
            attempts.append(1)
            calculation = queue.claim(session, self.owner, calculation_id)
            return None if calculation is None else calculation_document(calculation)

        attempts: list[int] = []
        return self._with_retries(claim)

    def _compute(self, document: CalculationDocument, lease: Lease) -> CalculationDocument:
        """Compute a calculation, record its end and return the record."""
        try:
            with lease:
                outcome = tasks.compute(document, self._reporting(document, lease))
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
        except (DatabaseError, MissingExtraError, MemoryError):
            raise
        except Exception as error:
            with suppress(queue.LeaseLostError):
                return self._record(document.id, lease, tasks.failure_of(error))
        return self._with_retries(
            lambda session: calculation_document(session.get_one(Calculation, document.id)),
            read_only=True,
        )

    def _reporting(
        self, document: CalculationDocument, lease: Lease
    ) -> Callable[[CalculationProgress], None]:
        def report(progress: CalculationProgress) -> None:
            lease.note(progress)
            if self._report is not None:
                self._report(document, progress)

        return report

    def _record(
        self, calculation_id: str, lease: Lease, end: tasks.Outcome | tasks.Failure
    ) -> CalculationDocument:
        files, messages = keep_files(self.store, end.files)

        def record(session: Session) -> CalculationDocument:
            lines = [*lease.unwritten_lines(), *messages]
            return record_end(session, calculation_id, self.owner, end, files, lines)

        return self._with_retries(record)

    def _release(self, calculation_id: str, lease: Lease) -> None:
        with suppress(DatabaseError), self.store.session() as session:
            queue.release(session, calculation_id, self.owner, lease.unwritten_lines())

    def _with_retries(
        self, work: Callable[[Session], ResultT], *, read_only: bool = False
    ) -> ResultT:
        """Run work in one transaction; while the database is unreachable, try again.

        A transaction whose commit was not confirmed may have been written. The next attempt then
        finds the calculation closed and writes nothing (:class:`LeaseLostError`).
        """
        end = None
        while True:
            try:
                with self.store.session(read_only=read_only) as session:
                    return work(session)
            except StoreAwayError as error:
                now = time.monotonic()
                if end is None:
                    end = now + PATIENCE_S
                    print(f"pvkdb: {error}; trying for {PATIENCE_S:.0f} s", file=sys.stderr)
                elif now > end:
                    raise
                time.sleep(RETRY_S)
