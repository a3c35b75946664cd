"""Shares: how far the evidence on a candidate goes towards meeting one criterion, from 0 to 1.

A value has a desirability: 1 within the bounds of a criterion and 0 outside; of a graded one the
trapezoid of :class:`pvkdb.schemas.profiles.Bounds` (Derringer and Suich, J. Qual. Technol. 12, 214
(1980), doi 10.1080/00224065.1980.11980968, with exponent 1).

- A closed value counts by its mean desirability over all that the evidence allows.
- A value with one open side (a test that ended, ``> 100`` in print) has shown a desirability d, and
  counts for the rest by papers: of those that have shown at least as much, how many have shown what
  is required. With k of n papers, that is (k + ½)/(n + 1), the mean of Jeffreys' posterior, and its
  interval is the 95% one of that posterior (Brown, Cai and DasGupta, Stat. Sci. 16, 101 (2001), doi
  10.1214/ss/1009213286). On a scale each paper counts in part, by how far it went from d to the
  best: the mean of these shares over all requirements between.
- An unknown value counts as the lower end of that interval among all papers that report one, since
  who reports is no random sample; so does one that is not defined. Extrapolated and quoted values
  are in no count; they meet nothing, and count as unknown where they could.

The random values of a ranking are those of a Bayesian bootstrap over papers (Rubin, Ann. Stat. 9,
130 (1981), doi 10.1214/aos/1176345338): each paper has one random weight in all counts, so that
criteria and candidates that rest on the same papers vary together. An unknown value is drawn from
the posterior of its count, and on a scale from the values that are reported: the score keeps the
lower end, its interval says how little is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from math import inf, isinf, log10
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Assessment, Grade
from pvkdb.suitability.evidence.evidence import Candidate, Evidence

Floats = npt.NDArray[np.float64]

#: Probability below and above an interval.
TAIL = 0.025
#: Values at even probabilities that stand for all that evidence allows.
_EVEN = (np.arange(300) + 0.5) / 300
Parts = Mapping[str, float]


@dataclass(frozen=True)
class Share:
    """The share of one criterion with its 95% interval.

    ``reported``: whether there is evidence, even if it does not count. ``unknown``: whether the
    value is the lower end among all that report. ``tested`` are the counted papers, with how far
    each got from ``shown`` to what is required, 0 to 1; empty for a share that is no count.
    ``outcomes`` are desirabilities at even probabilities, of a value that is open.
    """

    value: float
    low: float
    high: float
    reported: bool = True
    unknown: bool = False
    shown: float = 0.0
    best: float = 1.0
    tested: Parts = field(default_factory=dict)
    outcomes: Floats | None = None

    @property
    def reached(self) -> int:
        """The number of papers that have shown what is required."""
        return sum(each == 1 for each in self.tested.values())

    def draws(self, papers: Papers, name: str) -> Floats | float:
        """Return random shares, one for each sample; one number where nothing is open."""
        if self.outcomes is None:
            rest = self.best - self.shown
            counted = self.tested or self.unknown
            return self.shown + rest * papers.shares(self.tested) if counted else self.value
        stream = np.random.default_rng([papers.seed, crc32(name.encode())])
        drawn: Floats = self.outcomes[stream.integers(len(self.outcomes), size=papers.samples)]
        return drawn


def exactly(value: float) -> Share:
    """Return a share about which nothing is open."""
    return Share(value, value, value)


@dataclass(frozen=True)
class Papers:
    """Random weights of papers: each name has a stream of its own, which no other paper changes."""

    samples: int
    seed: int
    _weights: dict[str, Floats] = field(default_factory=dict)
    _shares: dict[tuple[tuple[str, float], ...], Floats] = field(default_factory=dict)

    def shares(self, tested: Parts) -> Floats:
        """Return random mean parts of papers, with Jeffreys' two half papers."""
        key = tuple(sorted(tested.items()))  # sums of numbers depend on their order
        if key not in self._shares:
            good, bad = self._of(" yes", 0.5).copy(), self._of(" no", 0.5).copy()
            for paper, part in key:
                good += part * self._of(paper)
                bad += (1 - part) * self._of(paper)
            self._shares[key] = good / (good + bad)
        return self._shares[key]

    def _of(self, name: str, shape: float = 1.0) -> Floats:
        if name not in self._weights:
            stream = np.random.default_rng([self.seed, crc32(name.encode())])
            self._weights[name] = stream.standard_gamma(shape, self.samples)
        return self._weights[name]


