"""Progress bars on standard error, shown only when requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A progress bar, drawn when the first progress is reported; does nothing unless ``shown``."""

    def __init__(self, title: str, shown: bool) -> None:
        self._title = title
        self._shown = shown
        self._bar: Progress | None = None

    def update(self, done: int, total: int | None) -> None:
        """Show how many items are done, out of ``total`` where that is known."""
        if not self._shown:
            return
        if self._bar is None:
            self._bar = _rich_progress()
            self._bar.start()
            self._bar.add_task(self._title)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        """Stop drawing and restore the terminal."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # a stream that was not read to its end


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
