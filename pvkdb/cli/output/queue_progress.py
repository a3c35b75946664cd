"""Progress of the queue: the share that is done, rate, remaining time, and running calculations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pvkdb.cli import interrupts
from pvkdb.cli.output.console import messages
from pvkdb.cli.output.progress import Rows, StageProgress, show_rows, show_stage, stage_lines

if TYPE_CHECKING:
    from rich.console import Console

    from pvkdb.schemas.calculations import CalculationDocument

#: Seconds between two counts of the unfinished calculations.
_COUNT_S = 1.0


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
        self._show_queue = (
            stage_lines(console) if rows is None else lambda queue: show_stage(rows, queue)
        )
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
    if not console.is_terminal:
        yield QueueWatch(count_unfinished, console, None)
        return
    with show_rows(console) as rows:
        yield QueueWatch(count_unfinished, console, rows)
