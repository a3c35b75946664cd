"""What commands print: results on standard output, messages and progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

#: Tables never get wider than this, so that they fit a terminal and a paper.
MAX_WIDTH = 100


def output() -> Console:
    """The console of results."""
    return _console(stderr=False)


def messages() -> Console:
    """The console of messages and progress."""
    return _console(stderr=True)


def print_json(document: Any) -> None:
    """Write a JSON document to standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[str] = (),
    whole: Sequence[str] = (),
    caption: str | None = None,
) -> None:
    """A table on standard output.

    Columns in ``numeric`` are aligned to the right; those and the ones in ``whole`` never wrap.
    """
    from rich import box
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        expand=False,
    )
    listed = [list(row) for row in rows]
    for index, column in enumerate(columns):
        cells = [row[index] for row in listed]
        right = column in numeric
        table.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=right or column in whole,
            min_width=_longest(column, cells) if right or column in whole else None,
            overflow="fold",
        )
    for row in listed:
        table.add_row(*row)
    console = output()
    # A narrow terminal may wrap lines; it must not cut digits or drop columns.
    needed = table.__rich_measure__(console, console.options).minimum
    console.width = max(console.width, needed)
    console.print(table)


def _longest(column: str, cells: Iterable[str]) -> int:
    from rich.text import Text

    texts = (Text.from_markup(cell) for cell in (column, *cells))
    return max(line.cell_len for text in texts for line in text.split("\n", allow_blank=True))


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal or console.width > MAX_WIDTH:
        console.width = MAX_WIDTH
    return console
