"""Progress of calculations on standard error: bars on a terminal, one line a stage in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pvkdb.cli import interrupts
from pvkdb.cli.console import messages

if TYPE_CHECKING:
    from rich.console import Console

    from pvkdb.schemas.calculations import CalculationDocument

Report = Callable[["CalculationDocument", Any], None]


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
            console.print(f"{_label(document)}: {progress.stage}", markup=False)

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
                tasks[document.id] = bars.add_task(_label(document), total=1.0, detail="")
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


def _label(document: CalculationDocument) -> str:
    return f"{document.material} {document.parameters['potential']}"
