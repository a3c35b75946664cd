"""Values as one reads them."""

from __future__ import annotations

import pytest

from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.explanations import metric_label, value_text
from pvkdb.suitability.metrics import METRICS


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
