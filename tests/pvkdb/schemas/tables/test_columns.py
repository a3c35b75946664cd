"""CSV cells that a spreadsheet shows instead of running, and reads back unchanged."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pvkdb.schemas.tables.columns import csv_cell, csv_text

FORMULAS = (
    *("=1+1", '=HYPERLINK("http://evil.example","look")', "@SUM(A1)", "\t=1", "\r=1"),
    *("+cmd|' /C calc'!A0", "-2+3", "-A1", "-0.6 V", "+10 V", "-0.4--0.5", "+1\n=2", "-1 to A1"),
)
PLAIN = (
    *("CsPbBr3", "1+1=2", "a=b", "", "'", "'quoted'", "~-3.6", "−3.6 V", " =1", "r36@r70"),
    *("-", "+", "-3.6", "+1", "-.5", "-1.", "-1e-3", "-0.078 to -3.6", "-0.078 to 3.6", "-1–-2"),
)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_escaped(text: str) -> None:
    assert csv_cell(text) == f"'{text}"
    assert csv_cell(text, raw=True) == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay(text: str) -> None:
    assert csv_cell(text) == text


@pytest.mark.parametrize("value", [-3.6, -1, float("-1e-30"), True, None])
def test_numbers_are_never_escaped(value: object) -> None:
    assert not csv_cell(value).startswith("'")


@pytest.mark.parametrize("text", ["-" + "1" * 200_000, "-1 to " + "1" * 200_000, "'" * 200_000])
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    """With a pattern that goes back over digits, these took hours."""
    assert csv_cell(text) == text
    assert csv_cell(f"-{text}x") == f"'-{text}x"


@given(st.text(alphabet="'=+-@\t\r1. toA–e") | st.text())
@example("'=1")
@example("''=1")
def test_every_text_comes_back(text: str) -> None:
    assert csv_text(csv_cell(text)) == text
    assert not csv_cell(text).startswith(("=", "@", "\t", "\r"))
