"""Running what is due: once for each time, one run of a plan after the other, missed ones once.

What is due is read from the ledger each time: the last time of the expression that lies behind the
last run. Hence a machine that slept, or a run that took longer than the time between two, is made
up for by one run; and two schedulers, of which the ledger lets one begin, run a plan once.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pvkdb.errors import InterruptedByUserError, PvkdbError
from pvkdb.schemas.runs import RunDocument
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.runs import screening_runs
from pvkdb_pipelines.engines import CalculationEngine, make_engine
from pvkdb_pipelines.schedule.file import Entry
from pvkdb_pipelines.schedule.webhook import tell, worth_telling
from pvkdb_pipelines.screening.funnel import Funnel, Watch
from pvkdb_pipelines.screening.plan.plan_file import read_plan
from pvkdb_pipelines.screening.recorded import Run, begin_run, holding

#: Seconds between looks at everything, for what a scheduler that died has left.
_LOOK_S = 60


@dataclass
class Scheduler:
    """Runs the entries of a schedule on a store.

    Attributes:
        store: With the ledger.
        entries: What to run.
        say: Hears, in a line, what is begun and how it ended.
        clock: The time now, in UTC.
        watch: Hears of the progress of a run.
    """

    store: Store
    entries: Sequence[Entry]
    say: Callable[[str], None] = lambda line: None
    clock: Callable[[], datetime] = utc_now
    watch: Watch = lambda stage, done, total: None
    _due: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue, init=False)

    def due(self, entry: Entry) -> datetime | None:
        """The time for which an entry is to be run now; None where nothing is due.

        An entry that is seen for the first time, or has another expression, is due from then on.
        """
        now = self.clock()
        with self.store.session() as session:
            since = screening_runs.known_since(session, entry.name, entry.expression, now)
            last = screening_runs.last_fire_time(session, entry.name)
        return entry.times.latest(since if last is None else max(since, last), now)

    def run_due(self) -> list[RunDocument]:
        """Run what is due, one after the other; gives what was run here."""
        documents = []
        for entry in self.entries:
            fire_time = self.due(entry)
            if fire_time is not None and (document := self._run(entry, fire_time)) is not None:
                documents.append(document)
        return documents

    def run_once(self) -> list[RunDocument]:
        """Run every entry for this minute, whatever its times; what ran in it is not run again."""
        minute = self.clock().replace(second=0, microsecond=0)
        documents = [self._run(entry, minute) for entry in self.entries]
        return [document for document in documents if document is not None]

    def serve(self) -> None:
        """Run what is due and whatever comes due, until interrupted.

        A failure of a run, or a database that is away, is said and does not end it.
        """
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        # Timers only: runs happen in this thread, one at a time, since each takes all cores.
        timers = BackgroundScheduler(timezone="UTC")
        options: dict[str, Any] = {"misfire_grace_time": None, "coalesce": True}
        for entry in self.entries:
            timers.add_job(self._due.put, entry.times.trigger, args=[entry.name], **options)
        timers.add_job(self._due.put, IntervalTrigger(seconds=_LOOK_S), args=[""], **options)
        timers.start()
        try:
            while True:
                try:
                    self.run_due()
                except (InterruptedByUserError, KeyboardInterrupt):
                    raise
                except PvkdbError as error:
                    self.say(f"{error}; trying again within a minute")
                self._due.get()
        finally:
            timers.shutdown(wait=False)

    def _run(self, entry: Entry, fire_time: datetime) -> RunDocument | None:
        run = begin_run(self.store, entry.name, fire_time, scheduled=True)
        if run is None:
            self.say(
                f"{entry.name}: {fire_time:%Y-%m-%d %H:%M} UTC is run by another process, or was"
            )
            return None
        late = (self.clock() - fire_time).total_seconds()
        made_up = f", {late / 60:.0f} min late" if late >= 60 else ""
        self.say(f"{entry.name}: run {run.id} for {fire_time:%Y-%m-%d %H:%M} UTC{made_up}")
        try:
            with holding(run):
                self._screen(entry, run)
        except Exception as error:  # whatever a plan's libraries throw; the next one is another
            if isinstance(error, InterruptedByUserError) or run.document is None:
                raise
            self.say(f"{entry.name}: run {run.id} failed: {error}")
        document = run.document
        assert document is not None
        if document.counts is not None:
            self.say(f"{entry.name}: run {run.id} {in_words(document)}")
        return self._tell(entry, document)

    def _screen(self, entry: Entry, run: Run) -> None:
        plan = read_plan(entry.plan)
        with closing(self._engine(entry)) as engine:
            run.screen(Funnel(plan, self.store, watch=self.watch, retry=entry.retry, engine=engine))

    def _engine(self, entry: Entry) -> CalculationEngine:
        config = None if entry.config is None else Path(entry.config)
        return make_engine(entry.engine, config, entry.processes, self.say)

    def _tell(self, entry: Entry, document: RunDocument) -> RunDocument:
        if entry.webhook is None or not worth_telling(document):
            return document
        said = tell(entry.webhook, document)
        if not said.startswith("delivered"):
            self.say(f"{entry.name}: webhook {said}")
        with self.store.session() as session:
            screening_runs.note_webhook(session, document.id, said)
        return document.model_copy(update={"webhook": said})


def in_words(run: RunDocument) -> str:
    """What a finished run found, in a line."""
    assert run.counts is not None
    found = "first run" if run.differences is None else run.differences.words
    return (
        f"done in {run.duration_s:.1f} s: {run.counts.passed:,} of {run.counts.compositions:,} "
        f"passed, {run.counts.computed:,} of {run.counts.calculations:,} calculations computed, "
        f"{found}"
    )
