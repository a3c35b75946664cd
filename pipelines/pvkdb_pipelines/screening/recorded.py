"""Screenings recorded as runs in the store: leased while they run, ended once, and compared."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pvkdb
from pvkdb.errors import DatabaseError, InterruptedByUserError
from pvkdb.schemas.runs import (
    Differences,
    LostCandidate,
    PassedCandidate,
    RankChange,
    RunDocument,
)
from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.queue.log import storable
from pvkdb.store.runs import screening_runs
from pvkdb.store.runs.screening_runs import RUN_LEASE, RunLostError
from pvkdb_pipelines.ownership import current_owner, is_alive
from pvkdb_pipelines.screening.funnel import Funnel

#: Seconds between two renewals.
HEARTBEAT_S = RUN_LEASE.total_seconds() / 10


def plan_name(plan: str, potential: str = "") -> str:
    """Return the name that the runs of a plan share.

    Example:
        >>> plan_name("plans/tin.toml"), plan_name("lead-and-tin", "sevennet-0")
        ('tin', 'lead-and-tin@sevennet-0')
    """
    stem = Path(plan).name.removesuffix(".toml")
    return f"{stem}@{potential}" if potential else stem


@dataclass
class Run:
    """A run that this process holds; ``document`` is set when it has ended."""

    store: Store
    id: int
    owner: str
    document: RunDocument | None = field(default=None, init=False)

    def screen(self, funnel: Funnel) -> ScreeningReport:
        """Run the funnel; record its report and the differences from the run before.

        Raises:
            RunLostError: another process has taken over the run; the report is not recorded.
        """
        report = funnel.run()
        counts = screening_runs.counts_of(report, funnel.computed)
        text = report.model_dump_json()
        with self.store.session() as session:
            mine = session.get_one(ScreeningRun, self.id)
            before = screening_runs.run_before(session, mine.plan, self.id)
            earlier = None if before is None else screening_runs.report_of(before)
            found = None
            if before is not None and earlier is not None:
                found = differences(json.loads(earlier), report, before.id)
            ended = screening_runs.finish(session, self.id, self.owner, text, counts, found)
            self.document = screening_runs.run_document(ended)
        return report

    def end(self, end: Callable[..., ScreeningRun], *details: str) -> None:
        """Record that the run failed or was interrupted, unless another process has taken it."""
        with suppress(DatabaseError, RunLostError), self.store.session() as session:
            self.document = screening_runs.run_document(end(session, self.id, self.owner, *details))


def begin_run(
    store: Store, plan: str, fire_time: datetime | None = None, *, scheduled: bool = False
) -> Run | None:
    """Begin the run of a plan for a fire time, by default now.

    Returns:
        None where another process has run it or runs it
        (:func:`pvkdb.store.runs.screening_runs.begin`).
    """
    owner = current_owner()
    with store.session() as session:
        begun = screening_runs.begin(
            session, plan, fire_time or utc_now(), owner, is_alive, scheduled=scheduled
        )
        return None if begun is None else Run(store, begun.id, owner)


@contextmanager
def holding(run: Run) -> Iterator[Run]:
    """Renew the lease of a run within the block; an exception ends the run."""
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(run, stop), name="run", daemon=True)
    thread.start()
    try:
        yield run
    except (KeyboardInterrupt, InterruptedByUserError):
        run.end(screening_runs.interrupt)
        raise
    except RunLostError:
        raise
    except Exception as error:
        reason = " ".join(f"{error}".split()) or type(error).__name__
        run.end(screening_runs.fail, storable(reason))
        raise
    finally:
        stop.set()
        thread.join(timeout=5)


def _renew(run: Run, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        # A database that cannot be reached now may be back at the next renewal.
        with suppress(DatabaseError), run.store.session() as session:
            if not screening_runs.renew(session, run.id, run.owner):
                return  # another process has taken it over, which finish() will report


def differences(before: dict[str, Any], report: ScreeningReport, since: int) -> Differences:
    """Return the candidates that are new, lost or at another rank since the previous run.

    Args:
        before: report of the run before as JSON; an older version of pvkdb may have written it.
        report: report of this run.
        since: id of the run before.
    """
    passed_before = {
        entry["formula"]: entry.get("rank")
        for entry in before["candidates"]
        if entry.get("fall") is None
    }
    now = {candidate.formula: candidate for candidate in report.candidates}
    best_first = sorted(now.items(), key=lambda item: _place(item[1].rank))
    passed = {name: entry for name, entry in best_first if entry.fall is None}
    version = before.get("pvkdb_version")
    return Differences(
        since=since,
        new=[
            PassedCandidate(formula=name, rank=entry.rank)
            for name, entry in passed.items()
            if name not in passed_before
        ],
        lost=[
            LostCandidate(formula=name, before=rank, reason=_why_lost(now.get(name)))
            for name, rank in sorted(passed_before.items(), key=lambda item: _place(item[1]))
            if name not in passed
        ],
        moved=[
            RankChange(formula=name, before=passed_before[name], after=entry.rank)
            for name, entry in passed.items()
            if name in passed_before and passed_before[name] != entry.rank
        ],
        plan_changed=before.get("plan") != report.plan,
        version_before=version if version != pvkdb.__version__ else None,
    )


def _place(rank: int | None) -> float:
    return float("inf") if rank is None else rank


def _why_lost(candidate: ScreenedCandidate | None) -> str:
    if candidate is None or candidate.fall is None:
        return "the plan no longer makes it"
    return f"{candidate.fall.stage}: {candidate.fall.reason}"
