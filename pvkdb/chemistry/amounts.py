"""Amounts of ions: exact numbers, or exact expressions in symbols such as ``1-x`` and ``3n+1``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from pvkdb.errors import InputError

#: Letters that denote an unknown amount.
SYMBOLS = "xyzuvwnmδ"
DECIMALS = 6
#: Highest degree of an expression: (1-x)(1-y) has two; real compositions need at most this.
MAX_DEGREE = 3

_NUMBER = re.compile(r"(?P<number>\d+(?:[.·]\d+)?|\.\d+)(?:/(?P<divisor>[1-9]\d{0,5}))?")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_MAX_DEPTH = 2


@dataclass(frozen=True, slots=True, eq=False)
class Amount:
    """A number, or a polynomial in one-letter symbols with exact coefficients.

    ``terms`` contains monomials with nonzero coefficients in alphabetical order: ``""`` is the
    constant term, ``"x"`` is x and ``"xy"`` is x times y. Numbers and numeric amounts can be
    compared, added and multiplied with each other.

    Example:
        >>> x = Amount.symbol("x")
        >>> str(3 * (1 - x)), (3 * (1 - x) + 3 * x) == 3
        ('3-3x', True)
    """

    terms: tuple[tuple[str, Fraction], ...]

    @classmethod
    def of(cls, value: Amount | Fraction | int) -> Amount:
        """Return a number as an amount; amounts are returned unchanged."""
        if isinstance(value, Amount):
            return value
        return cls((("", Fraction(value)),)) if value else ZERO

    @classmethod
    def symbol(cls, letter: str) -> Amount:
        """Return the amount that consists of this symbol alone."""
        return cls(((letter, Fraction(1)),))

    @classmethod
    def _from(cls, terms: Mapping[str, Fraction]) -> Amount:
        return cls(tuple(sorted((key, value) for key, value in terms.items() if value)))

    @property
    def number(self) -> Fraction | None:
        """The amount as a number; None if it contains a symbol."""
        if not self.terms:
            return Fraction(0)
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @property
    def constant(self) -> Fraction:
        """The value of the amount when all its symbols are zero."""
        return next((value for key, value in self.terms if not key), Fraction(0))

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that the amount contains."""
        return frozenset(letter for key, _ in self.terms for letter in key)

    @property
    def degree(self) -> int:
        """The degree of the polynomial: the most symbols multiplied in one term."""
        return max((len(key) for key, _ in self.terms), default=0)

    @property
    def possible(self) -> bool:
        """Whether the amount can be positive: at least one coefficient is positive."""
        return any(value > 0 for _, value in self.terms)

    @property
    def denominator(self) -> int:
        """The least common denominator of the coefficients."""
        return lcm(*(value.denominator for _, value in self.terms))

    @property
    def exact(self) -> bool:
        """Whether all coefficients are finite decimals: 1/20 is one, 1/3 is not."""
        return all(10**DECIMALS % value.denominator == 0 for _, value in self.terms)

    def at(self, values: Mapping[str, Fraction]) -> Amount:
        """Return the amount with numbers for symbols; symbols without a value stay.

        Example:
            >>> str(Amount.symbol("n").at({"n": Fraction(4)}) * 3 + 1)
            '13'
        """
        result = ZERO
        for key, value in self.terms:
            term = Amount.of(value)
            for letter in key:
                term *= values[letter] if letter in values else Amount.symbol(letter)
            result += term
        return result

    def __add__(self, other: Amount | Fraction | int) -> Amount:
        added = Amount.of(other)
        if not (self.terms and added.terms):
            return added if not self.terms else self
        terms = dict(self.terms)
        for key, value in added.terms:
            terms[key] = terms.get(key, Fraction(0)) + value
        return Amount._from(terms)

    __radd__ = __add__

    def __neg__(self) -> Amount:
        return Amount(tuple((key, -value) for key, value in self.terms))

    def __sub__(self, other: Amount | Fraction | int) -> Amount:
        return self + -Amount.of(other)

    def __rsub__(self, other: Fraction | int) -> Amount:
        return Amount.of(other) - self

    def __mul__(self, other: Amount | Fraction | int) -> Amount:
        if not isinstance(other, Amount):
            scaled = ((key, value * other) for key, value in self.terms)
            return Amount(tuple(scaled)) if other else ZERO
        if other is ONE or self is ONE:
            return self if other is ONE else other
        terms: dict[str, Fraction] = {}
        for mine, value in self.terms:
            for theirs, factor in other.terms:
                key = "".join(sorted(mine + theirs))
                terms[key] = terms.get(key, Fraction(0)) + value * factor
        return Amount._from(terms)

    __rmul__ = __mul__

    def __truediv__(self, number: Fraction | int) -> Amount:
        return self * (1 / Fraction(number))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Amount):
            return self.terms == other.terms
        if isinstance(other, int | Fraction):
            return self.number == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms) if self.number is None else hash(self.number)

    def __float__(self) -> float:
        if self.number is None:
            raise InputError(f"the amount {self} is not a number; give a number for its symbols")
        return float(self.number)

    def __str__(self) -> str:
        """Return the amount as in a formula, positive terms first: 3-x, n-1, 0.5x+0.5."""
        parts: list[str] = []
        for key, value in sorted(self.terms, key=lambda term: (term[1] < 0, not term[0], term[0])):
            size = _decimal(abs(value)) if abs(value) != 1 or not key else ""
            sign = "-" if value < 0 else "+" if parts else ""
            parts.append(sign + size + key)
        return "".join(parts) or "0"


ZERO = Amount(())
ONE = Amount((("", Fraction(1)),))


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts."""
    return sum(amounts, ZERO)


def read_amount(text: str, position: int = 0, depth: int = 0) -> tuple[Amount, int] | None:
    """Read the expression at a position of a formula; return it and its end, or None.

    Example:
        >>> amount, end = read_amount("Pb3n+1I", 2)
        >>> str(amount), end
        ('3n+1', 6)
    """
    first = _read_product(text, position, depth)
    if first is None:
        return None
    amount, position = first
    while text[position : position + 1] in ("+", "-"):
        term = _read_product(text, position + 1, depth)
        if term is None:
            break
        amount = amount + term[0] if text[position] == "+" else amount - term[0]
        position = term[1]
    return amount, position


def _read_product(text: str, start: int, depth: int) -> tuple[Amount, int] | None:
    """Read a product: a number, followed by symbols and sums in brackets."""
    amount, position = ONE, start
    if number := _NUMBER.match(text, start):
        value = Fraction(number["number"].replace("·", "."))
        amount, position = Amount.of(value / int(number["divisor"] or 1)), number.end()
    while position < len(text) and amount.degree <= MAX_DEGREE:
        letter = text[position]
        if letter in SYMBOLS:
            amount, position = amount * Amount.symbol(letter), position + 1
        elif letter in _BRACKETS and depth < _MAX_DEPTH:
            inner = read_amount(text, position + 1, depth + 1)
            if inner is None or text[inner[1] : inner[1] + 1] != _BRACKETS[letter]:
                break
            amount, position = amount * inner[0], inner[1] + 1
        else:
            break
    return (amount, position) if position > start else None


def _decimal(value: Fraction) -> str:
    whole, rest = divmod(round(value * 10**DECIMALS), 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}}".rstrip("0").rstrip(".")
