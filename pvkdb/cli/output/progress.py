"""Progress of calculations on standard error: bars on a terminal, one line a stage in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pvkdb.cli import interrupts
from pvkdb.cli.output.console import messages
from pvkdb.display.times import span

if TYPE_CHECKING:
    from rich.console import Console

    from pvkdb.schemas.calculations import CalculationDocument

Report = Callable[["CalculationDocument", Any], None]

#: A log gets a line for each of these shares of a stage, and never two within these seconds.
_LOG_SHARE, _LOG_S = 0.1, 1.0


@contextmanager
def watch() -> Iterator[Report]:
    """Show progress within the block; gives the function that takes it.

    That function raises where the user has asked to stop and a library swallowed it.
    """
    console = messages()
    with _bars(console) if console.is_terminal else _lines(console) as show:

        def report(document: CalculationDocument, progress: Any) -> None:
            interrupts.check()
            show(document, progress)

        yield report


@contextmanager
def _lines(console: Console) -> Iterator[Report]:
    told: set[tuple[str, str]] = set()

    def report(document: CalculationDocument, progress: Any) -> None:
        if (document.id, progress.stage) not in told:
            told.add((document.id, progress.stage))
            console.print(f"{label(document)}: {progress.stage}", markup=False)

    yield report


@contextmanager
def _bars(console: Console) -> Iterator[Report]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def report(document: CalculationDocument, progress: Any) -> None:
            if document.id not in tasks:
                tasks[document.id] = bars.add_task(label(document), total=1.0, detail="")
            force = "" if progress.force is None else f" {progress.force:.3f} eV/Å"
            done = progress.fraction >= 1.0
            bars.update(
                tasks[document.id],
                completed=progress.fraction,
                detail="done" if done else f"{progress.stage}{force}",
            )
            if done:
                bars.stop_task(tasks[document.id])

        yield report


@dataclass(slots=True)
class StageProgress:
    """How far a stage is, and how fast it went since it was first heard of.

    What had been done before that is no part of the rate.
    """

    stage: str
    done: int
    total: int
    first: int
    since: float = field(default_factory=lambda: time.monotonic())

    @property
    def rate_per_s(self) -> float | None:
        """Items a second, None before the first one."""
        elapsed = time.monotonic() - self.since
        return (self.done - self.first) / elapsed if self.done > self.first and elapsed else None

    @property
    def pace(self) -> str:
        """Rate and time left in words, and at the end the time that it took."""
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
    """Takes the progress of work in stages; ``current`` is the stage last heard of."""

    def __init__(self, show: Callable[[StageProgress], None]) -> None:
        self.current: StageProgress | None = None
        self._show = show

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that so much of a stage is done; raises where the user has asked to stop."""
        interrupts.check()
        if self.current is None or self.current.stage != stage:
            self.current = StageProgress(stage, done, total, first=done)
        self.current.done, self.current.total = done, total
        self._show(self.current)


@contextmanager
def watch_stages() -> Iterator[StageWatch]:
    """Show the progress of work in stages within the block: a row each, or lines in a log."""
    console = messages()
    with _stage_bars(console) if console.is_terminal else _stage_lines(console) as show:
        yield StageWatch(show)


@contextmanager
def _stage_bars(console: Console) -> Iterator[Callable[[StageProgress], None]]:
    from rich.progress import Progress

    with Progress(*count_columns(), console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(count: StageProgress) -> None:
            if count.stage not in tasks:
                tasks[count.stage] = bars.add_task(
                    count.stage, total=count.total, pace="", share=""
                )
            bars.update(
                tasks[count.stage],
                completed=count.done,
                total=count.total,
                share=f"{count.done}/{count.total}",
                pace=count.pace,
            )

        yield show


def count_columns() -> list[Any]:
    """Columns of a row: what, bar, ``share`` of it that is done, ``pace``."""
    from rich.progress import BarColumn, TextColumn

    return [
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[share]:>9}"),
        TextColumn("{task.fields[pace]}"),
    ]


@contextmanager
def _stage_lines(console: Console) -> Iterator[Callable[[StageProgress], None]]:
    yield count_lines(console)


def count_lines(console: Console) -> Callable[[StageProgress], None]:
    """What writes a line for about every tenth of a stage."""
    told: dict[str, tuple[float, int]] = {}  # when, and how much was done

    def show(count: StageProgress) -> None:
        now = time.monotonic()
        finished = count.done >= count.total
        if count.stage not in told:
            console.print(str(count), markup=False)
        else:
            when, done = told[count.stage]
            due = count.done - done >= _LOG_SHARE * count.total and now - when >= _LOG_S
            if done >= count.total or not (due or finished):
                return
            console.print(f"{count}, {count.pace}", markup=False)
        told[count.stage] = (now, count.done)

    return show


def label(document: CalculationDocument) -> str:
    """What a calculation is of, and with which potential, where it has one."""
    return f"{document.subject} {document.parameters.get('potential', '')}".strip()
