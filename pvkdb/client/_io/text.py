"""Short tables of text, for what shows itself at a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines in columns; the last one is as long as it likes.

    Example:
        >>> print(columns([["tau", "1", "new tolerance factor"], ["r_a_ang", "Å", "radius of A"]]))
        tau      1  new tolerance factor
        r_a_ang  Å  radius of A
    """
    listed = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in listed
    )
