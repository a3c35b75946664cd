"""Scores: a weighted geometric mean of desirabilities, as shown, expected and possible.

With weights that sum to one over the criteria that are defined, the score is the product of
max(d, floor) ** weight. *Shown* takes the lowest desirability that the evidence allows, and the
floor where there is none; *possible* takes the highest, and 1 where there is none; *expected* is
the mean of the product over all that is possible, criteria being independent. A score depends on
its own candidate alone, so that no other candidate can turn an order round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from pvkdb.suitability.ranking.desirability import FLOOR, Desirability


@dataclass(frozen=True, slots=True)
class Scores:
    """The three scores of a candidate and the share of the weight that evidence covers."""

    shown: float
    expected: float
    possible: float
    coverage: float


def shares(weights: Sequence[float], worth: Sequence[Desirability]) -> list[float]:
    """Weights as shares of one, over the criteria that are defined for a candidate."""
    used = [weight if entry.defined else 0.0 for weight, entry in zip(weights, worth, strict=True)]
    total = sum(used)
    return [weight / total if total else 0.0 for weight in used]


def score(weights: Sequence[float], worth: Sequence[Desirability]) -> Scores:
    """The scores of one candidate; ``weights`` need not sum to one."""
    parts = list(zip(shares(weights, worth), worth, strict=True))
    if not any(share for share, _ in parts):
        return Scores(FLOOR, FLOOR, 1.0, 0.0)
    return Scores(
        shown=prod(max(entry.lowest, FLOOR) ** share for share, entry in parts),
        expected=prod(entry.mean_power(share) for share, entry in parts),
        possible=prod(max(entry.highest, FLOOR) ** share for share, entry in parts),
        coverage=sum(share for share, entry in parts if entry.known),
    )


def pareto_front(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which candidates no other one dominates: at least as good in all, better in one.

    Args:
        values: candidates × criteria, larger is better. NaN: not defined, not compared.
    """
    on_front = np.ones(len(values), dtype=bool)
    undefined = np.isnan(values)
    for place, row in enumerate(values):
        left_out = undefined | undefined[place]
        as_good = np.all((values >= row) | left_out, axis=1)
        better = np.any((values > row) & ~left_out, axis=1)
        on_front[place] = not np.any(as_good & better)
    return on_front
