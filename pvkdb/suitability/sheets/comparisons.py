"""Comparisons of two candidates of a ranking in words, the value of the subject first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from pvkdb.display.numbers import short_number
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import Assessment, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.ranking.assessment import bounds_for

#: Smaller differences of the logarithm of a score are ignored.
EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two candidates on a criterion, in the logarithm of the score."""

    criterion: Criterion
    first: Assessment
    second: Assessment
    by: float


def label(metric: str) -> str:
    """Return a metric as used in a sentence: ``endurance``, ``E_A (literature)``."""
    name, comma, kind = METRICS[metric].label.partition(", ")
    return f"{name} ({kind})" if comma else name


def differences(
    ranking: Ranking, first: RankedCandidate, second: RankedCandidate
) -> list[Difference]:
    """Return the differences on the criteria that are defined for both, the largest first."""
    found = [
        Difference(
            criterion,
            ours,
            theirs,
            criterion.weight * (log(_worth(ours, ranking)) - log(_worth(theirs, ranking))),
        )
        for criterion, ours, theirs in zip(
            ranking.criteria, first.criteria, second.criteria, strict=True
        )
        if criterion.weight > 0 and ours.weight > 0 and theirs.weight > 0
    ]
    return sorted(found, key=lambda each: -abs(each.by))


def ahead_of(ranking: Ranking, subject: RankedCandidate, other: RankedCandidate) -> tuple[str, str]:
    """Return on what a candidate is ahead of another; empty texts if on nothing.

    The first text has the criteria with a value of the subject, such as ``endurance (10⁶ cycles
    compared with 5000 cycles; the profile requires at least 10⁶ cycles; desirability 1 compared
    with 0.2)``. The second has those on which the score only counts what is not known of it.
    """
    better = [each for each in differences(ranking, subject, other) if each.by > EQUAL]
    known = [each for each in better if each.first.verdict is not Verdict.UNKNOWN]
    unknown = [each for each in better if each.first.verdict is Verdict.UNKNOWN]
    return _listed(ranking, known), _listed(ranking, unknown)


def _listed(ranking: Ranking, found: Sequence[Difference]) -> str:
    texts = []
    for each in found:
        bounds = bounds_for(each.criterion, ranking.reading)
        values, worth = (
            f"{text(each.first)} compared with {text(each.second)}"
            for text in (_value, lambda entry: short_number(_desirability(entry, ranking)))
        )
        wanted = requirement_text(each.criterion, bounds)
        texts.append(f"{label(each.criterion.metric)} ({values}; {wanted}; desirability {worth})")
    return "; ".join(texts)


def _value(entry: Assessment) -> str:
    unknown = entry.verdict is Verdict.UNKNOWN
    return "nothing reported" if unknown else value_text(entry, entry.unit)


def _worth(entry: Assessment, ranking: Ranking) -> float:
    return max(_desirability(entry, ranking), ranking.floor)


def _desirability(entry: Assessment, ranking: Ranking) -> float:
    value: float = getattr(entry, f"desirability_{ranking.order}")
    return value
