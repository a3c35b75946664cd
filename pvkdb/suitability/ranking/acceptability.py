"""Stability of an order: the probability of each rank for random weights and values (SMAA).

Stochastic multicriteria acceptability analysis (Lahdelma, Hokkanen and Salminen, Eur. J. Oper. Res.
106, 137 (1998), doi 10.1016/S0377-2217(97)00163-X): weights uniform over the simplex of all that
sum to one, values uniform over what the evidence allows (see
:mod:`pvkdb.suitability.ranking.desirability`).

Every candidate draws its values from a stream of its own, seeded by the seed and its name; all
share the weights. Neither the order of the input nor another candidate changes a draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pvkdb.suitability.ranking.desirability import FLOOR, Desirability, Trapezoid

Floats = npt.NDArray[np.float32]

SAMPLES = 10_000
SEED = 20260301
#: Samples ranked at a time: bounds the memory of sorting to tens of MB for thousands of names.
_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Acceptability:
    """``probabilities``: candidates × ranks, each row sums to one. ``mean_ranks``: from 1."""

    probabilities: npt.NDArray[np.float64]
    mean_ranks: npt.NDArray[np.float64]


def rank_acceptability(
    names: Sequence[str],
    worth: Sequence[Sequence[Desirability]],
    samples: int = SAMPLES,
    seed: int = SEED,
    most_ranks: int | None = None,
) -> Acceptability:
    """Return the probability of each rank; candidates with equal scores share the better one.

    Args:
        names: names of the candidates; a name decides the draws.
        worth: candidates × criteria, only criteria with weight.
        samples: number of draws.
        seed: the same seed gives the same numbers.
        most_ranks: ranks to list; later ones are not counted. Default: all.
    """
    count = len(names)
    ranks = min(most_ranks or count, count)
    if not count:
        return Acceptability(np.zeros((0, 0)), np.zeros(0))
    weights = drawn_weights(len(worth[0]), samples, seed)
    scores = np.empty((count, samples), np.float32)
    for place, (name, entries) in enumerate(zip(names, worth, strict=True)):
        scores[place] = _log_scores(drawn_values(name, entries, samples, seed), weights)
    return _ranks(scores, ranks)


def drawn_weights(criteria: int, samples: int, seed: int) -> Floats:
    """Return random weights, criteria × samples; those of a sample sum to one."""
    drawn = np.random.default_rng(seed).standard_exponential((criteria, samples), np.float32)
    weights: Floats = drawn / drawn.sum(axis=0)
    return weights


def drawn_values(
    name: str, entries: Sequence[Desirability], samples: int, seed: int
) -> Iterator[Floats | np.float32 | None]:
    """Yield the random desirabilities of a candidate for each criterion.

    One number where the evidence leaves nothing open; None where the criterion is not defined.
    """
    stream = np.random.default_rng([seed, crc32(name.encode())])
    for entry in entries:
        if not entry.defined:
            yield None
        elif entry.ends is None and entry.lowest == entry.highest:
            yield np.float32(entry.lowest)
        else:
            yield values_at(entry, stream.random(samples, np.float32))


def _log_scores(values: Iterable[Floats | np.float32 | None], weights: Floats) -> Floats:
    """Return the logarithm of the score of one candidate for each sample."""
    total = np.zeros(weights.shape[1], np.float32)
    defined = np.zeros(weights.shape[1], np.float32)
    for value, weight in zip(values, weights, strict=True):
        if value is not None:
            defined += weight
            total += weight * np.log(np.maximum(value, np.float32(FLOOR)))
    scores: Floats = np.full_like(total, np.log(FLOOR))
    np.divide(total, defined, out=scores, where=defined > 0)
    return scores


def values_at(entry: Desirability, even: npt.NDArray[np.floating]) -> Floats:
    """Return the desirabilities at shares from 0 to 1 of what the evidence allows."""
    if entry.ends is None or entry.trapezoid is None:
        spread: Floats = np.float32(entry.lowest) + np.float32(entry.highest - entry.lowest) * even
        return spread
    start, stop = entry.ends
    return trapezoid_values(entry.trapezoid, start + (stop - start) * even)


def trapezoid_values(trapezoid: Trapezoid, places: npt.NDArray[np.floating]) -> Floats:
    """Return the desirabilities of values, given as positions on the scale of a criterion."""
    below, at_least, at_most, above = trapezoid.corners
    rise = _ramp(places, below, at_least)
    fall = _ramp(-places, -above, -at_most)
    values: Floats = np.minimum(rise, fall).astype(np.float32)
    return values


def _ramp(places: npt.NDArray[np.floating], zero: float, one: float) -> npt.NDArray[np.floating]:
    """Return 0 up to ``zero``, 1 from ``one`` on, linear between; a step if both are the same."""
    if np.isinf(one) or zero == one:
        return np.where(places >= one, 1.0, 0.0)
    # Far from a ramp that is nearly a step, the quotient is infinite; clipping is still right.
    with np.errstate(over="ignore"):
        share: npt.NDArray[np.floating] = np.clip((places - zero) / (one - zero), 0, 1)
    return share


def _ranks(scores: Floats, listed: int) -> Acceptability:
    """Count how often each candidate has each rank; equal scores share the better rank."""
    count, samples = scores.shape
    counts = np.zeros(count * listed, np.int64)
    sums = np.zeros(count)
    positions = np.arange(count)
    for start in range(0, samples, _CHUNK):
        part = np.ascontiguousarray(scores[:, start : start + _CHUNK].T)
        order = np.argsort(-part, axis=1)
        ordered = np.take_along_axis(part, order, axis=1)
        new = np.ones(ordered.shape, dtype=bool)
        # Scores that differ by rounding alone are equal.
        new[:, 1:] = ordered[:, 1:] < ordered[:, :-1] - np.float32(1e-6)
        rank = np.maximum.accumulate(np.where(new, positions, 0), axis=1)
        sums += np.bincount(order.ravel(), rank.ravel(), minlength=count)
        kept = rank < listed
        counts += np.bincount(order[kept] * listed + rank[kept], minlength=count * listed)
    return Acceptability(counts.reshape(count, listed) / samples, sums / samples + 1)