@dataclass(frozen=True)
class Reports:
    """What all papers report on one criterion: the population of its counts.

    ``values`` are pairs of a paper and its evidence, without extrapolated and quoted values.
    """

    criterion: Criterion
    bounds: Bounds
    values: tuple[tuple[str, Evidence], ...]

    @classmethod
    def of(cls, criterion: Criterion, bounds: Bounds, candidates: Iterable[Candidate]) -> Reports:
        """Return the reports of candidates; those of one publication, or on one
        composition, are one paper.

        A criterion that counts only from a number of papers on has no weight before.
        """
        found = tuple(
            (each.id if each.kind == "material" else each.references or each.id, evidence)
            for each in candidates
            if (evidence := each.evidence.get(criterion.metric)) is not None
            and evidence.known
            and not is_doubted(evidence, bounds)
        )
        if criterion.from_papers > len({paper for paper, _ in found}):
            criterion = criterion.model_copy(update={"weight": 0.0})
        return cls(criterion, bounds, found)

    def shares(self, evidence: Sequence[Evidence | None]) -> list[Share]:
        """Return the share of each piece of evidence on the criterion."""
        found = [self._share(each) for each in evidence]
        spread = iter(_spread([each for each in found if not isinstance(each, Share)]))
        return [each if isinstance(each, Share) else next(spread) for each in found]

    def share(self, evidence: Evidence | None) -> Share:
        """Return the share of evidence on the criterion."""
        return self.shares([evidence])[0]

    def _share(self, evidence: Evidence | None) -> Share | Floats:
        """Return the share of evidence, or the desirabilities over which it spreads."""
        if evidence is None or not evidence.known:
            return self.unknown
        low, high = self._ends(evidence)
        worst, best = self._range(evidence)
        if is_doubted(evidence, self.bounds) and (self.criterion.graded or best > 0):
            return replace(self.unknown, reported=True)
        if worst == best and evidence.estimate is None:
            return exactly(best)
        if isinf(low) or isinf(high):
            lows, highs = self._all_ends
            as_far = lows >= low if isinf(high) else highs <= high
            return _counted(self._papers[as_far], self._worths[as_far], worst, best)
        return self._closed(evidence, low, high)

    @cached_property
    def unknown(self) -> Share:
        """The share of an unknown value: the lower end of the interval among all that report."""
        among = _counted(self._papers, self._worths, 0.0, 1.0)
        among = replace(among, value=among.low, reported=False, unknown=True)
        if not self.criterion.graded:
            return among
        known = self.shares([each for _, each in self.values])
        pools = [
            np.full(len(_EVEN), each.value) if each.outcomes is None else each.outcomes
            for each in known
        ]
        pool = np.quantile(np.concatenate(pools), _EVEN) if pools else _EVEN
        low, high = np.quantile(pool, [TAIL, 1 - TAIL]).tolist()
        ends = {"low": min(low, among.value), "high": max(high, among.value)}
        return replace(among, **ends, outcomes=pool, tested={})

    @cached_property
    def _papers(self) -> npt.NDArray[np.object_]:
        return np.array([paper for paper, _ in self.values], object)

    @cached_property
    def _all_ends(self) -> Floats:
        """The lower ends of all reports, and the upper ones."""
        return np.array([self._ends(each) for _, each in self.values]).reshape(-1, 2).T

    @cached_property
    def _worths(self) -> Floats:
        """What each report shows: its mean desirability, of a value with an open side the worst."""
        return np.array([self._worth(each) for _, each in self.values])

    def _worth(self, evidence: Evidence) -> float:
        low, high = self._ends(evidence)
        if evidence.word is not None or isinf(low) or isinf(high):
            return self._range(evidence)[0]
        worth = self._closed(evidence, low, high)
        return float(worth[0] if worth.min() == worth.max() else worth.mean())

    def _range(self, evidence: Evidence) -> tuple[float, float]:
        """Return the worst and the best desirability that the evidence allows."""
        if evidence.word is not None:
            accepted = float(evidence.word in self.bounds.accepts)
            return accepted, accepted
        ends = self._ends(evidence)
        worth = [float(each) for each in desirabilities(self._corners, np.array(ends))]
        inside = ends[0] <= self._corners[2] and ends[1] >= self._corners[1]
        return min(worth), 1.0 if inside else max(worth)

    def _closed(self, evidence: Evidence, low: float, high: float) -> Floats:
        if evidence.estimate is None:
            return desirabilities(self._corners, low + (high - low) * _EVEN)
        mean, scale, freedom = evidence.estimate
        return desirabilities(self._corners, mean + scale * _student(freedom))

    @cached_property
    def _corners(self) -> tuple[float, float, float, float]:
        below, at_least, at_most, above = (self._place(each) for each in self.bounds.corners)
        return (
            (below, at_least, at_most, above)
            if self.criterion.graded
            else (at_least, at_least, at_most, at_most)
        )

    def _ends(self, evidence: Evidence) -> tuple[float, float]:
        low = -inf if evidence.minimum is None else self._place(evidence.minimum)
        high = inf if evidence.maximum is None else self._place(evidence.maximum)
        return low, high

    def _place(self, value: float) -> float:
        """Return the position of a value on the scale of the criterion."""
        if self.criterion.scale == "linear" or isinf(value):
            return value
        return log10(value) if value > 0 else -inf


