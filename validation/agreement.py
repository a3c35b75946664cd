"""Agreement of a predicted with a measured order, where some measured values are bounds.

A measured value may be a lower bound (a retention longer than the test). The order of two devices
is then known only if one has a value and the other a bound above it: such a pair is *decidable*.
The concordance is (C − D) / (C + D + T) over the decidable pairs, with C in the predicted order, D
against it and T tied in the prediction: Somers' D of the prediction (Am. Sociol. Rev. 27, 799
(1962), doi 10.2307/2090408), with bounds Harrell's 2C − 1 (JAMA 247, 2543 (1982), doi
10.1001/jama.1982.03320430047030).

Intervals are percentiles of a bootstrap (Efron 1979, doi 10.1214/aos/1176344552). Devices of one
material share their activation energy, so materials are drawn with all of their devices. A draw is
a vector of the weights of all devices, and all draws are evaluated at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from validation.pages import Numbers

Array = npt.NDArray[np.float64]

DRAWS, SEED = 10_000, 20260
#: Fewer materials allow fewer than 40 different draws, so that 2.5 % is less than one of them:
#: m materials allow C(2m − 1, m), 35 for four and 126 for five.
LEAST_MATERIALS = 5
#: A statistic that more draws than this leave undefined has no interval.
MOST_UNDEFINED = 0.05


class Correlation(Numbers):
    """A rank correlation of predicted with measured values, with bootstrap intervals of 95 %."""

    name: str
    value: float | None = Field(description="-1 to 1; None if it is not defined.")
    devices: int = Field(description="Number of devices.")
    materials: int = Field(description="Absorbers among them.")
    pairs: int = Field(description="Pairs of devices with a known measured order.")
    low: float | None = Field(description="Of resampled materials; None with too few of them.")
    high: float | None


@dataclass(frozen=True)
class Pairs:
    """Predicted and measured values of n devices, shape (n,), on any increasing scale.

    ``bound`` marks measured values that are lower bounds; ``group`` contains the materials.
    """

    predicted: Array
    measured: Array
    bound: npt.NDArray[np.bool_]
    group: Sequence[str]

    def __len__(self) -> int:
        return len(self.predicted)

    def values(self) -> Pairs:
        """Return the devices whose measured value is not a bound."""
        kept = ~self.bound
        names = [name for name, keep in zip(self.group, kept, strict=True) if keep]
        return Pairs(self.predicted[kept], self.measured[kept], self.bound[kept], names)

    def as_printed(self, printed_bound: npt.NDArray[np.bool_]) -> Pairs:
        """Return the same devices with other marks of bounds."""
        return Pairs(self.predicted, self.measured, printed_bound, self.group)


def decidable(pairs: Pairs) -> npt.NDArray[np.bool_]:
    """Return whether device i is known to be below device j, shape (n, n)."""
    below = pairs.measured[:, None] < pairs.measured[None, :]
    known: npt.NDArray[np.bool_] = below & ~pairs.bound[:, None]
    return known


def concordance(pairs: Pairs, counts: Array) -> Array:
    """Return Somers' D over decidable pairs for each row of ``counts``, shape (draws,).

    It is NaN without decidable pairs.
    """
    known = decidable(pairs).astype(float)
    agrees = np.sign(pairs.predicted[None, :] - pairs.predicted[:, None])
    return _ratio(_form(counts, known * agrees), _form(counts, known))


def spearman(pairs: Pairs, counts: Array) -> Array:
    """Return Spearman's rho of values without bounds, shape (draws,)."""
    first, second = (_mid_ranks(each, counts) for each in (pairs.predicted, pairs.measured))
    total = counts.sum(axis=1, keepdims=True)
    first = first - (counts * first).sum(axis=1, keepdims=True) / total
    second = second - (counts * second).sum(axis=1, keepdims=True) / total
    both = (counts * first * second).sum(axis=1)
    return _ratio(both, np.sqrt((counts * first**2).sum(axis=1) * (counts * second**2).sum(axis=1)))


#: A statistic of pairs for every draw.
Statistic = Callable[[Pairs, Array], Array]


def correlation(name: str, pairs: Pairs, statistic: Statistic) -> Correlation:
    """Return a statistic with the interval of drawn materials."""
    value, low, high = with_interval(statistic, pairs)
    return Correlation(
        name=name,
        value=None if np.isnan(value) else round(value, 4),
        devices=len(pairs),
        materials=len(set(pairs.group)),
        pairs=int(decidable(pairs).sum()),
        low=None if low is None else round(low, 3),
        high=None if high is None else round(high, 3),
    )


def with_interval(statistic: Statistic, pairs: Pairs) -> tuple[float, float | None, float | None]:
    """Return a statistic (NaN if it is not defined) with the ends of its interval of 95 %."""
    value = float(statistic(pairs, np.ones((1, len(pairs))))[0]) if len(pairs) else float("nan")
    if len(set(pairs.group)) < LEAST_MATERIALS:
        return value, None, None
    drawn = statistic(pairs, draws_of(pairs.group, np.random.default_rng(SEED)))
    known = drawn[~np.isnan(drawn)]
    if len(known) < (1 - MOST_UNDEFINED) * len(drawn):
        return value, None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return value, float(low), float(high)


def draws_of(group: Sequence[str], generator: np.random.Generator) -> Array:
    """Return the weight of each device when groups are drawn, shape (DRAWS, n)."""
    names = sorted(set(group))
    places = np.array([names.index(name) for name in group])
    drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    return drawn[:, places].astype(float)


def errors_beside_mean(pairs: Pairs) -> tuple[float, float] | None:
    """Return the root mean square error, and that of the mean of the other materials.

    The mean uses no prediction. Units are those of the values; None for fewer than two materials.
    """
    if len(set(pairs.group)) < 2:
        return None
    means = np.empty(len(pairs))
    for name in set(pairs.group):
        own = np.array([each == name for each in pairs.group])
        means[own] = pairs.measured[~own].mean()
    first, second = (
        float(np.sqrt(np.mean((pairs.measured - guess) ** 2))) for guess in (pairs.predicted, means)
    )
    return first, second


def _form(counts: Array, matrix: Array) -> Array:
    """Return counts · matrix · counts for every draw."""
    result: Array = ((counts @ matrix) * counts).sum(axis=1)
    return result


def _mid_ranks(values: Array, counts: Array) -> Array:
    below = (values[None, :] < values[:, None]) + 0.5 * (values[None, :] == values[:, None])
    ranks: Array = counts @ below.T
    return ranks


def _ratio(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(below > 1e-12, above / below, np.nan)
    return found
