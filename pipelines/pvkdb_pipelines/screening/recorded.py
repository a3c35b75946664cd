"""A screening that leaves a run in the ledger: held while it goes on, ended once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pvkdb.errors import DatabaseError, InterruptedByUserError
from pvkdb.schemas.runs import RunCounts, RunDocument
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.runs import screening_runs
from pvkdb.store.runs.screening_runs import RUN_LEASE, RunLostError
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.screening.differences import differences
from pvkdb_pipelines.screening.funnel import Funnel

#: Seconds between two renewals.
HEARTBEAT_S = RUN_LEASE.total_seconds() / 10


def plan_name(plan: str, potential: str = "") -> str:
    """The name under which runs of a plan follow one another.

    Example:
        >>> plan_name("plans/tin.toml"), plan_name("lead-and-tin", "sevennet-0")
        ('tin', 'lead-and-tin@sevennet-0')
    """
    stem = Path(plan).name.removesuffix(".toml")
    return f"{stem}@{potential}" if potential else stem


@dataclass
class Run:
    """A run that this process holds. ``document`` is set once it has ended."""

    store: Store
    id: int
    owner: str
    document: RunDocument | None = field(default=None, init=False)

    def screen(self, funnel: Funnel) -> ScreeningReport:
        """Run the funnel, and write what it found and how that differs from the run before.

        Raises:
            RunLostError: another process has taken the run up; the report is not in the store.
        """
        report = funnel.run()
        counts = RunCounts(
            compositions=len(report.candidates),
            passed=sum(candidate.fall is None for candidate in report.candidates),
            calculations=sum(report.calculations.values()),
            computed=funnel.computed,
            failed=sum(report.failed.values()),
            core_hours=report.core_hours,
        )
        text = report.model_dump_json()
        with self.store.session() as session:
            mine = session.get_one(ScreeningRun, self.id)
            before = screening_runs.run_before(session, mine.plan, self.id)
            said = None if before is None else screening_runs.report_of(before)
            found = None
            if before is not None and said is not None:
                found = differences(json.loads(said), report, before.id)
            ended = screening_runs.finish(session, self.id, self.owner, text, counts, found)
            self.document = screening_runs.run_document(ended)
        return report

    def fail(self, reason: str) -> None:
        """Record why there is no report."""
        with self.store.session() as session:
            ended = screening_runs.fail(session, self.id, self.owner, reason)
            self.document = screening_runs.run_document(ended)

    def interrupt(self) -> None:
        """Record that it was stopped."""
        with self.store.session() as session:
            ended = screening_runs.interrupt(session, self.id, self.owner)
            self.document = screening_runs.run_document(ended)


def begin_run(
    store: Store, plan: str, fire_time: datetime | None = None, *, scheduled: bool = False
) -> Run | None:
    """Begin the run of a plan for a time, by default now; None where it is not ours to run.

    As of :func:`pvkdb.store.runs.screening_runs.begin`.
    """
    owner = current_owner()
    with store.session() as session:
        begun = screening_runs.begin(
            session, plan, fire_time or utc_now(), owner, is_alive, scheduled=scheduled
        )
        return None if begun is None else Run(store, begun.id, owner)


@contextmanager
def holding(run: Run) -> Iterator[Run]:
    """Hold a run within the block by heartbeats; an exception that leaves it ends the run."""
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(run, stop), name="run", daemon=True)
    thread.start()
    try:
        yield run
    except (KeyboardInterrupt, InterruptedByUserError):
        with suppress(DatabaseError, RunLostError):
            run.interrupt()
        raise
    except RunLostError:
        raise
    except Exception as error:
        with suppress(DatabaseError, RunLostError):
            run.fail(" ".join(f"{error}".split()) or type(error).__name__)
        raise
    finally:
        stop.set()
        thread.join(timeout=5)


def _renew(run: Run, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        # A database that cannot be reached now may be there at the next beat.
        with suppress(DatabaseError), run.store.session() as session:
            if not screening_runs.renew(session, run.id, run.owner):
                return  # taken up by another process, as its end will find out
