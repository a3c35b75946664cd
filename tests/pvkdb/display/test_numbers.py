"""Numbers as text."""

from __future__ import annotations

import math

from pvkdb.display.numbers import number, short_number


def test_numbers_keep_their_digits() -> None:
    assert [number(value) for value in (0, 0.35, 9999, 1e6, -2.5e-7, math.inf)] == [
        *("0", "0.35", "9999", "10⁶", "−2.5 × 10⁻⁷", "inf")
    ]


def test_short_numbers_have_a_minus_sign() -> None:
    assert [short_number(value) for value in (-2.5e-7, -1e9, 1e-4, 12345, -math.inf, None)] == [
        *("−2.5×10⁻⁷", "−10⁹", "0.0001", "12345", "−∞", "–")
    ]
