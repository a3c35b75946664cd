"""The order beside TOPSIS and SPOTIS of pymcdm."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.suitability.ranking.cross_checks import cross_check


def test_spotis_is_the_weighted_distance_from_the_best() -> None:
    """1 − Σ w d by hand: 0.25, 0.45 and 0.5, so that the order is the row order."""
    values = np.array([[1.0, 0.5], [0.6, 0.5], [0.0, 1.0]])
    checks, ranks = cross_check(values, [1, 1], [1, 2, 3])
    assert ranks["SPOTIS"] == [1, 2, 3]
    by_method = {check.method: check for check in checks}
    assert by_method["SPOTIS"].spearman == pytest.approx(1)
    assert by_method["SPOTIS"].same_leaders


def test_topsis_by_its_own_formula() -> None:
    """Closeness D⁻/(D⁺ + D⁻) to the ideal points, written out."""
    values = np.array([[0.9, 0.2, 0.4], [0.5, 0.8, 0.3], [0.1, 0.6, 0.9], [0.3, 0.3, 0.3]])
    weights = np.array([0.5, 0.3, 0.2])
    scaled = values * weights
    best, worst = scaled.max(axis=0), scaled.min(axis=0)
    to_best = np.sqrt(((scaled - best) ** 2).sum(axis=1))
    to_worst = np.sqrt(((scaled - worst) ** 2).sum(axis=1))
    closeness = to_worst / (to_best + to_worst)
    expected = [int((closeness > each).sum()) + 1 for each in closeness]
    _, ranks = cross_check(values, [5, 3, 2], [1, 2, 3, 4])
    assert ranks["TOPSIS"] == expected


def test_ties_share_a_rank_and_an_order_without_spread_is_none() -> None:
    _, ranks = cross_check(np.array([[1.0, 1.0], [1.0, 1.0], [0.2, 0.1]]), [1, 1], [1, 1, 3])
    assert ranks == {"TOPSIS": [1, 1, 3], "SPOTIS": [1, 1, 3]}
    assert cross_check(np.full((4, 2), 0.01), [1, 1], [1, 1, 1, 1]) == ([], {})
    assert cross_check(np.array([[0.3]]), [1], [1]) == ([], {})
