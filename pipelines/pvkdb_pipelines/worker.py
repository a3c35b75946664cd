"""Working the queue: claim a calculation, keep its lease alive, compute, write the record once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pvkdb.errors import DatabaseError, MissingExtraError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store import queue
from pvkdb.store.calculations import Calculation
from pvkdb.store.database import Store
from pvkdb.store.rows import calculation_document
from pvkdb_pipelines import tasks
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.progress import Progress

#: Seconds between two renewals of a lease.
HEARTBEAT_S = queue.LEASE.total_seconds() / 6

Report = Callable[[CalculationDocument, Progress], None]


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

        An interruption (Ctrl-C) puts the calculation back into the queue and passes on.
        """
        with self.store.session() as session:
            calculation = queue.claim(session, self.owner, calculation_id)
            if calculation is None:
                return None
            document = calculation_document(calculation)
        try:
            with self._lease(document.id):
                self._compute(document)
        except KeyboardInterrupt:
            self._release(document.id)
            raise
        with self.store.session() as session:
            return calculation_document(session.get_one(Calculation, document.id))

    def _compute(self, document: CalculationDocument) -> None:
        try:
            self._run(document)
        except (DatabaseError, MissingExtraError, MemoryError):
            # The surroundings failed, not the calculation: it stays to be done.
            self._release(document.id)
            raise
        except queue.LeaseLostError:
            return  # another worker has it, and will write its result
        except Exception as error:
            self._record_failure(document.id, *tasks.failure_of(error))

    def _run(self, document: CalculationDocument) -> None:
        report = self._report
        outcome = tasks.compute(
            document,
            None if report is None else lambda progress: report(document, progress),
        )
        with self.store.session() as session:
            calculation = session.get_one(Calculation, document.id)
            records = outcome.records(session, calculation)
            queue.finish(
                session, document.id, self.owner, outcome.result, outcome.versions, records
            )

    def _release(self, calculation_id: str) -> None:
        with contextlib.suppress(DatabaseError), self.store.session() as session:
            queue.release(session, calculation_id, self.owner)

    def _record_failure(self, calculation_id: str, kind: str, message: str) -> None:
        with contextlib.suppress(queue.LeaseLostError), self.store.session() as session:
            queue.fail(session, calculation_id, self.owner, kind, message)

    @contextmanager
    def _lease(self, calculation_id: str) -> Iterator[None]:
        """Renew the lease from a thread while the calculation runs."""
        stop = threading.Event()

        def renew() -> None:
            while not stop.wait(HEARTBEAT_S):
                # A database that cannot be reached now may be there at the next beat.
                with contextlib.suppress(DatabaseError), self.store.session() as session:
                    if not queue.heartbeat(session, calculation_id, self.owner):
                        return

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=5)
