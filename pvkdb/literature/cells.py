"""Parsing of the text cells of one record; problems are collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isclose
from typing import NamedTuple, TypeVar

from pvkdb.chemistry.quantities import Interval
from pvkdb.chemistry.units import parse_measurement, unit_of
from pvkdb.errors import InputError, unknown_name

T = TypeVar("T")


#: Beginning of a cell that ``pvkdb draft`` proposes and that nobody has confirmed.
UNCONFIRMED = "? "
#: Texts that people write into cells that should be empty.
_NOT_REPORTED = frozenset({"n/a", "na", "n.a.", "n.r.", "nr", "none", "-", "–", "—", "?"})


class CellProblem(NamedTuple):
    """A problem of a cell: its column, its text, and why it cannot be used."""

    column: str
    value: str | None
    reason: str


class Cells:
    """Parser of the cells of a table's row; a method records a problem and returns None."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells
        self.problems: list[CellProblem] = []
        self.doubts: list[CellProblem] = []

    def complain(self, column: str, reason: str) -> None:
        """Record a problem of a cell, which refuses the import."""
        self.problems.append(CellProblem(column, self._cells.get(column), reason))

    def doubt(self, column: str, reason: str) -> None:
        """Record a warning about a value that is possible but unlikely."""
        self.doubts.append(CellProblem(column, self._cells.get(column), reason))

    def __contains__(self, column: str) -> bool:
        return column in self._cells

    def text(self, column: str) -> str | None:
        """Return the text of a cell; None if it is empty."""
        return self._cells.get(column) or None

    def required(self, column: str, example: str) -> str:
        """Return the text of a required cell; if it is empty, record a problem."""
        text = self.text(column)
        if text is None:
            self.complain(column, f"is empty, but every row needs it; write for example {example}")
        return text or ""

    def parsed(self, column: str, parse: Callable[[str], T]) -> T | None:
        """Return the value parsed from a cell; an InputError of ``parse`` becomes a problem."""
        text = self.text(column)
        if text is None:
            return None
        if text.casefold() in _NOT_REPORTED:
            self.complain(column, "says that nothing is reported; leave the cell empty")
            return None
        try:
            return parse(text)
        except InputError as error:
            self.complain(column, str(error))
            return None

    def choice(self, column: str, choices: Sequence[str]) -> str | None:
        """Return the one of ``choices`` that the cell contains, ignoring case."""

        def parse(text: str) -> str:
            for name in choices:
                if name.casefold() == text.casefold():
                    return name
            raise InputError(unknown_name(column, text, choices))

        return self.parsed(column, parse)

    def whole(self, column: str) -> int | None:
        """Return the cell as a whole number."""
        return self.parsed(column, _whole)

    def charge(self, column: str) -> int | None:
        """Return the cell as a signed charge: ``+1``, ``1+``, ``-2``."""
        return self.parsed(column, _charge)

    def name(self, column: str) -> str:
        """Return an id or key: a letter, then letters, digits and ``. _ -``; '' if it is empty."""
        text = self.text(column) or ""
        if text and not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,63}", text):
            self.complain(
                column, "is not a valid name; begin with a letter, then letters, digits, . _ -"
            )
        return text

    def truth(self, column: str) -> bool | None:
        """Return a boolean written as ``true`` or ``false``, ``yes`` or ``no``."""
        words = {"true": True, "yes": True, "false": False, "no": False}

        def parse(text: str) -> bool:
            if text.casefold() not in words:
                raise InputError("is neither true nor false")
            return words[text.casefold()]

        return self.parsed(column, parse)

    def interval(self, column: str, unit: str, leave_out: str = "") -> Interval | None:
        """Return the value with unit in a cell as an interval, converted to ``unit``.

        Counts and ratios need no unit. ``leave_out`` is a text that may precede the value.
        """
        needed = unit not in ("1", "cycles")

        def parse(text: str) -> Interval:
            return parse_measurement(text.removeprefix(leave_out), unit, unit_needed=needed)

        return self.parsed(column, parse)

    def number(self, column: str) -> float | None:
        """Return the number in a cell, which has no unit: the column name gives it."""

        def parse(text: str) -> float:
            found = parse_measurement(text, "1")
            if found.minimum is None or found.minimum != found.maximum or found.approximate:
                raise InputError("must be one plain number, in the unit of the column's name")
            return found.minimum

        return self.parsed(column, parse)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise InputError("is not a whole number")
    return int(text)


def _charge(text: str) -> int:
    plain = text.replace("−", "-").replace("⁺", "+").replace("⁻", "-")
    match = re.fullmatch(r"(?P<front>[+-])?(?P<size>\d)?(?P<back>[+-])?", plain)
    if not match or not plain or (match["front"] and match["back"]):
        raise InputError("is not a charge; write +1, -1 or 0")
    return int(f"{match['front'] or match['back'] or ''}{match['size'] or 1}")


def stability_doubt(days: float, printed: str, retention_s: float | None = None) -> str:
    """Return why a time in storage is unlikely to be one, with the remedy; '' if it is likely."""
    word = re.search(r"[A-Za-zμµ]*$", printed)
    unit = unit_of(word[0], ["s"]) if word and word[0] else None
    if days < 1:
        reason = f"is {days:.3g} days in storage, less than one"
    elif unit and unit[1] <= 1:
        reason = f"is printed in seconds, as a retention is ({days:.3g} days in storage)"
    elif retention_s is not None and isclose(days, retention_s / 86400, rel_tol=0.01):
        reason = "is as long as the retention"
    else:
        return ""
    return f"{reason}; if a state was held so long, move it to 'retention', else check the unit"
