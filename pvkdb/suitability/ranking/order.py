"""The order of candidates: by score, and among equal scores by how far each falls short.

Then the better evidence comes first, then the larger margin, then the same on criteria without
weight. Candidates share a place only where nothing of this distinguishes them. What orders a
candidate depends on no other, so that no other can turn two round.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import COMPUTED, Assessment, Grade, Verdict
from pvkdb.suitability.evidence.evidence import Candidate
from pvkdb.suitability.evidence.explanations import value_text
from pvkdb.suitability.ranking.assessment import bounds_for, distance
from pvkdb.suitability.ranking.desirability import is_doubted
from pvkdb.suitability.ranking.options import Options
from pvkdb.suitability.ranking.scoring import Scores

#: Scores that differ by less are equal.
DIGITS = 9

_GRADES = list(Grade)
#: What a model says has no weight of its own, so that it does not order equal scores either.
_NOT_REPORTED = (Grade.MISSING, Grade.MODEL, *COMPUTED)
#: What has no margin to show.
_NO_MARGIN = (Grade.EXTRAPOLATED, Grade.SECONDARY)

#: What distinguishes equal scores, the most important first, said of the candidate behind. The
#: margins of :data:`_MARGINS` name the values.
_PHRASES = (
    "it fails more of the requirements: {}, the one before {}",
    "it has no evidence on {:.0%} of the weight, the one before on {:.0%}",
    "it falls short by {:.1f} decades in all, the one before by {:.1f}",
    "its evidence is of a lower grade",
    "it is nearer to what fails: {}",
    "fewer criteria without weight are known of it",
    "it is nearer to what fails on criteria without weight: {}",
    "fewer values are reported of it",
)

#: Places of margins among the phrases: on criteria with weight, and on the others.
_MARGINS = (4, 6)

Key = tuple[float, ...]


def places(keys: Sequence[Key]) -> list[int]:
    """Return the ranks of keys from 1, the smallest key first; equal keys share the better rank."""
    ordered = sorted(keys)
    return [bisect_left(ordered, key) + 1 for key in keys]


def sort_key(
    candidate: Candidate,
    scores: Scores,
    entries: Sequence[Assessment],
    criteria: Sequence[Criterion],
    options: Options,
) -> Key:
    """Return what orders a candidate, the smallest first: its score, then what phrases say of it.

    ``entries`` are its assessments, one for each criterion.
    """
    judged = [
        (bounds_for(criterion, options.reading), criterion.scale == "log", entry)
        for criterion, entry in zip(criteria, entries, strict=True)
    ]
    counted = [each for each in judged if each[2].weight > 0]
    others = [each for each in judged if each[2].weight == 0 and each[2].grade not in _NOT_REPORTED]
    found = (
        -getattr(scores, options.order),
        sum(entry.verdict is Verdict.FAILED for *_, entry in counted),
        1 - scores.coverage,
        sum(entry.shortfall_decades or 0.0 for *_, entry in counted),
        sum(entry.weight * _GRADES.index(entry.grade) for *_, entry in counted),
        sum(
            entry.weight * distance(bounds, entry, log)
            for bounds, log, entry in counted
            if not is_doubted(entry, bounds)  # no margin is shown
        ),
        -len(others),
        sum(distance(bounds, entry, log) for bounds, log, entry in others),
        -sum(
            each.known and each.grade not in _NOT_REPORTED for each in candidate.evidence.values()
        ),
    )
    return tuple(round(part, DIGITS) for part in found)


def distinction(
    before: Key, behind: Key, ahead: Sequence[Assessment] = (), entries: Sequence[Assessment] = ()
) -> str | None:
    """Return why a candidate of equal score is behind; None if nothing differs, or the score.

    ``entries`` are its assessments, ``ahead`` those of the candidate before it.
    """
    if before[0] != behind[0] or before == behind:
        return None
    pairs = zip(before, behind, strict=True)
    place = next(place for place, (one, other) in enumerate(pairs) if one != other)
    if place - 1 not in _MARGINS:
        return _PHRASES[place - 1].format(behind[place], before[place])
    values = [
        f"{METRICS[ours.metric].label} {value_text(ours, ours.unit)}, the one before "
        f"{value_text(theirs, theirs.unit)}"
        for ours, theirs in zip(entries, ahead, strict=True)
        if (ours.weight > 0) == (place - 1 == _MARGINS[0])
        and not {ours.grade, theirs.grade} & {*_NOT_REPORTED, *_NO_MARGIN}
        and value_text(ours, ours.unit) != value_text(theirs, theirs.unit)
    ]
    return _PHRASES[place - 1].format("; ".join(values)).removesuffix(": ")
