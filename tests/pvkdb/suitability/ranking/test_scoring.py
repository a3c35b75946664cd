"""Scores by hand, and the Pareto front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.suitability.ranking.desirability import FLOOR, NOT_DEFINED, UNKNOWN, Desirability
from pvkdb.suitability.ranking.scoring import cross_check, pareto_front, score


def known(value: float) -> Desirability:
    return Desirability(value, value, known=True)


def test_the_geometric_mean_by_hand() -> None:
    """0.25^(1/4) · 0.81^(3/4) with weights 1 and 3."""
    scores = score([1, 3], [known(0.25), known(0.81)])
    assert scores.shown == pytest.approx(0.25**0.25 * 0.81**0.75)
    assert scores.shown == pytest.approx(scores.expected)
    assert scores.shown == pytest.approx(scores.possible)
    assert scores.coverage == 1


def test_one_missing_value_does_not_level_everything() -> None:
    """√0.01 = 0.1 in place of 0."""
    scores = score([1, 1], [known(1), UNKNOWN])
    assert scores.shown == pytest.approx(0.1)
    assert scores.possible == pytest.approx(1)
    assert scores.coverage == pytest.approx(0.5)
    # E[√max(d, 0.01)] for even d: 0.01·0.1 + (1 − 0.001)/1.5
    assert scores.expected == pytest.approx(0.001 + (1 - 0.001) / 1.5)


def test_what_is_not_defined_is_left_out_of_the_weights() -> None:
    assert score([1, 1], [known(0.5), NOT_DEFINED]).shown == pytest.approx(0.5)
    nothing = score([1], [NOT_DEFINED])
    assert (nothing.shown, nothing.coverage) == (FLOOR, 0)


def test_a_criterion_without_weight_changes_nothing() -> None:
    assert score([1, 0], [known(0.5), known(0)]) == score([1, 0], [known(0.5), known(1)])


values = st.one_of(
    st.floats(0, 1).map(known),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda p: Desirability(min(p), max(p), True)),
    st.just(UNKNOWN),
)


@given(st.lists(st.tuples(st.floats(0.1, 10), values), min_size=1, max_size=6), st.floats(0.1, 9))
def test_scores_are_in_order_and_the_size_of_weights_does_not_matter(
    parts: list[tuple[float, Desirability]], factor: float
) -> None:
    weights, worth = [part[0] for part in parts], [part[1] for part in parts]
    scores = score(weights, worth)
    assert FLOOR - 1e-12 <= scores.shown <= scores.expected + 1e-9
    assert scores.expected <= scores.possible + 1e-9 <= 1 + 2e-9
    scaled = score([weight * factor for weight in weights], worth)
    assert scaled.expected == pytest.approx(scores.expected)


@given(
    st.lists(st.tuples(st.floats(0.1, 10), values), min_size=1, max_size=5),
    st.integers(0, 4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_better_in_one_criterion_is_never_worse(
    parts: list[tuple[float, Desirability]], place: int, first: float, second: float
) -> None:
    weights, worth = [part[0] for part in parts], [part[1] for part in parts]
    place %= len(parts)
    worse, better = list(worth), list(worth)
    worse[place], better[place] = known(min(first, second)), known(max(first, second))
    low, high = score(weights, worse), score(weights, better)
    assert high.shown >= low.shown - 1e-12
    assert high.expected >= low.expected - 1e-12
    assert high.possible >= low.possible - 1e-12


def test_the_pareto_front_by_hand() -> None:
    table = np.array([[1.0, 0.2], [0.2, 1.0], [0.5, 0.5], [0.4, 0.4], [1.0, 0.2]])
    assert pareto_front(table).tolist() == [True, True, True, False, True]


def test_what_is_not_defined_is_not_compared() -> None:
    table = np.array([[np.nan, 0.9], [1.0, 0.5], [0.5, 0.4]])
    assert pareto_front(table).tolist() == [True, False, False]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_nothing_on_the_front_is_dominated_and_all_else_is(rows: list[tuple[float, float]]) -> None:
    table = np.array(rows)
    front = pareto_front(table)
    assert front.any()
    for place, row in enumerate(table):
        dominated = any((other >= row).all() and (other > row).any() for other in table)
        assert front[place] == (not dominated)


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
