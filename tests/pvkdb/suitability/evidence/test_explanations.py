"""Values as one reads them."""

from __future__ import annotations

import pytest

from pvkdb.schemas.metrics import METRICS
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.explanations import value_text


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (Evidence(5e3, None), "at least 5000 cycles"),
        (Evidence(None, 100), "at most 100 cycles"),
        (Evidence(1e3, 1e3, qualifier="~"), "~ 1000 cycles"),
        (Evidence(1, 10), "1 cycles to 10 cycles"),
        (Evidence(None, 1e4, qualifier="up to"), "up to 10⁴ cycles"),
        (Evidence(1e4, None, qualifier="down to"), "down to 10⁴ cycles"),
        (Evidence(word="both"), "both"),
        (Evidence(), "unknown"),
    ],
)
def test_values_with_their_bounds(evidence: Evidence, text: str) -> None:
    assert value_text(evidence, "cycles") == text


def test_every_metric_has_a_name_without_its_unit() -> None:
    labels = {metric.label for metric in METRICS.values()}
    assert len(labels) == len(METRICS)
    assert {"endurance", "retention", "on/off ratio", "SET voltage", "E_A"} <= labels
    assert not any("_s" in label.split() for label in labels)
