"""Scores: a weighted geometric mean of desirabilities, checked against TOPSIS and SPOTIS.

With weights that sum to one over the criteria that are defined, the score is the product of
max(d, floor) ** weight. *Shown* takes the lowest desirability that the evidence allows, and the
floor without evidence; *possible* takes the highest, and 1 without evidence; *expected* is the mean
of the product over all possible values, with independent criteria. A score depends on
its own candidate alone, so that no other candidate can reverse an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from pvkdb._extras import needing
from pvkdb.schemas.rankings import CrossCheck
from pvkdb.suitability.ranking.desirability import FLOOR, Desirability


@dataclass(frozen=True, slots=True)
class Scores:
    """The three scores of a candidate and the share of the weight that evidence covers."""

    shown: float
    expected: float
    possible: float
    coverage: float


def shares(weights: Sequence[float], worth: Sequence[Desirability]) -> list[float]:
    """Return the weights normalised to a sum of one over the criteria that are defined."""
    used = [weight if entry.defined else 0.0 for weight, entry in zip(weights, worth, strict=True)]
    total = sum(used)
    return [weight / total if total else 0.0 for weight in used]


def score(weights: Sequence[float], worth: Sequence[Desirability]) -> Scores:
    """Return the scores of one candidate; ``weights`` need not sum to one."""
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
    """Return which candidates are on the Pareto front: no candidate dominates them.

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


def cross_check(
    values: npt.NDArray[np.float64], weights: Sequence[float], ranks: Sequence[int]
) -> tuple[list[CrossCheck], dict[str, list[int]]]:
    """Return the agreement of TOPSIS and SPOTIS with an order, and their ranks.

    Both methods of pymcdm add where pvkdb multiplies, so that they forgive more. An order that all
    three share does not depend on how criteria are combined. Their scales are fixed to [0, 1]:
    SPOTIS by its bounds (Dezert et al., FUSION 2020, doi 10.23919/FUSION45008.2020.9190347), TOPSIS
    (Hwang and Yoon 1981, doi 10.1007/978-3-642-48318-9) without further normalization; its ideal
    points still depend on the candidates.

    Args:
        values: candidates × criteria, desirabilities as shown.
        weights: of the criteria, all positive.
        ranks: the shown order.

    Raises:
        MissingExtraError: pymcdm is not installed.
    """
    with needing("rank"):
        from pymcdm.correlations import spearman
        from pymcdm.helpers import rankdata
        from pymcdm.methods import SPOTIS, TOPSIS
    share = np.asarray(weights) / np.sum(weights)
    types = np.ones(len(share))
    bounds = np.column_stack([np.zeros(len(share)), np.ones(len(share))])
    # Rounded, so that sums that differ by rounding alone tie.
    spread = values.max(axis=0) - values.min(axis=0) if len(values) else np.zeros(len(share))
    if len(values) < 2 or not spread.any():
        return [], {}
    preferences = {
        # TOPSIS normalises each column with the given function: desirabilities stay as they are.
        "TOPSIS": TOPSIS(lambda column, cost=False: column)(values, share, types, validation=False),
        "SPOTIS": -SPOTIS(bounds)(values, share, types, validation=False),
    }
    checks, found = [], {}
    for method, preference in preferences.items():
        places = rankdata(np.round(preference, 9), reverse=True)
        found[method] = [int(np.sum(places < place)) + 1 for place in places]
        varied = len(set(ranks)) > 1 and len(set(found[method])) > 1
        first = {place for place, rank in enumerate(ranks) if rank == 1}
        theirs = {place for place, rank in enumerate(found[method]) if rank == 1}
        checks.append(
            CrossCheck(
                method=method,
                spearman=round(float(spearman(rankdata(ranks), places)), 9) if varied else None,
                same_leaders=bool(first & theirs),
            )
        )
    return checks, found
