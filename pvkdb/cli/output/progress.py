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

Report = Callable[["CalculationDocument", Any], None]

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


@contextmanager
def watch() -> Iterator[Report]:
    """Show the progress of calculations within the block; yields the function to report it.

    That function raises a stop request of the user that a library has swallowed.
    """
    console = messages()
    with _show_rows(console) as rows:
        show = _calculation_lines(console) if rows is None else rows.update_calculation

        def report(document: CalculationDocument, progress: Any) -> None:
            interrupts.check()
            show(document, progress)

        yield report


def _calculation_lines(console: Console) -> Report:
    """Return a function that writes a line for every new stage of a calculation."""
    printed: set[tuple[str, str]] = set()

    def report(document: CalculationDocument, progress: Any) -> None:
        if (document.id, progress.stage) not in printed:
            printed.add((document.id, progress.stage))
            console.print(f"{label(document)}: {progress.stage}", markup=False)

    return report


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
    def rate_per_s(self) -> float | None:
        """Finished items per second; None before the first one is finished."""
        elapsed = time.monotonic() - self.since
        return (self.done - self.first) / elapsed if self.done > self.first and elapsed else None

    @property
    def pace(self) -> str:
        """The rate and the remaining time; at the end, the time it took."""
        if self.done >= self.total:
            took = span(time.monotonic() - self.since)
            return f"took {took}" if self.done > self.first else ""
        rate = self.rate_per_s
        if rate is None:
            return ""
        shown = f"{rate:,.0f}/s" if rate >= 10 else f"{60 * rate:.3g}/min"
        return f"{shown}, {span((self.total - self.done) / rate)} left"

    def __str__(self) -> str:
        return f"{self.stage}: {self.done:,} of {self.total:,}"


class StageWatch:
    """Shows the progress of work in stages; ``current`` is the newest stage."""

    def __init__(self, show: Callable[[StageProgress], None]) -> None:
        self.current: StageProgress | None = None
        self._show = show

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show the progress of a stage; raises a stop request of the user."""
        interrupts.check()
        if self.current is None or self.current.stage != stage:
            self.current = StageProgress(stage, done, total, first=done)
        self.current.done, self.current.total = done, total
        self._show(self.current)


@contextmanager
def watch_stages() -> Iterator[StageWatch]:
    """Show the progress of work in stages within the block: one row each, or lines in a log."""
    console = messages()
    with _show_rows(console) as rows:
        yield StageWatch(_show_stages(console, rows))


def _show_stages(console: Console, rows: Rows | None) -> Callable[[StageProgress], None]:
    """Return a function that shows a stage in its row, or as lines of a log."""
    if rows is None:
        return _stage_lines(console)

    def show(stage: StageProgress) -> None:
        share = f"{stage.done:,}/{stage.total:,}"
        rows.update(stage.stage, stage.stage, stage.done, stage.total, share, stage.pace)

    return show


def _stage_lines(console: Console) -> Callable[[StageProgress], None]:
    """Return a function that writes a line for about every tenth of a stage."""
    printed: dict[str, tuple[float, int]] = {}  # time and number of the last line

    def show(stage: StageProgress) -> None:
        now = time.monotonic()
        finished = stage.done >= stage.total
        if stage.stage not in printed:
            console.print(str(stage), markup=False)
        else:
            when, done = printed[stage.stage]
            due = stage.done - done >= _LOG_SHARE * stage.total and now - when >= _LOG_S
            if done >= stage.total or not (due or finished):
                return
            console.print(f"{stage}, {stage.pace}", markup=False)
        printed[stage.stage] = (now, stage.done)

    return show


def label(document: CalculationDocument) -> str:
    """Return the title of a calculation's row: its material and, if it has one, its potential."""
    return f"{document.subject} {document.parameters.get('potential', '')}".strip()


class QueueWatch:
    """Shows the progress of a queue: live rows on a terminal, lines in a log; failures on both.

    ``count_unfinished`` returns the number of calculations that have not ended.
    """

    def __init__(
        self, count_unfinished: Callable[[], int], console: Console, rows: Rows | None
    ) -> None:
        self._count_unfinished = count_unfinished
        self._console = console
        self._rows = rows
        self._show_queue = _show_stages(console, rows)
        self._counted = float("-inf")
        self._queue = StageProgress("queue", 0, count_unfinished(), first=0)
        if self._queue.total:
            self._show_queue(self._queue)

    def report(self, document: CalculationDocument, progress: Any) -> None:
        """Show the progress of one calculation on a terminal; raises a stop request of the user."""
        interrupts.check()
        if self._rows is not None:
            self._rows.update_calculation(document, progress)

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
        self._show_queue(self._queue)


@contextmanager
def watch_queue(count_unfinished: Callable[[], int]) -> Iterator[QueueWatch]:
    """Show the progress of a queue within the block."""
    console = messages()
    with _show_rows(console) as rows:
        yield QueueWatch(count_unfinished, console, rows)
