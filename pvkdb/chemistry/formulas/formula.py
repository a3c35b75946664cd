"""Parsing of formulas into names of ions and exact amounts.

``CsPbBr3``, ``CH3NH3PbI3``, ``(PEA)2PbBr4``, ``Cs0.05(FA0.83MA0.17)0.95Pb(I0.83Br0.17)3`` and
``(3-AMP)(MA)n-1PbnI3n+1`` become names with their amounts.

Names overlap: NA is nonylammonium and the start of NAEA, Sn is tin or sulphur n times, and GABA
may be γ-aminobutyric acid or guanidinium and butylammonium. A formula is therefore split in every
possible way, longest names first, and :mod:`pvkdb.chemistry.formulas.interpretation` chooses the
first result with plausible charges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from pvkdb.chemistry.amounts import MAX_DEGREE, ONE, SYMBOLS, ZERO, Amount, read_amount
from pvkdb.chemistry.ions import generic_ions, names
from pvkdb.chemistry.text import PlainText, plain
from pvkdb.errors import FormulaError

MAX_DEPTH = 8
MAX_DIGITS = 12
#: Largest number of ways to split a formula that are tried. Valid formulas have one to four.
MAX_CUTS = 6

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_LEADING_LETTERS = ("A", "L", "R")
#: ``(n = 4)`` or ``, x=0.1, y=0.2`` behind a formula.
_VALUES = re.compile(
    rf"[,;:]?\(?<?(?P<values>[{SYMBOLS}]>?=\d+(?:\.\d+)?(?:[,;][{SYMBOLS}]=\d+(?:\.\d+)?)*)\)?$"
)


@dataclass(frozen=True, slots=True)
class ParsedFormula:
    """One way to split a formula into names.

    ``bare`` is True if it contains no number, as in MAPbI or MAPbBrxIx: then it may be a list of
    ions with open amounts. ``shared`` are names separated by commas, (FA,Cs)PbI3: they share the
    amount of their bracket in an open proportion, here equally. ``embraced`` are names in braces
    without an amount, as in {en}FASnI3, where the amount of en is open.
    """

    amounts: Mapping[str, Amount]
    bare: bool
    shared: frozenset[str]
    embraced: frozenset[str]


def parse_amounts(text: str) -> dict[str, Amount]:
    """Return the amount of every ion in a formula, by its name, in order of appearance.

    Raises:
        FormulaError: the message gives the first character that cannot be understood.

    Example:
        >>> parse_amounts("Cs0.5MA0.5PbI3")["Cs"].number
        Fraction(1, 2)
        >>> {name: str(amount) for name, amount in parse_amounts("CsPb(BrxI1-x)3").items()}
        {'Cs': '1', 'Pb': '1', 'Br': '3x', 'I': '3-3x'}
    """
    return dict(parsed_formulas(plain(text))[0].amounts)


def parsed_formulas(formula: PlainText) -> list[ParsedFormula]:
    """Return the ways to parse a formula, the one with the longest names first.

    Raises:
        FormulaError: there is none; the message gives the first character that does not fit.
    """
    formula, values = _split_values(formula)
    if not formula.text:
        raise FormulaError("the formula is empty; write for example CsPbBr3")
    reader = _Reader(formula, values)
    reader.read()
    if not reader.found:
        raise reader.error
    return reader.found


def _split_values(formula: PlainText) -> tuple[PlainText, dict[str, Fraction]]:
    """Split a text into a formula and the values of its symbols, as in ``(n=3)``."""
    match = _VALUES.search(formula.text)
    if match is None:
        return formula, {}
    pairs = (pair.split("=") for pair in re.split("[,;]", match["values"].replace(">", "")))
    return formula[: match.start()], {symbol: Fraction(value) for symbol, value in pairs}


@cache
def _lengths(generic: bool) -> dict[str, tuple[int, ...]]:
    """Return the lengths of the names by their first character, longest first."""
    known = [*names(), *generic_ions()] if generic else [*names()]
    found: dict[str, set[int]] = {}
    for name in known:
        found.setdefault(name[0], set()).add(len(name))
    return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}


@dataclass(frozen=True, slots=True)
class _Token:
    """A part of a formula: a name, a comma, or a bracket; a closing bracket is always ")"."""

    name: str
    amount: Amount = ONE
    written: str = ""  # the amount as written


class _Reader:
    """Parser of one formula; positions that lead to no result are visited only once."""

    def __init__(self, formula: PlainText, values: Mapping[str, Fraction]) -> None:
        self.formula = formula
        self.text = formula.text
        self.values = values
        # Letters that denote any ion are parsed beside X, which is not an element, and at the
        # beginning of a formula.
        self.generic = "X" in formula.text or formula.text.lstrip("([{")[:1] in _LEADING_LETTERS
        self.found: list[ParsedFormula] = []
        self.error = formula.error(0, "cannot be understood")
        self._farthest = -1
        self._cuts = 0
        self._dead: set[tuple[int, tuple[int, ...]]] = set()
        self._tokens: list[_Token] = []

    def read(self) -> None:
        """Parse the formula: add results to ``found``, or set ``error`` if there are none."""
        self._read_from(0, ())

    def _read_from(self, position: int, opened: tuple[int, ...]) -> bool:
        """Parse from a position to the end, inside the brackets opened at ``opened``."""
        if (position, opened) in self._dead or self._cuts >= MAX_CUTS:
            return False
        if position == len(self.text):
            complete = not opened and self._keep()
            self._cuts += complete
            if opened:
                closing = _CLOSING[self.text[opened[-1]]]
                self._fail(
                    position, f"opens a bracket that is never closed with {closing!r}", opened[-1]
                )
        else:
            complete = False
            for token, end, inside in self._next(position, opened):
                self._tokens.append(token)
                complete |= self._read_from(end, inside)
                self._tokens.pop()
        if not complete:
            self._dead.add((position, opened))
        return complete

    def _next(
        self, position: int, opened: tuple[int, ...]
    ) -> Iterator[tuple[_Token, int, tuple[int, ...]]]:
        """Yield the possible tokens at a position: names first, for HC(NH2)2 and (CH3)2NH2."""
        character = self.text[position]
        matched = False
        for length in _lengths(self.generic).get(character, ()):
            end = position + length
            name = self.text[position:end]
            if len(name) == length and self._is_name(name):
                matched = True
                for amount, after in self._amounts(end):
                    yield _Token(name, amount, self.text[end:after]), after, opened
                if self._fills_bracket(end):
                    return
        if opened and character == _CLOSING[self.text[opened[-1]]]:
            if self._tokens[-1].name in _CLOSING:
                self._fail(position, "closes an empty bracket")
                return
            for amount, after in self._amounts(position + 1):
                written = self.text[position + 1 : after]
                yield _Token(")", amount, written), after, opened[:-1]
        elif character in _CLOSING:
            if len(opened) == MAX_DEPTH:
                self._fail(position, f"brackets are nested deeper than {MAX_DEPTH} levels")
                return
            yield _Token(character), position + 1, (*opened, position)
        elif character == "," and opened and self._tokens[-1].name not in (*_CLOSING, ","):
            yield _Token(","), position + 1, opened
        elif character == "-" and self._joins_brackets(position):
            yield from self._next(position + 1, opened)
        elif not matched:
            self._fail(position, self._unknown(position))

    def _is_name(self, name: str) -> bool:
        """Whether a name is possible here. The A of FA and a leading X are not generic letters."""
        if name in names():
            return True
        if not self.generic or name not in generic_ions():
            return False
        if all(token.name in _CLOSING for token in self._tokens):
            return name != "X"
        if "X" not in self.text:
            return False
        before = self._tokens[-1]
        return bool(before.written) or before.name + name not in names()

    def _fills_bracket(self, end: int) -> bool:
        """Whether the name that ends here is alone in its bracket: (GABA) is not GA and BA."""
        begun = bool(self._tokens) and self._tokens[-1].name in _CLOSING
        return begun and self.text[end : end + 1] == _CLOSING[self._tokens[-1].name]

    def _joins_brackets(self, position: int) -> bool:
        """Whether a hyphen only separates two bracketed units, as in (A)-(MA)PbX3."""
        before, after = self.text[:position][-1:], self.text[position + 1 :][:1]
        return bool(before and after) and (before in ")]}" or after in _CLOSING)

    def _amounts(self, position: int) -> Iterator[tuple[Amount, int]]:
        """Yield each possible amount at a position with its end: the longest one first."""
        amount, end = read_amount(self.text, position) or (ONE, position)
        reason = self._refusal(amount, self.text[position:end])
        if reason is None:
            yield amount.at(self.values) if self.values else amount, end
        else:
            self._fail(position, reason)
        for cut in range(position, end):  # n-BA and 3-AMP begin like amounts
            if any(self.text[cut:after] in names() for after in range(cut + 2, cut + 8)):
                shorter, stop = read_amount(self.text[:cut], position) or (ONE, position)
                if stop == cut and self._refusal(shorter, self.text[position:cut]) is None:
                    yield shorter.at(self.values), cut

    def _refusal(self, amount: Amount, written: str) -> str | None:
        if max(map(len, re.findall(r"[\d.·]+", written)), default=0) > MAX_DIGITS:
            return f"starts an amount of more than {MAX_DIGITS} digits"
        if amount == ZERO:
            return "is an amount of zero; leave the ion out, or write decimals with a point"
        if not amount.possible:
            return "is a negative amount"
        if amount.degree > MAX_DEGREE:
            return f"multiplies more than {MAX_DEGREE} symbols"
        return None

    def _keep(self) -> bool:
        """Add the result of the tokens; return False if an amount is impossible."""
        levels: list[dict[str, Amount]] = [{}]
        starts: list[int] = []
        shared: set[str] = set()
        embraced: set[str] = set()
        for index, token in enumerate(self._tokens):
            if token.name in _CLOSING:
                levels.append({})
                starts.append(index)
                continue
            if token.name == ",":
                continue
            unit, size = {token.name: ONE}, 1
            if token.name == ")":
                unit = levels.pop()
                opening, *inside = self._tokens[starts.pop() : index]
                commas = sum(part.name == "," for part in inside)
                if commas and not any(part.written for part in inside):
                    size += commas
                    shared.update(unit)
                    if len(inside) != size + commas:
                        self._fail(index, "a comma in it parts more than single ions", 0)
                        return False
                elif opening.name == "{" and len(inside) == 1 and not token.written:
                    embraced.update(unit)
            for name, amount in unit.items():
                share = amount * token.amount
                levels[-1][name] = levels[-1].get(name, ZERO) + (
                    share if size == 1 else share / size
                )
        amounts = {name: amount for name, amount in levels[0].items() if amount}
        if any(not amount.possible or amount.degree > MAX_DEGREE for amount in amounts.values()):
            self._fail(len(self.text), "its amounts add up to a negative one or multiply too often")
            return False
        bare = not any(re.search(r"[\d+-]", token.written) for token in self._tokens)
        reading = ParsedFormula(amounts, bare, frozenset(shared), frozenset(embraced))
        if reading not in self.found:
            self.found.append(reading)
        return True

    def _fail(self, position: int, reason: str, place: int | None = None) -> None:
        """Keep a failure as the error if it is farther right than all failures before."""
        if position > self._farthest:
            self._farthest = position
            self.error = self.formula.error(position if place is None else place, reason)

    def _unknown(self, position: int) -> str:
        rest = self.text[position:]
        word = re.match(r"[A-Z][a-z]*|.", rest, re.DOTALL)
        name = word.group() if word else rest
        if name in ")]}":
            return f"{name!r} closes a bracket that was never opened"
        if name in "|/":
            return f"{name!r} parts compositions or layers; parse each of them alone"
        if name.isdecimal():
            return "an amount has no ion before it; ions come first"
        if organic := re.match(r"(?:[CHNOP]\d*|\([CHNO\d]+\)\d*){2,}", rest):
            return (
                f"{organic.group()!r} seems to belong to an organic ion that pvkdb does not know "
                "(see: pvkdb export ions)"
            )
        hint = "a small L; iodine is I" if name == "l" else "see: pvkdb export ions"
        return f"{name!r} is neither an element nor an ion that pvkdb knows ({hint})"
