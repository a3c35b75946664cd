"""Amounts: exact numbers and expressions in symbols."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry import Amount
from pvkdb.chemistry.amounts import SYMBOLS, read_amount
from pvkdb.errors import InputError

X, N = Amount.symbol("x"), Amount.symbol("n")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        *((Amount.of(Fraction(5, 2)), "2.5"), (Amount.of(3) - X, "3-x"), (3 * (1 - X), "3-3x")),
        *((3 * N + 1, "3n+1"), (N - 1, "n-1"), (X / 2 + Fraction(1, 2), "0.5x+0.5")),
        *(((1 - X) * (1 - Amount.symbol("y")), "xy+1-x-y"), (Amount.of(0), "0")),
    ],
)
def test_amounts_are_written_as_in_formulas_and_read_back(amount: Amount, text: str) -> None:
    assert str(amount) == text
    assert read_amount(text) == (amount, len(text))


@pytest.mark.parametrize(
    ("text", "amount", "end"),
    [
        ("0.5Br", Fraction(1, 2), 3),
        (".5", Fraction(1, 2), 2),
        ("2/3", Fraction(2, 3), 3),
        ("(n-1)Pb", N - 1, 5),
        ("3(1-x)Br", 3 - 3 * X, 6),
        ("3-Cl", 3, 1),  # the hyphen is no minus sign in front of an ion
        ("3-x(SCN)", 3 - X, 3),
    ],
)
def test_an_expression_ends_at_the_next_ion(
    text: str, amount: Amount | Fraction | int, end: int
) -> None:
    assert read_amount(text) == (amount, end)


@pytest.mark.parametrize("text", ["", "I3", "(I)", "-x", "(x", "ab"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert read_amount(text) is None


def test_numbers_and_amounts_mix() -> None:
    assert Amount.of(2) == 2 == Amount.of(Fraction(2))
    assert hash(Amount.of(2)) == hash(2)
    assert sum([Amount.of(1), X, 1 - X]) == 2
    assert float(Amount.of(Fraction(1, 4))) == 0.25
    assert X.number is None
    with pytest.raises(InputError, match="give a number for its symbols"):
        float(X)


def test_symbols_take_values() -> None:
    assert (3 * N + 1).at({"n": Fraction(4)}) == 13
    assert (1 - X).at({"n": Fraction(4)}) == 1 - X


coefficients = st.integers(-60, 60).map(lambda n: Fraction(n, 20))
amounts = st.builds(
    lambda constant, terms: (
        constant + sum((Amount.symbol(letter) * value for letter, value in terms), Amount.of(0))
    ),
    coefficients,
    st.lists(st.tuples(st.sampled_from(SYMBOLS), coefficients), max_size=3),
)


@given(amounts, amounts, amounts)
def test_amounts_are_a_ring(a: Amount, b: Amount, c: Amount) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert a - a == 0


@given(amounts.filter(lambda amount: amount.possible))
def test_writing_and_reading_is_the_identity(amount: Amount) -> None:
    assert read_amount(str(amount)) == (amount, len(str(amount)))
