"""Crosstalk: the example of section 5.1.1 of the review."""

from __future__ import annotations

from math import inf, nan

import pytest

from pvkdb.crossbar import critical_field_v_per_m, smallest_spacing_m, spacing_by_field_m
from pvkdb.errors import InputError


def test_the_example_of_the_review(review: list[str]) -> None:
    """60 nm, no switching below 1 mV, operated at 100 mV: about 6 μm, 100 times the thickness."""
    text = "\n".join(review)
    assert "no switching occurs below 1 mV in devices with a thickness of 60 nm" in text
    assert "at least 100 times the device thickness" in text
    assert "approximately 6 μm between adjacent devices" in text
    field = critical_field_v_per_m(1e-3, 60e-9)
    assert spacing_by_field_m(0.1, field) == pytest.approx(6e-6)
    assert smallest_spacing_m(60e-9) == pytest.approx(6e-6)


@pytest.mark.parametrize("value", [0, -1e-9, nan, inf])
def test_what_is_no_length_or_voltage_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="thickness"):
        smallest_spacing_m(value)
    with pytest.raises(InputError, match="operating voltage"):
        spacing_by_field_m(value, 1e4)
    with pytest.raises(InputError, match="lowest switching voltage"):
        critical_field_v_per_m(value, 6e-8)
