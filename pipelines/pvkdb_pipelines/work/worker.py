"""Working the queue: claim a calculation, keep its lease alive, compute, write the record once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, MissingExtraError, StoreAwayError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import keep_files
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.progress import Progress
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.lease import Lease, StopCalculation

#: Seconds between two renewals of a lease; what is asked to be cancelled hears of it then.
HEARTBEAT_S = queue.LEASE.total_seconds() / 12
#: Seconds for which a worker waits for a database that went away, and between its attempts.
PATIENCE_S, RETRY_S = 300.0, 1.0

Report = Callable[[CalculationDocument, Progress], None]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Recovery:
    """Calculations taken back from workers that are gone."""

    queued: int
    failed: int


class Worker:
    """Runs calculations of a store, one after the other, in this process."""

    def __init__(self, store: Store, report: Report | None = None) -> None:
        """``report`` is called with each calculation's progress."""
        self.store = store
        self.owner = current_owner()
        self._report = report

    def recover(self) -> Recovery:
        """Take back what lost workers held."""
        with self.store.session() as session:
            return Recovery(*queue.recover_lost(session, is_alive))

    def run(self, calculation_id: str | None = None) -> CalculationDocument | None:
        """Run the next queued calculation, or a given one; None if there was none to claim.

        An interruption (Ctrl-C) puts the calculation back into the queue and passes on. A database
        that goes away is waited for, so that what was computed meanwhile is not lost.
        """
        document = self._claim(calculation_id)
        if document is None:
            return None
        lease = Lease(self.store, document.id, self.owner, HEARTBEAT_S)
        try:
            return self._compute(document, lease)
        except (KeyboardInterrupt, DatabaseError, MissingExtraError, MemoryError):
            # The surroundings failed, not the calculation: it stays to be done.
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
        return self._patiently(claim)

    def _compute(self, document: CalculationDocument, lease: Lease) -> CalculationDocument:
        """Compute, and record what came of it; gives the record."""
        try:
            with lease:
                outcome = tasks.compute(document, self._reporting(document, lease))
            return self._record_outcome(document.id, outcome, lease)
        except StopCalculation:
            self._record(
                lambda session: queue.cancelled(session, document.id, self.owner, lease.untold())
            )
        except queue.LeaseLostError:
            pass  # another worker has it, and will write its result
        except (DatabaseError, MissingExtraError, MemoryError):
            raise
        except Exception as error:
            self._record_failure(document.id, lease, tasks.failure_of(error))
        return self._patiently(
            lambda session: calculation_document(session.get_one(Calculation, document.id)),
            read_only=True,
        )

    def _reporting(self, document: CalculationDocument, lease: Lease) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            lease.tell(progress)
            if self._report is not None:
                self._report(document, progress)

        return report

    def _record_outcome(
        self, calculation_id: str, outcome: tasks.Outcome, lease: Lease
    ) -> CalculationDocument:
        files, said = keep_files(self.store, outcome.files)

        def record(session: Session) -> CalculationDocument:
            calculation = queue.finish(
                session,
                calculation_id,
                self.owner,
                outcome.result,
                outcome.versions,
                files=files,
                lines=[*lease.untold(), *said],
            )
            session.add_all(outcome.records(session, calculation))
            session.flush()
            return calculation_document(calculation)

        return self._patiently(record)

    def _record_failure(self, calculation_id: str, lease: Lease, failure: tasks.Failure) -> None:
        kind, message, contents = failure
        files, said = keep_files(self.store, contents)

        def record(session: Session) -> None:
            lines = [*lease.untold(), *said]
            queue.fail(session, calculation_id, self.owner, kind, message, files=files, lines=lines)

        self._record(record)

    def _record(self, write: Callable[[Session], None]) -> None:
        with suppress(queue.LeaseLostError):
            self._patiently(write)

    def _release(self, calculation_id: str, lease: Lease) -> None:
        with suppress(DatabaseError), self.store.session() as session:
            queue.release(session, calculation_id, self.owner, lease.untold())

    def _patiently(self, work: Callable[[Session], ResultT], *, read_only: bool = False) -> ResultT:
        """Do work in one transaction; where the database is away, try again until it is back.

        A transaction whose end was not answered may have been written. Trying it again then finds
        the calculation closed and writes nothing (:class:`LeaseLostError`).
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
