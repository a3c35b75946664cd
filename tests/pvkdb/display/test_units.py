"""Values with units as text."""

from __future__ import annotations

import pytest

from pvkdb.display.units import amount


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        *((0.04, "s", "40 ms"), (1e-10, "s", "100 ps"), (400, "s", "400 s"), (1e4, "s", "10⁴ s")),
        *((8.7e7, "s", "2.8 years"), (7e9, "s", "220 years")),  # refs. 161 and 162
        *((1.35e-17, "J", "13.5 aJ"), (2.81e-12, "J", "2.81 pJ")),  # the first of ref. 163
        *((6e6, "cycles", "6 × 10⁶ cycles"), (1129, "cycles", "1129 cycles")),
        *((-0.65, "eV", "−0.65 eV"), (50, "%", "50%"), (1.1, "1", "1.1")),
    ],
)
def test_amounts(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text
