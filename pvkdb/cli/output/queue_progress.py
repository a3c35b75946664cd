"""Progress of the whole queue: how much is done, how fast, time left; and what runs now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pvkdb.cli import interrupts
from pvkdb.cli.output.console import messages
from pvkdb.cli.output.progress import StageProgress, count_columns, count_lines, label

if TYPE_CHECKING:
    from rich.console import Console

    from pvkdb.schemas.calculations import CalculationDocument

#: Seconds between looks at how much is open.
_LOOK_S = 1.0


class QueueWatch:
    """Takes what a pool tells. ``open_count`` says how many calculations are not ended."""

    def __init__(self, open_count: Callable[[], int], show: _Display) -> None:
        self._open_count = open_count
        self._show = show
        self._looked = float("-inf")
        self._count = StageProgress("queue", 0, open_count(), first=0)
        if self._count.total:
            self._show.count(self._count)

    def report(self, document: CalculationDocument, progress: Any) -> None:
        """Show progress of one calculation; raises where the user has asked to stop."""
        interrupts.check()
        self._show.running(document, progress)

    def ended(self, document: CalculationDocument) -> None:
        """Show that a calculation has ended."""
        self._count.done += 1
        now = time.monotonic()
        if now - self._looked >= _LOOK_S or self._count.done >= self._count.total:
            self._looked = now
            self._count.total = self._count.done + self._open_count()
        self._show.ended(document)
        self._show.count(self._count)


class _Display:
    """Lines in a log: about every tenth of the queue, and what failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.count = count_lines(console)

    def running(self, document: CalculationDocument, progress: Any) -> None:
        """A log is told of ends only; `pvkdb jobs follow` shows one calculation step by step."""

    def ended(self, document: CalculationDocument) -> None:
        """Tell a failure at once."""
        if document.state in ("failed", "cancelled"):
            reason = f": {document.failure_kind}: {document.failure_message}"
            self._console.print(
                f"{document.state}  {document.id}  {document.subject}"
                f"{reason if document.failure_kind else ''}",
                markup=False,
            )


class _Bars(_Display):
    """A row for the queue and one for each calculation that runs."""

    def __init__(self, console: Console, bars: Any) -> None:
        super().__init__(console)
        self._bars = bars
        self._rows: dict[str, Any] = {}
        self._total = bars.add_task("queue", total=None, pace="", share="")
        self.count = self._show_count

    def _show_count(self, count: StageProgress) -> None:
        self._bars.update(
            self._total,
            completed=count.done,
            total=count.total,
            share=f"{count.done:,}/{count.total:,}",
            pace=count.pace,
        )

    def running(self, document: CalculationDocument, progress: Any) -> None:
        """Move the calculation's row on."""
        if document.id not in self._rows:
            self._rows[document.id] = self._bars.add_task(
                label(document), total=1.0, pace="", share=""
            )
        force = "" if progress.force is None else f" {progress.force:.3f} eV/Å"
        self._bars.update(
            self._rows[document.id],
            completed=progress.fraction,
            share=f"{progress.fraction:.0%}",
            pace=f"{progress.stage}{force}",
        )

    def ended(self, document: CalculationDocument) -> None:
        """Take the calculation's row away."""
        row = self._rows.pop(document.id, None)
        if row is not None:
            self._bars.remove_task(row)
        super().ended(document)


@contextmanager
def watch_queue(open_count: Callable[[], int]) -> Iterator[QueueWatch]:
    """Show the progress of a queue within the block."""
    console = messages()
    if not console.is_terminal:
        yield QueueWatch(open_count, _Display(console))
        return
    from rich.progress import Progress

    with Progress(*count_columns(), console=console) as bars:
        yield QueueWatch(open_count, _Bars(console, bars))
