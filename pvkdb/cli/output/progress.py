"""Progress of calculations and of the queue: bars on a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pvkdb.cli.output.console import messages
from pvkdb.display.times import span
from pvkdb_pipelines.work import interrupts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from pvkdb.schemas.calculations import CalculationDocument

#: Seconds between two counts of the unfinished calculations.
_COUNT_S = 1.0
#: A log gets a line for each of these shares of a stage, at intervals of at least these seconds.
_LOG_SHARE, _LOG_S = 0.1, 1.0


class Rows:
    """Rows on a terminal: title, bar, share that is done, and details."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def update(
        self, key: str, title: str, done: float, total: float, share: str, detail: str
    ) -> None:
        """Show the progress of one row."""
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(title, share="", detail="")
        self._progress.update(
            self._tasks[key], completed=done, total=total, share=share, detail=detail
        )

    def update_calculation(self, document: CalculationDocument, progress: Any) -> None:
        """Show the progress of a calculation."""
        force = "" if progress.force is None else f" {progress.force:.3f} eV/Å"
        detail = "done" if progress.fraction >= 1.0 else f"{progress.stage}{force}"
        share = f"{progress.fraction:.0%}"
        self.update(document.id, label(document), progress.fraction, 1.0, share, detail)

    def remove(self, key: str) -> None:
        """Remove a row."""
        task = self._tasks.pop(key, None)
        if task is not None:
            self._progress.remove_task(task)


@contextmanager
def _show_rows(console: Console) -> Iterator[Rows | None]:
    """Show rows on a terminal within the block; yields None in a log."""
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[share]:>9}"),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield Rows(progress)


@dataclass(slots=True)
class StageProgress:
    """Progress of a stage, and its rate since the first report.

    Items that were done before the first report do not count for the rate.
    """

    stage: str
    done: int
    total: int
    first: int
    since: float = field(default_factory=lambda: time.monotonic())

    @property
    def pace(self) -> str:
        """The rate and the remaining time; at the end, the time it took; empty before an item."""
        elapsed, new = time.monotonic() - self.since, self.done - self.first
        if new <= 0:
            return ""
        if self.done >= self.total:
            return f"took {span(elapsed)}"
        if not elapsed:
            return ""
        rate = new / elapsed
        shown = f"{rate:,.0f}/s" if rate >= 10 else f"{60 * rate:.3g}/min"
        return f"{shown}, {span((self.total - self.done) / rate)} left"

    def __str__(self) -> str:
        return f"{self.stage}: {self.done:,} of {self.total:,}"


class Watch:
    """Shows the progress of work in stages and of calculations; ``current`` is the newest stage.

    On a terminal each has a live row. A log gets a line for about every tenth of a stage, and for
    every new stage of a calculation. Each call raises a stop request of the user, which a library
    may have swallowed.
    """

    def __init__(self, console: Console, rows: Rows | None) -> None:
        self.current: StageProgress | None = None
        self._console = console
        self._rows = rows
        #: Time and number of the last line of a stage, and the stages of calculations.
        self._lines: dict[str, tuple[float, int]] = {}
        self._printed: set[tuple[str, str]] = set()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show the progress of a stage."""
        interrupts.check()
        if self.current is None or self.current.stage != stage:
            self.current = StageProgress(stage, done, total, first=done)
        self.current.done, self.current.total = done, total
        self._show(self.current)

    def report(self, document: CalculationDocument, progress: Any) -> None:
        """Show the progress of a calculation."""
        interrupts.check()
        if self._rows is not None:
            self._rows.update_calculation(document, progress)
        elif (document.id, progress.stage) not in self._printed:
            self._printed.add((document.id, progress.stage))
            self._console.print(f"{label(document)}: {progress.stage}", markup=False)

    def _show(self, stage: StageProgress) -> None:
        if self._rows is not None:
            share = f"{stage.done:,}/{stage.total:,}"
            self._rows.update(stage.stage, stage.stage, stage.done, stage.total, share, stage.pace)
            return
        now = time.monotonic()
        if stage.stage not in self._lines:
            self._console.print(str(stage), markup=False)
        else:
            when, done = self._lines[stage.stage]
            due = stage.done - done >= _LOG_SHARE * stage.total and now - when >= _LOG_S
            if done >= stage.total or not (due or stage.done >= stage.total):
                return
            self._console.print(f"{stage}, {stage.pace}", markup=False)
        self._lines[stage.stage] = (now, stage.done)


class QueueWatch(Watch):
    """Shows the progress of a queue: its calculations on a terminal, and failures also in a log.

    ``count_unfinished`` returns the number of calculations that have not ended.
    """

    def __init__(
        self, console: Console, rows: Rows | None, count_unfinished: Callable[[], int]
    ) -> None:
        super().__init__(console, rows)
        self._count_unfinished = count_unfinished
        self._counted = float("-inf")
        self._queue = StageProgress("queue", 0, count_unfinished(), first=0)
        if self._queue.total:
            self._show(self._queue)

    def report(self, document: CalculationDocument, progress: Any) -> None:
        """Show the progress of one calculation on a terminal."""
        if self._rows is None:
            interrupts.check()
        else:
            super().report(document, progress)

    def ended(self, document: CalculationDocument) -> None:
        """Show that a calculation has ended, and its failure."""
        self._queue.done += 1
        now = time.monotonic()
        if now - self._counted >= _COUNT_S or self._queue.done >= self._queue.total:
            self._counted = now
            self._queue.total = self._queue.done + self._count_unfinished()
        if self._rows is not None:
            self._rows.remove(document.id)
        if document.state in ("failed", "cancelled"):
            reason = f": {document.failure_kind}: {document.failure_message}"
            self._console.print(
                f"{document.state}  {document.id}  {document.subject}"
                f"{reason if document.failure_kind else ''}",
                markup=False,
            )
        self._show(self._queue)


@contextmanager
def watching() -> Iterator[Watch]:
    """Show the progress of calculations and of work in stages within the block."""
    console = messages()
    with _show_rows(console) as rows:
        yield Watch(console, rows)


@contextmanager
def watching_queue(count_unfinished: Callable[[], int]) -> Iterator[QueueWatch]:
    """Show the progress of a queue within the block."""
    console = messages()
    with _show_rows(console) as rows:
        yield QueueWatch(console, rows, count_unfinished)


def label(document: CalculationDocument) -> str:
    """Return the title of a calculation's row: its material and, if it has one, its potential."""
    return f"{document.subject} {document.parameters.get('potential', '')}".strip()
