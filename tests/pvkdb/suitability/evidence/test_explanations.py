"""Values as one reads them."""

from __future__ import annotations

import pytest

from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.explanations import amount, metric_label, number, value_text
from pvkdb.suitability.metrics import METRICS


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.04, "s", "40 ms"),
        (1e-10, "s", "100 ps"),
        (400, "s", "400 s"),
        (1e4, "s", "10⁴ s"),
        (8.7e7, "s", "2.8 years"),  # ref. 161
        (7e9, "s", "220 years"),  # ref. 162
        (1.35e-17, "J", "13.5 aJ"),  # ref. 163
        (2.81e-12, "J", "2.81 pJ"),
        (6e6, "cycles", "6 × 10⁶ cycles"),
        (1129, "cycles", "1129 cycles"),
        (-0.65, "eV", "-0.65 eV"),
        (50, "%", "50%"),
        (1.1, "1", "1.1"),
    ],
)
def test_amounts(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_numbers_keep_their_digits() -> None:
    assert [number(value) for value in (0, 0.35, 9999, 1e6, -2.5e-7)] == [
        *("0", "0.35", "9999", "10⁶", "-2.5 × 10⁻⁷"),
    ]


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (Evidence(5e3, None), "at least 5000 cycles"),
        (Evidence(None, 100), "at most 100 cycles"),
        (Evidence(1e3, 1e3, qualifier="~"), "~ 1000 cycles"),
        (Evidence(1, 10), "1 cycles to 10 cycles"),
        (Evidence(word="both"), "both"),
        (Evidence(), "unknown"),
    ],
)
def test_values_with_their_bounds(evidence: Evidence, text: str) -> None:
    assert value_text(evidence, "cycles") == text


def test_every_metric_has_a_name_without_its_unit() -> None:
    labels = {metric_label(name) for name in METRICS}
    assert len(labels) == len(METRICS)
    assert {"endurance", "retention", "on off ratio", "E_A, literature"} <= labels
    assert not any("_s" in label.split() for label in labels)
