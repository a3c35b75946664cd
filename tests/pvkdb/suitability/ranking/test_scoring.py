"""Scores by hand, and the Pareto front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.suitability.ranking.desirability import FLOOR, NOT_DEFINED, UNKNOWN, Desirability
from pvkdb.suitability.ranking.scoring import pareto_front, score


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
