"""The shown order beside TOPSIS and SPOTIS of pymcdm, on the same desirabilities and weights.

Both are additive where pvkdb multiplies, so that they forgive what a product does not: an order
that all three share does not hang on how criteria are put together. Their scales are fixed to
[0, 1]: SPOTIS by its bounds (Dezert et al., FUSION 2020, doi 10.23919/FUSION45008.2020.9190347),
TOPSIS (Hwang and Yoon 1981, doi 10.1007/978-3-642-48318-9) by no further normalization, while its
ideal points still depend on the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvkdb.errors import MissingExtraError
from pvkdb.schemas.rankings import CrossCheck

Values = npt.NDArray[np.float64]


def cross_check(
    values: Values, weights: Sequence[float], ranks: Sequence[int]
) -> tuple[list[CrossCheck], dict[str, list[int]]]:
    """How far TOPSIS and SPOTIS agree with an order, and the ranks that they give.

    Args:
        values: candidates × criteria, desirabilities as shown.
        weights: of the criteria, all positive.
        ranks: the shown order.

    Raises:
        MissingExtraError: pymcdm is not installed.
    """
    try:
        from pymcdm.correlations import spearman
        from pymcdm.helpers import rankdata
        from pymcdm.methods import SPOTIS, TOPSIS
    except ModuleNotFoundError as error:
        raise MissingExtraError("pymcdm", "rank") from error
    share = np.asarray(weights) / np.sum(weights)
    types = np.ones(len(share))
    bounds = np.column_stack([np.zeros(len(share)), np.ones(len(share))])
    # Rounded, so that sums that differ by rounding alone tie.
    spread = values.max(axis=0) - values.min(axis=0) if len(values) else np.zeros(len(share))
    if len(values) < 2 or not spread.any():
        return [], {}
    preferences = {
        "TOPSIS": TOPSIS(_as_it_is)(values, share, types, validation=False),
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
                spearman=float(spearman(rankdata(ranks), places)) if varied else None,
                same_leaders=bool(first & theirs),
            )
        )
    return checks, found


def _as_it_is(column: Values, cost: bool = False) -> Values:
    """Desirabilities have the scale that TOPSIS would give them."""
    return column
