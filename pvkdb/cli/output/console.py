"""Printing: results on standard output, messages and progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pvkdb.errors import writing

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

#: Largest width of a table, so that it fits a terminal and a printed page.
MAX_WIDTH = 100


def output() -> Console:
    """Return the console for results: standard output."""
    return _console(stderr=False)


def messages() -> Console:
    """Return the console for messages and progress: standard error."""
    return _console(stderr=True)


def print_message(text: str) -> None:
    """Print a message on one line of standard error."""
    messages().print(text, markup=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Write a document to standard output as JSON; it may hold pydantic models."""
    text = json.dumps(
        document, ensure_ascii=False, indent=2, default=lambda model: model.model_dump(mode="json")
    )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(document: T, as_json: bool, printer: Callable[[T], object]) -> None:
    """Print a document as JSON, or with ``printer`` in a form for people."""
    if as_json:
        print_json(document)
    else:
        printer(document)


def plain(text: str) -> str:
    """Return a text with its brackets escaped, which rich would take for markup."""
    from rich.markup import escape

    return escape(text)


def print_lines(lines: Iterable[str]) -> None:
    """Print texts on standard output, each from the start of a line."""
    for line in lines:
        output().print(line, markup=False)


def print_field(name: str, text: str) -> None:
    """Print a name and its value on one line of standard output."""
    output().print(f"{name:<12} {text}", markup=False, soft_wrap=True)


def write_file(path: Path | None, content: str | bytes) -> None:
    """Write a file, and report it; without a path, write to standard output. Raises InputError."""
    if path is None:
        stream: Any = sys.stdout if isinstance(content, str) else sys.stdout.buffer
        stream.write(content)
        stream.flush()
        return
    with writing(path):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    print_message(f"wrote {path}")


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[str] = (),
    whole: Sequence[str] = (),
    caption: str | None = None,
) -> None:
    """Print a table on standard output.

    Columns in ``numeric`` are right-aligned; those and the columns in ``whole`` never wrap.
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
