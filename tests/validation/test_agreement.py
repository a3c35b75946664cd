"""Rank agreement with bounds among the values, against scipy and by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.stats import somersd, spearmanr

from validation.agreement import (
    DRAWS,
    LEAST_MATERIALS,
    Pairs,
    concordance,
    correlation,
    decidable,
    draws_of,
    errors_beside_mean,
    spearman,
)


def pairs(predicted, measured, bound=None, group=None) -> Pairs:
    count = len(predicted)
    return Pairs(
        np.array(predicted, dtype=float),
        np.array(measured, dtype=float),
        np.array(bound if bound is not None else [False] * count),
        list(group) if group is not None else [str(place) for place in range(count)],
    )


@pytest.mark.parametrize("seed", range(5))
def test_counted_devices_give_what_scipy_gives_for_them(seed: int) -> None:
    """A device that is drawn twice counts as two; ties are many."""
    generator = np.random.default_rng(seed)
    found = pairs(generator.integers(0, 5, 14), generator.integers(0, 6, 14))
    counts = generator.integers(0, 4, (3, 14)).astype(float)
    for row in range(len(counts)):
        drawn = np.repeat(np.arange(14), counts[row].astype(int))
        x, y = found.predicted[drawn], found.measured[drawn]
        assert spearman(found, counts)[row] == pytest.approx(spearmanr(x, y).statistic)
        assert concordance(found, counts)[row] == pytest.approx(somersd(y, x).statistic)


def test_a_bound_decides_a_pair_only_above_a_value() -> None:
    """Values 1 and 5 and bounds > 3 and > 4: 1 lies below all, 5 and the bounds are open."""
    found = pairs([1, 2, 3, 4], [1, 5, 3, 4], bound=[False, False, True, True])
    assert decidable(found).sum() == 3
    assert decidable(found)[0].tolist() == [False, True, True, True]
    assert concordance(found, np.ones((1, 4)))[0] == 1
    turned = pairs([4, 2, 3, 4], [1, 5, 3, 4], bound=[False, False, True, True])
    # 4 before 2 and before 3 is wrong twice, tied with 4 once.
    assert concordance(turned, np.ones((1, 4)))[0] == pytest.approx(-2 / 3)


def test_bounds_alone_decide_nothing() -> None:
    found = correlation("concordance", pairs([1, 2, 3], [1, 2, 3], bound=[True] * 3), concordance)
    assert (found.value, found.pairs, found.low) == (None, 0, None)
    empty = pairs([1, 2], [1, 2], bound=[True] * 2).values()
    assert correlation("Spearman", empty, spearman).value is None


def test_too_few_materials_have_no_interval() -> None:
    """95 % needs 40 different draws, of m materials there are C(2m − 1, m)."""
    assert comb(2 * LEAST_MATERIALS - 1, LEAST_MATERIALS) >= 40
    assert comb(2 * LEAST_MATERIALS - 3, LEAST_MATERIALS - 1) < 40
    few = pairs(range(8), range(8), group="aabbccdd")
    found = correlation("Spearman", few, spearman)
    assert (found.value, found.materials, found.low) == (1.0, 4, None)


def test_materials_are_drawn_with_all_of_their_devices() -> None:
    counts = draws_of(["a", "b", "a", "c"], np.random.default_rng(0))
    assert counts.shape == (DRAWS, 4)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 0] + counts[:, 1] + counts[:, 3] == 3).all()
    assert counts[:, 0].mean() == pytest.approx(1, abs=0.05)


def test_repeated_devices_of_a_material_do_not_make_it_surer() -> None:
    """Six materials, five like devices each, have the interval of 6 points without repetition."""
    x, y = [1, 2, 3, 4, 5, 6], [2, 1, 5, 3, 6, 4]
    once = correlation("Spearman", pairs(x, y), spearman)
    many = pairs(np.repeat(x, 5), np.repeat(y, 5), group=np.repeat(list("abcdef"), 5))
    repeated = correlation("Spearman", many, spearman)
    assert repeated.value == pytest.approx(once.value)
    assert repeated.low == pytest.approx(once.low, abs=0.05)
    assert repeated.low is not None


def test_noise_is_mostly_not_taken_for_agreement_and_agreement_is() -> None:
    generator = np.random.default_rng(7)
    lows = []
    for _ in range(40):
        noise = pairs(generator.normal(size=12), generator.normal(size=12))
        lows.append(correlation("Spearman", noise, spearman).low)
    assert sum(low is not None and low > 0 for low in lows) <= 5
    x = np.arange(12.0)
    agreed = correlation("Spearman", pairs(x, x + generator.normal(size=12)), spearman)
    assert agreed.low is not None
    assert agreed.low > 0.5


def test_the_mean_of_the_others_has_not_seen_what_it_is_judged_by() -> None:
    found = pairs([0, 0, 0], [0, 0, 9], group="abc")
    own, mean = errors_beside_mean(found) or (0.0, 0.0)
    assert own == pytest.approx(np.sqrt(81 / 3))
    assert mean == pytest.approx(np.sqrt((4.5**2 + 4.5**2 + 9**2) / 3))
    assert errors_beside_mean(pairs([1, 2], [1, 2], group="aa")) is None
