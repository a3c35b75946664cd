r"""Formulas as they are printed, to plain text: Unicode, LaTeX, HTML and Markdown are taken off.

``Cs₂AgBiBr₆``, ``$\text{Cs}_2\text{AgBiBr}_6$``, ``Cs<sub>2</sub>AgBiBr<sub>6</sub>`` and
``Cs_{2}AgBiBr_{6}`` all become ``Cs2AgBiBr6``. Every character that stays remembers where it
stood, so that an error can point at the place in what the user wrote.

Blanks mean nothing, save where they part numbers: ``FAPbI3 0.95 MAPbBr3 0.05`` is the sum
``(FAPbI3)0.95(MAPbBr3)0.05``, and ``PbI3 0.95`` must not be read as 30.95 iodides.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pvkdb.errors import FormulaError

#: Longer texts are refused: no composition needs them, and a parser must not be made to work.
MAX_LENGTH = 200

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—−﹣－₋", "-"),
        **dict.fromkeys("₊＋", "+"),
        **dict.fromkeys("·∙⋅•", "·"),
        **dict.fromkeys("′’ʹ`", "'"),
        "″": "''",
        "∶": ":",
        "∂": "δ",
    }
)

_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "prime": "'"}

#: Mark-up, by what it becomes: nothing, a Greek letter, or an opening brace that prints nothing.
_MARKUP = re.compile(
    r"""\\(?P<greek>alpha|beta|gamma|delta|epsilon|prime)(?![a-z])
      | (?P<group>\\(?:text|mathrm|mathit|mathbf|textrm|textit|textbf|rm|it|ce|mathregular)\s*\{
          |_\s*\{)
      | (?P<kept>\\[{}])
      | (?P<entity>&\#?\w{1,8};)
      | (?P<nothing></?(?:sub|sup|i|b|em|strong|span|p)\s*>|\\(?:left|right|rm|cdot|,|;|:|!|\ |quad)
          |\$|_|\*\*?|~|\s|[\u200b-\u200f\u2060\ufeff\u00ad])
    """,
    re.VERBOSE,
)

#: A formula unit that ends in a number, and how much of it there is: ``FAPbI3 0.95``.
_UNIT = re.compile(r"\s*(?P<unit>[^\s\d]\S*[\d₀-₉])\s+(?P<amount>\d*\.?\d+)(?!\S)\s*")


@dataclass(frozen=True, slots=True)
class PlainText:
    """A formula without mark-up; ``places`` are the positions of its characters in ``source``."""

    source: str
    text: str
    places: tuple[int, ...]

    def error(self, position: int, reason: str) -> FormulaError:
        """An error that points at a character of the source, counted from 1."""
        place = self.places[position] if position < len(self.places) else len(self.source)
        return FormulaError(f"formula {self.source!r}, character {place + 1}: {reason}")

    def __getitem__(self, part: slice) -> PlainText:
        return PlainText(self.source, self.text[part], self.places[part])


def plain(source: str) -> PlainText:
    """Take the mark-up off a formula.

    Raises:
        FormulaError: the text is too long or holds a control character.
    """
    if len(source) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(source)} characters; at most {MAX_LENGTH} are accepted"
        )
    written, origins = _bracketed(source)
    letters: list[str] = []
    places: list[int] = []
    braces: list[bool] = []  # whether the open braces are printed
    position = blank = 0  # ``blank``: how many letters stood before the last blank
    while position < len(written):
        match = _MARKUP.match(written, position)
        found = ""
        if match is None:
            found, end = written[position], position + 1
            reason = None
            if unicodedata.category(found) == "Cc":
                reason = "is a control character; remove it"
            elif blank == len(letters) > 0 and (letters[-1] + found).isdecimal():
                reason = "a blank parts two numbers; write (FAPbI3)0.95(MAPbBr3)0.05 for a sum"
            if reason is not None:
                raise PlainText(source, written, tuple(origins)).error(position, reason)
            if found == "{":
                braces.append(True)
            elif found == "}" and braces and not braces.pop():
                found = ""
        else:
            end = match.end()
            if match["greek"]:
                found = _GREEK[match["greek"]]
            elif match["group"]:
                braces.append(False)
            elif match["kept"]:
                found = match["kept"][1]
            elif match["entity"]:
                found = html.unescape(match["entity"]).strip()
            elif match.group().isspace():
                blank = len(letters)
        for letter in _alike(found):
            letters.append(letter)
            places.append(origins[position])
        position = end
    return PlainText(source, "".join(letters), tuple(places))


def _bracketed(source: str) -> tuple[str, Sequence[int]]:
    """The source with brackets around units whose amounts stand behind blanks, and its places."""
    units = list(_UNIT.finditer(source))
    if len(units) < 2 or "".join(unit.group() for unit in units) != source:
        return source, range(len(source))
    written = ""
    origins: list[int] = []
    for unit in units:
        (start, end), (first, last) = unit.span("unit"), unit.span("amount")
        written += f"({unit['unit']}){unit['amount']}"
        origins += [start, *range(start, end), end - 1, *range(first, last)]
    return written, origins


def _alike(found: str) -> str:
    """Subscripts, full-width and mathematical letters to plain ones; dashes to one minus sign."""
    if found.isascii():
        return "'" if found == "`" else found
    found = found.translate(_ALIKE)
    return "".join(
        unicodedata.normalize("NFKC", letter)
        if unicodedata.decomposition(letter).startswith(("<sub>", "<wide>", "<font>"))
        else letter
        for letter in found
    )