@cache
def _student(freedom: float) -> Floats:
    """Return evenly many quantiles of Student's t."""
    from scipy import special  # here: a service loads it when it ranks

    found: Floats = special.stdtrit(freedom, _EVEN)
    return found


def _spread(worths: Sequence[Floats]) -> list[Share]:
    """Return shares that spread over desirabilities, of many at once: quantiles are dear."""
    if not worths:
        return []
    lows, highs = np.quantile(worths, [TAIL, 1 - TAIL], axis=1).tolist()
    return [
        exactly(float(worth[0]))
        if worth.min() == worth.max()
        else Share(float(worth.mean()), low, high, outcomes=worth)
        for worth, low, high in zip(worths, lows, highs, strict=True)
    ]


def desirabilities(corners: Sequence[float], places: Floats) -> Floats:
    """Return the desirability at positions on a scale, by the corners of its trapezoid there."""
    below, at_least, at_most, above = corners
    found: Floats = np.minimum(_ramp(places, below, at_least), _ramp(-places, -above, -at_most))
    return found


def _ramp(places: Floats, zero: float, one: float) -> Floats:
    """Return 0 up to ``zero``, 1 from ``one`` on, linear between; a step if both are the same."""
    if isinf(one) or isinf(zero) or zero == one:
        return np.where(places >= one, 1.0, 0.0)
    share: Floats = np.clip((places - zero) / (one - zero), 0, 1)
    return share


def _counted(papers: Iterable[str], worths: Iterable[float], shown: float, best: float) -> Share:
    """Return the mean of Jeffreys' posterior of papers that went on from what was shown."""
    from scipy import special  # here: a service loads it when it ranks

    tested: dict[str, float] = {}
    for paper, worth in zip(papers, worths, strict=True):
        part = min(max((worth - shown) / (best - shown), 0.0), 1.0)
        tested[paper] = max(part, tested.get(paper, 0.0))
    k, n = sum(tested.values()), len(tested)
    ends = special.betaincinv(k + 0.5, n - k + 0.5, [TAIL, 1 - TAIL])
    value, low, high = (
        shown + (best - shown) * float(each) for each in ((k + 0.5) / (n + 1), *ends)
    )
    return Share(value, low, high, shown=shown, best=best, tested=tested)


def is_doubted(evidence: Evidence | Assessment, bounds: Bounds) -> bool:
    """Return whether a value shows nothing: quoted, or extrapolated where none may be."""
    extrapolated = evidence.grade is Grade.EXTRAPOLATED and not bounds.extrapolation
    return extrapolated or evidence.grade is Grade.SECONDARY
