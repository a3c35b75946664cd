"""Holding what is known of a candidate against the criteria of a profile.

A verdict never says more than the evidence: where a value is only a lower bound (an endurance
that was tested, a ">" in print) and could lie on either side, the requirement is *not
demonstrated* rather than *failed*; an interval that reaches from failing to serving is
*undecided*; where nothing is reported, it is *unknown*.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf, log10

from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Assessment, Grade, Known, Verdict
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import reason, said_of
from pvkdb.suitability.ranking.desirability import Desirability, desirability
from pvkdb.suitability.ranking.scoring import shares


def bounds_under(criterion: Criterion, reading: str | None) -> Bounds:
    """The bounds of a criterion under a reading; its own where the reading says nothing of it."""
    named = (entry.bounds for entry in criterion.readings if entry.name == reading)
    return next(named, criterion.bounds)


def worth_of(
    criteria: Sequence[Criterion], candidate: Candidate, reading: str | None = None
) -> list[Desirability]:
    """What a candidate is worth on each criterion."""
    return [
        desirability(
            criterion, candidate.evidence.get(criterion.metric), bounds_under(criterion, reading)
        )
        for criterion in criteria
    ]


def verdict_of(criterion: Criterion, evidence: Evidence | None, worth: Desirability) -> Verdict:
    """The verdict on one criterion."""
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
    if one_sided and worth.lowest < worth.highest:
        return Verdict.NOT_DEMONSTRATED
    if worth.lowest == 0:
        return Verdict.UNDECIDED
    return Verdict.PARTLY


def assess(
    criteria: Sequence[Criterion], candidate: Candidate, reading: str | None = None
) -> list[Assessment]:
    """Every criterion held against one candidate, in words and numbers."""
    worth = worth_of(criteria, candidate, reading)
    weights = shares([criterion.weight for criterion in criteria], worth)
    return [
        _assessment(criterion, reading, candidate.evidence.get(criterion.metric), entry, weight)
        for criterion, entry, weight in zip(criteria, worth, weights, strict=True)
    ]


def also_known(criteria: Sequence[Criterion], candidate: Candidate) -> list[Known]:
    """What is known of a candidate on metrics that no criterion asks for."""
    asked = {criterion.metric for criterion in criteria}
    return [
        Known(
            metric=metric,
            minimum=evidence.minimum,
            maximum=evidence.maximum,
            word=evidence.word,
            text=said_of(metric, evidence),
            grade=evidence.grade,
            source=evidence.source,
            references=" ".join(evidence.references),
        )
        for metric, evidence in sorted(candidate.evidence.items())
        if metric not in asked and evidence.known
    ]


def _assessment(
    criterion: Criterion,
    reading: str | None,
    evidence: Evidence | None,
    worth: Desirability,
    weight: float,
) -> Assessment:
    bounds = bounds_under(criterion, reading)
    verdict = verdict_of(criterion, evidence, worth)
    missing = None
    if criterion.scale == "log" and not criterion.graded and evidence and worth.known:
        missing = shortfall_decades(bounds, evidence)
    told = evidence if evidence and evidence.known else None
    return Assessment(
        metric=criterion.metric,
        weight=weight,
        verdict=verdict,
        minimum=told.minimum if told else None,
        maximum=told.maximum if told else None,
        word=told.word if told else None,
        qualifier=told.qualifier if told else None,
        unit=criterion.unit,
        grade=told.grade if told else Grade.MISSING,
        desirability_shown=worth.lowest if worth.known else 0.0,
        desirability_expected=worth.mean_power(1.0, floor=0.0),
        desirability_possible=worth.highest,
        shortfall_decades=missing,
        reason=reason(criterion, bounds, evidence, verdict, missing),
        source=told.source if told else None,
        references=" ".join(told.references) if told else "",
    )


def shortfall_decades(bounds: Bounds, evidence: Evidence) -> float:
    """Decades from the unfavourable end of the evidence to what satisfies; 0 where it does.

    What is open counts by its known end: a tested 5 × 10³ cycles are 2.3 decades from 10⁶.
    """
    low = evidence.minimum if evidence.minimum is not None else evidence.maximum
    high = evidence.maximum if evidence.maximum is not None else evidence.minimum
    _, at_least, at_most, _ = bounds.corners
    missing = 0.0
    if low is not None and low > 0 and not isinf(at_least) and at_least > 0:
        missing = max(missing, log10(at_least / low))
    if high is not None and high > 0 and not isinf(at_most) and at_most > 0:
        missing = max(missing, log10(high / at_most))
    return missing
