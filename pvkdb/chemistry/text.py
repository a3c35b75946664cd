r"""Conversion of printed formulas to plain text: Unicode, LaTeX, HTML and Markdown are removed.

``Cs₂AgBiBr₆``, ``$\text{Cs}_2\text{AgBiBr}_6$``, ``Cs<sub>2</sub>AgBiBr<sub>6</sub>`` and
``Cs_{2}AgBiBr_{6}`` all become ``Cs2AgBiBr6``. The original position of every character is
kept, so that errors can refer to the text of the user.

Blanks have no meaning, except between numbers: ``FAPbI3 0.95 MAPbBr3 0.05`` is the sum
``(FAPbI3)0.95(MAPbBr3)0.05``, and ``PbI3 0.95`` must not be read as 30.95 iodides.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pvkdb.errors import FormulaError

#: Longest accepted text: no composition needs more, and parsing must stay fast.
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

#: Mark-up, by its replacement: nothing, a Greek letter, or an opening brace that is not printed.
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

#: A formula unit that ends in a number, and its amount: ``FAPbI3 0.95``.
_UNIT = re.compile(r"\s*(?P<unit>[^\s\d]\S*[\d₀-₉])\s+(?P<amount>\d*\.?\d+)(?!\S)\s*")

#: A Hermann-Mauguin symbol without blanks, whose underscores and slashes may be left out.
_SPACE_GROUP = re.compile(
    r"[PIFABCR](?:-?[12346](?:_?[1-5])?|[2346](?:_?[1-5])?/[abcdemn]|[abcdemn]){1,3}"
)
#: An overline, which is a minus sign in a Hermann-Mauguin symbol, behind or in front of a digit.
_OVERLINE = re.compile("(\\d)[\u0304\u0305]|\\s[\u0304\u0305](\\d)")


@dataclass(frozen=True, slots=True)
class PlainText:
    """A formula without mark-up; ``places`` are the positions of its characters in ``source``."""

    source: str
    text: str
    places: tuple[int, ...]

    def error(self, position: int, reason: str) -> FormulaError:
        """Return an error that refers to a character of the source, counted from 1."""
        place = self.places[position] if position < len(self.places) else len(self.source)
        return FormulaError(f"formula {self.source!r}, character {place + 1}: {reason}")

    def __getitem__(self, part: slice) -> PlainText:
        return PlainText(self.source, self.text[part], self.places[part])


def plain(source: str) -> PlainText:
    """Remove the mark-up of a formula.

    Raises:
        FormulaError: the text is too long or contains a control character.
    """
    if len(source) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(source)} characters; at most {MAX_LENGTH} are accepted"
        )
    written, origins = _bracketed(source)
    letters: list[str] = []
    places: list[int] = []
    braces: list[bool] = []  # whether the open braces are printed
    position = blank = 0  # ``blank``: number of letters before the last blank
    while position < len(written):
        match = _MARKUP.match(written, position)
        found = ""
        if match is None:
            found, end = written[position], position + 1
            reason = None
            if unicodedata.category(found) == "Cc":
                reason = "is a control character; remove it"
            elif blank == len(letters) > 0 and (letters[-1] + found).isdecimal():
                reason = "a blank separates two numbers; write (FAPbI3)0.95(MAPbBr3)0.05 for a sum"
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


def plain_phase(source: str) -> str:
    """Return the plain spelling of a phase; two texts are one phase if it is the same for both.

    Blanks that do not separate digits, invisible characters and typographic variants have no
    meaning, nor have underscores and slashes of space groups. Everything else distinguishes phases.

    Example:
        >>> plain_phase("P6_3/mmc"), plain_phase("P 6₃/m m c"), plain_phase("α/δ")
        ('P63mmc', 'P63mmc', 'α/δ')
    """
    text = _OVERLINE.sub(r"-\1\2", unicodedata.normalize("NFKC", _alike(source)))
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cf"))
    symbol = "".join(text.split())
    if _SPACE_GROUP.fullmatch(symbol):
        return re.sub("[_/]", "", symbol)
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text)


def _bracketed(source: str) -> tuple[str, Sequence[int]]:
    """Return the source with brackets around units whose amount follows a blank, and positions."""
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
    """Convert subscripts, full-width and mathematical letters and dashes to plain ones."""
    if found.isascii():
        return "'" if found == "`" else found
    found = found.translate(_ALIKE)
    return "".join(
        unicodedata.normalize("NFKC", letter)
        if unicodedata.decomposition(letter).startswith(("<sub>", "<wide>", "<font>"))
        else letter
        for letter in found
    )
