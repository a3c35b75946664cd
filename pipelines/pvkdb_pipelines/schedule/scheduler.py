"""Running scheduled plans: one run for each fire time, one plan after the other.

The due time is read from the ledger: the last fire time of the expression that is later than the
last run. So a machine that was off, or a run that took longer than the interval, is followed by
one run; and two schedulers run a plan once, since the ledger lets only one of them begin.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread

import httpx

from pvkdb.errors import InterruptedByUserError, PvkdbError
from pvkdb.schemas.runs import RunDocument, RunState
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.runs import screening_runs
from pvkdb_pipelines.engines import make_engine
from pvkdb_pipelines.schedule.file import ScheduledPlan
from pvkdb_pipelines.screening.funnel import Funnel, Watch
from pvkdb_pipelines.screening.plan.plan import read_plan
from pvkdb_pipelines.screening.recorded import Run, begin_run, holding

#: Most seconds between two checks of what is due; runs of dead schedulers are found in them.
_CHECK_S = 60.0
#: Seconds from the look-up of a webhook's address to the end of the header of its answer.
WEBHOOK_LIMIT_S = 10.0


@dataclass
class Scheduler:
    """Runs the entries of a schedule on a store.

    Attributes:
        store: Store with the ledger.
        entries: Plans to run.
        report_message: Called with a line when a run begins or ends.
        clock: Returns the current time in UTC.
        watch: Called with the progress of a run.
    """

    store: Store
    entries: Sequence[ScheduledPlan]
    report_message: Callable[[str], None] = lambda line: None
    clock: Callable[[], datetime] = utc_now
    watch: Watch = lambda stage, done, total: None

    def due(self, entry: ScheduledPlan) -> datetime | None:
        """Return the fire time for which an entry is due now, or None.

        An entry that is new, or whose expression changed, is due from then on.
        """
        now = self.clock()
        with self.store.session() as session:
            since = screening_runs.known_since(session, entry.name, entry.expression, now)
            last = screening_runs.last_fire_time(session, entry.name)
        return entry.times.latest(since if last is None else max(since, last), now)

    def run_due(self) -> list[RunDocument]:
        """Run the due entries one after the other; return the runs that this process did."""
        due = ((entry, self.due(entry)) for entry in self.entries)
        ran = (self._run(entry, fire_time) for entry, fire_time in due if fire_time is not None)
        return [document for document in ran if document is not None]

    def run_once(self) -> list[RunDocument]:
        """Run every entry now, whatever its times, but at most once in a minute."""
        minute = self.clock().replace(second=0, microsecond=0)
        documents = [self._run(entry, minute) for entry in self.entries]
        return [document for document in documents if document is not None]

    def serve(self) -> None:
        """Run entries at their times until interrupted.

        A failed run or an unreachable database is reported and does not end the scheduler.
        """
        while True:
            try:
                self.run_due()
            except InterruptedByUserError:
                raise
            except PvkdbError as error:
                self.report_message(f"{error}; trying again within a minute")
            now = self.clock()
            following = min(entry.times.next_after(now) for entry in self.entries)
            time.sleep(min(_CHECK_S, max(0.0, (following - now).total_seconds())))

    def _run(self, entry: ScheduledPlan, fire_time: datetime) -> RunDocument | None:
        run = begin_run(self.store, entry.name, fire_time, scheduled=True)
        if run is None:
            self.report_message(
                f"{entry.name}: {fire_time:%Y-%m-%d %H:%M} UTC is run by another process, or was"
            )
            return None
        late = (self.clock() - fire_time).total_seconds()
        delay = f", {late / 60:.0f} min late" if late >= 60 else ""
        self.report_message(f"{entry.name}: run {run.id} for {fire_time:%Y-%m-%d %H:%M} UTC{delay}")
        try:
            with holding(run):
                self._screen(entry, run)
        except Exception as error:  # whatever a library raises, the next plan runs
            if isinstance(error, InterruptedByUserError) or run.document is None:
                raise
            self.report_message(f"{entry.name}: run {run.id} failed: {error}")
        document = run.document
        assert document is not None
        if document.counts is not None:
            self.report_message(f"{entry.name}: run {run.id} {_in_words(document)}")
        return self._notify(entry, document)

    def _screen(self, entry: ScheduledPlan, run: Run) -> None:
        plan = read_plan(entry.plan)
        config = None if entry.config is None else Path(entry.config)
        made = make_engine(entry.engine, config, entry.processes, self.report_message)
        with closing(made) as engine:
            run.screen(Funnel(plan, self.store, watch=self.watch, retry=entry.retry, engine=engine))

    def _notify(self, entry: ScheduledPlan, document: RunDocument) -> RunDocument:
        """Post a run that failed or has differences to the webhook; record the outcome."""
        changed = document.differences is not None and document.differences.any
        if entry.webhook is None or not (changed or document.state is RunState.FAILED):
            return document
        outcome = _post(entry.webhook, document)
        if not outcome.startswith("delivered"):
            self.report_message(f"{entry.name}: webhook {outcome}")
        with self.store.session() as session:
            screening_runs.note_webhook(session, document.id, outcome)
        return document.model_copy(update={"webhook": outcome})


def _post(url: str, run: RunDocument) -> str:
    """POST a run; return the outcome without the address, which may contain a secret.

    The body has ``event`` (``changed`` or ``failed``), ``text``, a sentence that chat services
    show, and ``run``.
    """
    failed = run.state is RunState.FAILED
    what = f"failed: {run.failure}" if failed else run.differences and run.differences.words
    body = {
        "event": "failed" if failed else "changed",
        "text": f"pvkdb: run {run.id} of {run.plan}: {what}",
        "run": run.model_dump(mode="json"),
    }
    outcomes = [f"not delivered: no answer within {WEBHOOK_LIMIT_S:g} s"]
    # A thread that may be left behind, since each limit of httpx is for one read alone.
    sending = Thread(target=lambda: outcomes.append(_delivered(url, body)), daemon=True)
    sending.start()
    sending.join(WEBHOOK_LIMIT_S)
    return outcomes[-1]


def _delivered(url: str, body: Mapping[str, object]) -> str:
    """POST a body; return the outcome as soon as the status is known, without reading further."""
    try:
        with httpx.stream("POST", url, json=body, timeout=WEBHOOK_LIMIT_S) as answer:
            sent = "delivered:" if answer.is_success else "not delivered: answered with"
            return f"{sent} {answer.status_code}"
    except httpx.InvalidURL:
        return "not delivered: the address is not valid"
    except httpx.HTTPError as error:
        return f"not delivered: {type(error).__name__}: {error}".replace(url, "the address")


def _in_words(run: RunDocument) -> str:
    """Return the outcome of a finished run in one line."""
    assert run.counts is not None
    found = "first run" if run.differences is None else run.differences.words
    return (
        f"done in {run.duration_s:.1f} s: {run.counts.passed:,} of {run.counts.compositions:,} "
        f"passed, {run.counts.computed:,} of {run.counts.calculations:,} calculations computed, "
        f"{found}"
    )
