"""Formulas as people write them, to amounts of ions and elements.

``CsPbBr3``, ``CH3NH3PbI3``, ``Cs₂AgBiBr₆``, ``(PEA)2PbBr4`` and ``Cs0.05MA0.15FA0.8PbI2.5Br0.5``
all become a mapping from symbol to exact amount. Which ion sits on which site is decided in
:mod:`pvkdb.chemistry.composition`.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import cache

from pvkdb.chemistry.ions import elements, molecular_names
from pvkdb.errors import FormulaError

#: Longer texts are refused: no composition needs them, and a parser must not be made to work.
MAX_LENGTH = 200
MAX_DEPTH = 8
DECIMALS = 6

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋−–‐‑·∙", "0123456789+-----..")


@cache
def _names() -> re.Pattern[str]:
    """Ion abbreviations and element symbols, longest first."""
    names = sorted({*molecular_names(), *elements()}, key=lambda name: (-len(name), name))
    return re.compile("|".join(re.escape(name) for name in names))


def parse_amounts(text: str) -> dict[str, Fraction]:
    """Amount of every element and molecular ion in a formula, in order of appearance.

    Raises:
        FormulaError: names the place of the first character that cannot be understood.

    Example:
        >>> parse_amounts("Cs0.5MA0.5PbI3")["Cs"]
        Fraction(1, 2)
    """
    cleaned = _clean(text)
    amounts, position = _group(text, cleaned, 0, closing=None, depth=0)
    if position != len(cleaned):  # pragma: no cover - _group consumes everything or raises
        raise _error(text, position, "cannot be understood")
    if not amounts:
        raise FormulaError("the formula is empty; write for example CsPbBr3")
    return amounts


def is_exact(amount: Fraction) -> bool:
    """Whether six decimals hold an amount exactly: a third is not, a twentieth is."""
    return Fraction(10**DECIMALS) % amount.denominator == 0


def format_amount(amount: Fraction) -> str:
    """An amount as a formula shows it: '' for 1, otherwise at most six decimals.

    Example:
        >>> format_amount(Fraction(5, 2)), format_amount(Fraction(1))
        ('2.5', '')
    """
    if amount == 1:
        return ""
    if amount.denominator == 1:
        return str(amount.numerator)
    return f"{float(amount):.{DECIMALS}f}".rstrip("0").rstrip(".")


def _clean(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text)} characters; at most {MAX_LENGTH} are accepted"
        )
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc":
            raise _error(repr(text)[1:-1], position, "is a control character; remove it")
    return text.translate(_SUBSCRIPTS)


def _group(
    text: str, cleaned: str, position: int, closing: str | None, depth: int
) -> tuple[dict[str, Fraction], int]:
    """Read units up to ``closing``; returns the amounts and the position behind it."""
    if depth > MAX_DEPTH:
        raise _error(text, position, f"brackets are nested deeper than {MAX_DEPTH} levels")
    amounts: dict[str, Fraction] = {}
    opened_at = position - 1
    while position < len(cleaned):
        character = cleaned[position]
        if character.isspace():
            position += 1
            continue
        if character == closing:
            return amounts, position + 1
        unit: dict[str, Fraction]
        # Names come first: HC(NH2)2 and (3-AMP) hold brackets, digits and hyphens of their own.
        if match := _names().match(cleaned, position):
            unit = {molecular_names().get(match.group(), match.group()): Fraction(1)}
            position = match.end()
        elif character in _BRACKETS:
            unit, position = _group(text, cleaned, position + 1, _BRACKETS[character], depth + 1)
            if not unit:
                raise _error(text, position - 1, "closes an empty bracket")
        else:
            raise _unknown(text, cleaned, position)
        amount, position = _amount(text, cleaned, position)
        for symbol, value in unit.items():
            amounts[symbol] = amounts.get(symbol, Fraction(0)) + value * amount
    if closing is not None:
        raise _error(text, opened_at, f"opens a bracket that is never closed with {closing!r}")
    return amounts, position


def _amount(text: str, cleaned: str, position: int) -> tuple[Fraction, int]:
    match = _NUMBER.match(cleaned, position)
    if match is None:
        return Fraction(1), position
    if len(match.group()) > 12:
        raise _error(text, position, "starts an amount of more than 12 digits")
    amount = Fraction(match.group())
    if amount == 0:
        raise _error(text, position, "is an amount of zero; leave the ion out")
    return amount, match.end()


def _unknown(text: str, cleaned: str, position: int) -> FormulaError:
    word = re.match(r"[A-Z][a-z]*|.", cleaned[position:], re.DOTALL)
    name = word.group() if word else cleaned[position]
    if name in ")]}":
        return _error(text, position, f"{name!r} closes a bracket that was never opened")
    if re.fullmatch(r"[xyzn]", name):
        return _error(text, position, f"the amount {name!r} is a symbol; give a number")
    if _NUMBER.match(name):
        return _error(text, position, "an amount stands before any ion; ions come first")
    return _error(
        text,
        position,
        f"{name!r} is neither an element nor an ion that pvkdb knows (see: pvkdb export ions)",
    )


def _error(text: str, position: int, reason: str) -> FormulaError:
    return FormulaError(f"formula {text!r}, character {position + 1}: {reason}")
