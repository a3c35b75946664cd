"""Rank probabilities against what can be worked out on paper."""

from __future__ import annotations

import tracemalloc
from math import log

import numpy as np
import pytest

from pvkdb.suitability.ranking.acceptability import rank_acceptability
from pvkdb.suitability.ranking.desirability import UNKNOWN, Desirability

SAMPLES = 20_000
#: Four standard deviations of a share of 20,000 samples.
TOLERANCE = 4 * 0.5 / SAMPLES**0.5


def known(value: float) -> Desirability:
    return Desirability(value, value, known=True)


def test_two_mirror_images_are_first_half_of_the_time() -> None:
    worth = [[known(1), known(0.1)], [known(0.1), known(1)]]
    found = rank_acceptability(["a", "b"], worth, SAMPLES)
    assert found.probabilities[:, 0] == pytest.approx([0.5, 0.5], abs=TOLERANCE)
    assert found.mean_ranks == pytest.approx([1.5, 1.5], abs=TOLERANCE)


def test_random_weights_are_even_over_the_simplex() -> None:
    """(1, f) beats (b, b) where w₂ ln f > ln b; of two weights, w₂ is even: P = ln b / ln f."""
    b, f = 0.5, 0.05
    found = rank_acceptability(["a", "b"], [[known(1), known(f)], [known(b), known(b)]], SAMPLES)
    assert found.probabilities[0, 0] == pytest.approx(log(b) / log(f), abs=TOLERANCE)


def test_of_three_weights_each_beats_the_other_two_a_third_of_the_time() -> None:
    worth = [[known(1 if row == column else 0.1) for column in range(3)] for row in range(3)]
    found = rank_acceptability(["a", "b", "c"], worth, SAMPLES)
    assert found.probabilities == pytest.approx(np.full((3, 3), 1 / 3), abs=TOLERANCE)


def test_the_unknown_is_above_a_known_value_as_often_as_chance_has_it() -> None:
    found = rank_acceptability(["a", "b"], [[UNKNOWN], [known(0.7)]], SAMPLES)
    assert found.probabilities[0, 0] == pytest.approx(0.3, abs=TOLERANCE)


def test_equal_candidates_share_the_better_rank() -> None:
    found = rank_acceptability(["a", "b", "c"], [[known(1)], [known(1)], [known(0.5)]], 100)
    assert found.probabilities.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]


def test_a_name_decides_its_draws_whatever_stands_beside_it() -> None:
    """Neither the order of the input nor a candidate that is last anyway changes anything."""
    entries = {
        "a": [UNKNOWN, known(0.4)],
        "b": [Desirability(0.2, 1.0, True), known(0.9)],
        "c": [known(0.3), UNKNOWN],
    }
    one = rank_acceptability(list(entries), list(entries.values()), 500)
    turned = list(reversed(entries))
    two = rank_acceptability(turned, [entries[name] for name in turned], 500)
    assert two.probabilities[::-1].tolist() == one.probabilities.tolist()
    more = rank_acceptability(
        [*entries, "z"], [*entries.values(), [known(0), known(0)]], 500, most_ranks=3
    )
    assert more.probabilities[:3].tolist() == one.probabilities.tolist()


def test_probabilities_sum_to_one_in_chunks_of_any_size() -> None:
    rng = np.random.default_rng(3)
    worth = [[known(value) for value in row] for row in rng.random((30, 4))]
    found = rank_acceptability([f"c{place}" for place in range(30)], worth, 777)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(30))
    assert found.probabilities.sum(axis=0) == pytest.approx(np.ones(30))  # no ties
    shares = found.probabilities @ np.arange(1, 31)
    assert shares == pytest.approx(found.mean_ranks)


@pytest.mark.slow
def test_two_thousand_candidates_take_less_than_a_gigabyte() -> None:
    """10 criteria and 10,000 samples on one core; half of the cells have to be drawn."""
    rng = np.random.default_rng(5)
    worth = [
        [UNKNOWN if value < 0.5 else known(value) for value in row]
        for row in rng.random((2_000, 10))
    ]
    names = [f"c{place}" for place in range(len(worth))]
    tracemalloc.start()
    try:
        found = rank_acceptability(names, worth, 10_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.probabilities.shape == (2_000, 2_000)
    assert peak < 1e9


def test_nothing_to_rank() -> None:
    assert rank_acceptability([], [], 10).probabilities.shape == (0, 0)
