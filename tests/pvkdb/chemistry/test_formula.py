"""Formulas as people write them."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.formula import parse_amounts
from pvkdb.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("CsPbBr3", {"Cs": 1, "Pb": 1, "Br": 3}),
        ("CH3NH3PbI3", {"MA": 1, "Pb": 1, "I": 3}),
        ("HC(NH2)2PbI3", {"FA": 1, "Pb": 1, "I": 3}),
        ("(CH3NH3)3Sb2Br9", {"MA": 3, "Sb": 2, "Br": 9}),
        ("Cs₂AgBiBr₆", {"Cs": 2, "Ag": 1, "Bi": 1, "Br": 6}),
        ("PrPyr[PbI3]", {"PrPyr": 1, "Pb": 1, "I": 3}),
        ("CsPb(Br0.5I0.5)3", {"Cs": 1, "Pb": 1, "Br": Fraction(3, 2), "I": Fraction(3, 2)}),
        ("Cs Pb I3", {"Cs": 1, "Pb": 1, "I": 3}),
    ],
)
def test_spellings_give_amounts(text: str, amounts: dict[str, int]) -> None:
    assert parse_amounts(text) == amounts


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("XyPbI3", "character 1", "'Xy' is neither an element nor an ion"),
        ("CsPbI3)", "character 7", "never opened"),
        ("Cs(PbI3", "character 3", "never closed"),
        ("CsPbI0", "character 6", "amount of zero"),
        ("CsPbI3\x00", "character 7", "control character"),
        ("CsPb(BrxI1-x)3", "character 8", "is a symbol"),
        ("3CsPbI3", "character 1", "before any ion"),
        ("Cs()PbI3", "character 4", "empty bracket"),
    ],
)
def test_errors_point_at_the_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=place) as raised:
        parse_amounts(text)
    assert reason in str(raised.value)


@pytest.mark.parametrize("text", ["(" * 10_000, "a" * 10_000, "(" * 199, "CsPb" * 50, "☃"])
def test_nonsense_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(FormulaError):
        parse_composition(text)
    assert time.perf_counter() - start < 0.1


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused_with_a_formula_error(text: str) -> None:
    try:
        composition = parse_composition(text)
    except FormulaError:
        return
    assert parse_composition(composition.formula) == composition
