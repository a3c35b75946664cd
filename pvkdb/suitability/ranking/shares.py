"""Shares: how far the evidence on a candidate goes towards meeting one criterion, from 0 to 1.

- A measured value meets a requirement or not; of an interval, the part within the bounds counts.
- A value with one open side (a test that ended, ``> 100`` in print) meets it, cannot meet it, or
  counts as the share of papers: of those that have shown at least as much, how many have shown what
  is required. With k of n papers the share is (k + ½)/(n + 1), the mean of Jeffreys' posterior, and
  its interval is the 95% one of that posterior (Brown, Cai and DasGupta, Stat. Sci. 16, 101 (2001),
  doi 10.1214/ss/1009213286).
- A graded criterion counts by its mean desirability: the trapezoid of
  :class:`pvkdb.schemas.profiles.Bounds` (Derringer and Suich, J. Qual. Technol. 12, 214 (1980), doi
  10.1080/00224065.1980.11980968, with exponent 1) over all values that the evidence allows.
- An unknown value counts as the lower end of the interval among all that report one, since who
  reports is no random sample. Extrapolated and quoted values are in no count; they meet nothing,
  and count as unknown where they could.

The random values of a ranking are those of a Bayesian bootstrap over papers (Rubin, Ann. Stat. 9,
130 (1981), doi 10.1214/aos/1176345338): each paper has one random weight in all counts, so that
criteria and candidates that rest on the same papers vary together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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
_EVEN = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class Share:
    """The share of one criterion with its 95% interval.

    ``reported``: whether there is evidence, even if it does not count.
    ``reached`` of ``tested`` papers were counted; both are empty for any other kind of share.
    ``outcomes`` are desirabilities at even probabilities, of a graded criterion.
    """

    value: float
    low: float
    high: float
    defined: bool = True
    reported: bool = True
    reached: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset()
    outcomes: Floats | None = None

    def draws(self, papers: Papers, name: str) -> Floats | float:
        """Return random shares, one for each sample; one number where nothing is open."""
        if self.tested:
            return papers.shares(self.reached, self.tested)
        if self.outcomes is None or self.low == self.high:
            return self.value
        stream = np.random.default_rng([papers.seed, crc32(name.encode())])
        drawn: Floats = self.outcomes[stream.integers(len(self.outcomes), size=papers.samples)]
        return drawn


def exactly(value: float) -> Share:
    """Return a share about which nothing is open."""
    return Share(value, value, value)


NOT_DEFINED = Share(1.0, 1.0, 1.0, defined=False, reported=False)


@dataclass(frozen=True)
class Papers:
    """Random weights of papers: each name has a stream of its own, which no other paper changes."""

    samples: int
    seed: int
    _weights: dict[str, Floats] = field(default_factory=dict)
    _shares: dict[tuple[frozenset[str], frozenset[str]], Floats] = field(default_factory=dict)

    def shares(self, reached: frozenset[str], tested: frozenset[str]) -> Floats:
        """Return random shares of reached among tested papers, with Jeffreys' two half papers."""
        if (reached, tested) not in self._shares:
            good = self._sum(reached, self._of(" yes", 0.5))
            bad = self._sum(tested - reached, self._of(" no", 0.5))
            self._shares[reached, tested] = good / (good + bad)
        return self._shares[reached, tested]

    def _sum(self, names: Iterable[str], start: Floats) -> Floats:
        total = start.copy()
        for each in sorted(names):  # sums of numbers depend on their order
            total += self._of(each)
        return total

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
        """Return the reports of candidates; those of one publication are one paper."""
        found = (
            (each.references or each.id, evidence)
            for each in candidates
            if (evidence := each.evidence.get(criterion.metric)) is not None
            and evidence.known
            and not is_doubted(evidence, bounds)
        )
        return cls(criterion, bounds, tuple(found))

    def share(self, evidence: Evidence | None) -> Share:
        """Return the share of evidence on the criterion."""
        if evidence is not None and evidence.not_defined is not None:
            return NOT_DEFINED
        if evidence is None or not evidence.known:
            return self.unknown
        if is_doubted(evidence, self.bounds) and (
            self.criterion.graded or self._may_meet(evidence)
        ):
            return replace(self.unknown, reported=True)
        if evidence.word is not None:
            return exactly(1.0 if evidence.word in self.bounds.accepts else 0.0)
        low, high = self._ends(evidence)
        if self.criterion.graded:
            return self._graded(evidence, low, high)
        _, at_least, at_most, _ = self._corners
        if at_least <= low and high <= at_most:
            return exactly(1.0)
        if low > at_most or high < at_least:
            return exactly(0.0)
        if not (isinf(low) or isinf(high)):
            return exactly((min(high, at_most) - max(low, at_least)) / (high - low))
        at_least_so = self._lows >= low if isinf(high) else self._highs <= high
        return _counted(self._papers[at_least_so & self._meet], self._papers[at_least_so])

    @cached_property
    def unknown(self) -> Share:
        """The share of an unknown value: the lower end of the interval among all that report."""
        from scipy import special  # here: a service loads it when it ranks

        if self.criterion.graded:  # desirabilities count as parts of one report
            good = sum(self.share(each).value for _, each in self.values)
            end = float(special.betaincinv(good + 0.5, len(self.values) - good + 0.5, TAIL))
            return Share(end, end, end, reported=False)
        end = _counted(self._papers[self._meet], self._papers).low
        return Share(end, end, end, reported=False)

    @cached_property
    def _papers(self) -> npt.NDArray[np.object_]:
        return np.array([paper for paper, _ in self.values], object)

    @cached_property
    def _lows(self) -> Floats:
        return np.array([self._ends(each)[0] for _, each in self.values])

    @cached_property
    def _highs(self) -> Floats:
        return np.array([self._ends(each)[1] for _, each in self.values])

    @cached_property
    def _meet(self) -> npt.NDArray[np.bool_]:
        """Whether each report shows what is required."""
        if self.bounds.accepts:
            return np.array([each.word in self.bounds.accepts for _, each in self.values], bool)
        _, at_least, at_most, _ = self._corners
        return (self._lows >= at_least) & (self._highs <= at_most)

    def _may_meet(self, evidence: Evidence) -> bool:
        if evidence.word is not None:
            return evidence.word in self.bounds.accepts
        low, high = self._ends(evidence)
        return low <= self._corners[2] and high >= self._corners[1]

    def _graded(self, evidence: Evidence, low: float, high: float) -> Share:
        if evidence.estimate is not None:
            from scipy import special

            mean, scale, freedom = evidence.estimate
            worth = desirabilities(self._corners, mean + scale * special.stdtrit(freedom, _EVEN))
        elif isinf(low) or isinf(high):  # from the worse to the better end, even in desirability
            ends = [
                float(desirabilities(self._corners, np.array([each]))[0]) for each in (low, high)
            ]
            best = 1.0 if low <= self._corners[2] and high >= self._corners[1] else max(ends)
            worth = min(ends) + (best - min(ends)) * _EVEN
        else:
            worth = desirabilities(self._corners, low + (high - low) * _EVEN)
        spread = worth if low < high else worth[:1]
        low_end, high_end = np.quantile(spread, [TAIL, 1 - TAIL])
        return Share(float(spread.mean()), float(low_end), float(high_end), outcomes=spread)

    @cached_property
    def _corners(self) -> tuple[float, float, float, float]:
        below, at_least, at_most, above = (self._place(each) for each in self.bounds.corners)
        return below, at_least, at_most, above

    def _ends(self, evidence: Evidence) -> tuple[float, float]:
        low = -inf if evidence.minimum is None else self._place(evidence.minimum)
        high = inf if evidence.maximum is None else self._place(evidence.maximum)
        return low, high

    def _place(self, value: float) -> float:
        """Return the position of a value on the scale of the criterion."""
        if self.criterion.scale == "linear" or isinf(value):
            return value
        return log10(value) if value > 0 else -inf


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


def _counted(reached: Iterable[str], tested: Iterable[str]) -> Share:
    """Return the mean of Jeffreys' posterior of k of n papers, with its interval."""
    from scipy import special

    some, every = frozenset(reached), frozenset(tested)
    k, n = len(some), len(every)
    low, high = special.betaincinv(k + 0.5, n - k + 0.5, [TAIL, 1 - TAIL]).tolist()
    return Share((k + 0.5) / (n + 1), low, high, reached=some, tested=every)


def is_doubted(evidence: Evidence | Assessment, bounds: Bounds) -> bool:
    """Return whether a value shows nothing: quoted, or extrapolated where none may be."""
    extrapolated = evidence.grade is Grade.EXTRAPOLATED and not bounds.extrapolation
    return extrapolated or evidence.grade is Grade.SECONDARY


def exponents(weights: Sequence[float], shares: Sequence[Share]) -> list[float]:
    """Return the exponents of the shares: weights, scaled up for criteria that are not defined.

    A criterion that has no meaning for a candidate then counts as the mean of its others.
    """
    used = [weight if each.defined else 0.0 for weight, each in zip(weights, shares, strict=True)]
    total = sum(used)
    return [weight * sum(weights) / total if total else 0.0 for weight in used]
