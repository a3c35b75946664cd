"""Assessments: the evidence on a candidate against the criteria of a profile.

A verdict never claims more than the evidence. If a value is only a lower bound (a tested endurance,
a ">" in print), a best value, an extrapolated one or one quoted from another paper, and could lie
on either side, the requirement is *not demonstrated* rather than *failed*. An interval from failing
to satisfying is *undecided*. Without a report it is *unknown*.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf, log10

from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Assessment, Grade, Known, Verdict
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import evidence_phrase, reason
from pvkdb.suitability.ranking.desirability import Desirability, desirability, is_doubted
from pvkdb.suitability.ranking.scoring import shares


def bounds_for(criterion: Criterion, reading: str | None) -> Bounds:
    """Return the bounds of a criterion under a reading, or its own if the reading has none."""
    named = (entry.bounds for entry in criterion.readings if entry.name == reading)
    return next(named, criterion.bounds)


def desirabilities_of(
    criteria: Sequence[Criterion], candidate: Candidate, reading: str | None = None
) -> list[Desirability]:
    """Return the desirability of a candidate on each criterion."""
    return [
        desirability(
            criterion, candidate.evidence.get(criterion.metric), bounds_for(criterion, reading)
        )
        for criterion in criteria
    ]


def verdict_of(
    criterion: Criterion, bounds: Bounds, evidence: Evidence | None, worth: Desirability
) -> Verdict:
    """Return whether the evidence meets one criterion under the given bounds."""
    if not worth.defined:
        return Verdict.NOT_DEFINED
    if evidence is None or not worth.known:
        return Verdict.UNKNOWN
    if criterion.graded:
        return Verdict.GRADED
    if worth.lowest == 1:
        return Verdict.MET
    if worth.highest == 0:
        return Verdict.FAILED
    one_sided = evidence.word is None and None in (evidence.minimum, evidence.maximum)
    if (one_sided or is_doubted(evidence, bounds)) and worth.lowest < worth.highest:
        return Verdict.NOT_DEMONSTRATED
    if worth.lowest == 0:
        return Verdict.UNDECIDED
    return Verdict.PARTLY


def assess(
    criteria: Sequence[Criterion], candidate: Candidate, reading: str | None = None
) -> list[Assessment]:
    """Return the assessments of one candidate, one for each criterion."""
    worth = desirabilities_of(criteria, candidate, reading)
    weights = shares([criterion.weight for criterion in criteria], worth)
    return [
        _assessment(criterion, reading, candidate.evidence.get(criterion.metric), entry, weight)
        for criterion, entry, weight in zip(criteria, worth, weights, strict=True)
    ]


def also_known(criteria: Sequence[Criterion], candidate: Candidate) -> list[Known]:
    """Return the known values of a candidate on metrics that no criterion uses."""
    used = {criterion.metric for criterion in criteria}
    return [
        _known(metric, evidence)
        for metric, evidence in sorted(candidate.evidence.items())
        if metric not in used and evidence.known
    ]


def _known(metric: str, evidence: Evidence) -> Known:
    return Known(
        metric=metric,
        minimum=evidence.minimum,
        maximum=evidence.maximum,
        word=evidence.word,
        text=evidence_phrase(metric, evidence),
        grade=evidence.grade,
        source=evidence.source,
        phase=evidence.phase,
        references=" ".join(evidence.references),
        erratum=evidence.erratum,
    )


def _assessment(
    criterion: Criterion,
    reading: str | None,
    evidence: Evidence | None,
    worth: Desirability,
    weight: float,
) -> Assessment:
    bounds = bounds_for(criterion, reading)
    verdict = verdict_of(criterion, bounds, evidence, worth)
    missing = None
    if criterion.scale == "log" and not criterion.graded and evidence and worth.known:
        missing = max(0.0, distance(bounds, evidence, log=True))
    known = evidence if evidence and evidence.known else None
    return Assessment(
        metric=criterion.metric,
        weight=weight,
        verdict=verdict,
        minimum=known.minimum if known else None,
        maximum=known.maximum if known else None,
        word=known.word if known else None,
        qualifier=known.qualifier if known else None,
        unit=criterion.unit,
        grade=known.grade if known else Grade.MISSING,
        desirability_shown=worth.lowest if worth.known else 0.0,
        desirability_expected=worth.mean_power(1.0, floor=0.0),
        desirability_possible=worth.highest,
        shortfall_decades=missing,
        reason=reason(criterion, bounds, evidence, verdict, missing),
        source=known.source if known else None,
        phase=known.phase if known else None,
        references=" ".join(known.references) if known else "",
        erratum=known.erratum if known else None,
        beside=[_known(criterion.metric, each) for each in known.beside] if known else [],
    )


def distance(bounds: Bounds, evidence: Evidence | Assessment, log: bool) -> float:
    """Return how far the unfavourable end of a value is outside the bounds; negative inside.

    In decades if ``log``, otherwise in the unit of the metric; 0 for a word. An open side counts by
    the known end: a tested 5 × 10³ cycles are 2.3 decades from 10⁶.
    """
    low = evidence.minimum if evidence.minimum is not None else evidence.maximum
    high = evidence.maximum if evidence.maximum is not None else evidence.minimum
    if low is None or high is None:
        return 0.0
    _, at_least, at_most, _ = bounds.corners
    sides = [_difference(*side, log) for side in ((at_least, low), (high, at_most))]
    return max((each for each in sides if not isinf(each)), default=0.0)


def _difference(larger: float, smaller: float, log: bool) -> float:
    if not log or isinf(larger) or isinf(smaller):
        return larger - smaller
    return log10(larger / smaller) if larger > 0 and smaller > 0 else 0.0
