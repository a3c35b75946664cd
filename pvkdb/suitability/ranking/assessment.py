"""Assessments: the evidence on a candidate against the criteria of a profile.

A verdict never claims more than the evidence. If a value is only a lower bound (a tested endurance,
a ">" in print), a best value, an extrapolated one or one quoted from another paper, and could lie
on either side, the requirement is *not demonstrated* rather than *failed*. An interval from failing
to satisfying is *undecided*. Without a report it is *unknown*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Assessment, Grade, Known, Verdict
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import evidence_phrase, reason
from pvkdb.suitability.ranking.shares import Reports, Share, is_doubted


def bounds_for(criterion: Criterion, reading: str | None) -> Bounds:
    """Return the bounds of a criterion under a reading, or its own if the reading has none."""
    named = (entry.bounds for entry in criterion.readings if entry.name == reading)
    return next(named, criterion.bounds)


def verdict_of(reports: Reports, evidence: Evidence | None, share: Share) -> Verdict:
    """Return whether the evidence meets one criterion."""
    if evidence is not None and evidence.not_defined is not None:
        return Verdict.NOT_DEFINED
    if evidence is None or not evidence.known:
        return Verdict.UNKNOWN
    if reports.criterion.graded:
        return Verdict.GRADED
    if share.value == 0:
        return Verdict.FAILED
    if is_doubted(evidence, reports.bounds) or share.tested:
        return Verdict.NOT_DEMONSTRATED
    return Verdict.MET if share.value == 1 else Verdict.UNDECIDED


def also_known(criteria: Sequence[Criterion], candidate: Candidate) -> list[Known]:
    """Return the known values of a candidate on metrics that no criterion uses."""
    used = {criterion.metric for criterion in criteria}
    return [
        known_value(metric, evidence)
        for metric, evidence in sorted(candidate.evidence.items())
        if metric not in used and evidence.known
    ]


def known_value(metric: str, evidence: Evidence) -> Known:
    return Known(metric=metric, text=evidence_phrase(metric, evidence), **_stated(evidence))


def _stated(evidence: Evidence) -> dict[str, Any]:
    """Return what a ranking repeats of the evidence on a metric."""
    names = ("minimum", "maximum", "word", "grade", "source", "phase", "erratum")
    stated = {name: getattr(evidence, name) for name in names}
    return {**stated, "references": " ".join(evidence.references)}


def assessment(
    reports: Reports, evidence: Evidence | None, share: Share, weight: float
) -> Assessment:
    """Return the assessment of the evidence on one criterion, with its share of the weight."""
    criterion, bounds = reports.criterion, reports.bounds
    verdict = verdict_of(reports, evidence, share)
    known = evidence if evidence and evidence.known else Evidence(grade=Grade.MISSING)
    counted = (share.reached, len(share.tested)) if share.tested and not share.unknown else None
    return Assessment(
        metric=criterion.metric,
        weight=weight,
        verdict=verdict,
        qualifier=known.qualifier,
        unit=criterion.unit,
        estimate=known.estimate,
        share=share.value,
        share_low=share.low,
        share_high=share.high,
        reached=counted[0] if counted else None,
        tested=counted[1] if counted else None,
        reason=reason(criterion, bounds, evidence, verdict, share.value, counted),
        beside=[known_value(criterion.metric, each) for each in known.beside],
        **_stated(known),
    )
