"""Sentences on a ranking: what parts two candidates, and how stable the order is."""

from __future__ import annotations

from math import log

from pvkdb.display.numbers import percent, short_number
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import Assessment, Grade, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.ranking.assessment import bounds_for

#: Values that count for less than they say, so that a sentence names their grade.
_LESS_THAN_SHOWN = (Grade.EXTRAPOLATED, Grade.SECONDARY, Grade.INFERRED)
#: Most candidates named in a sentence.
_NAMED = 4
#: Smaller differences of the logarithm of a score are ignored.
EQUAL = 1e-9


def label(metric: str) -> str:
    """Return a metric as used in a sentence: ``endurance``, ``E_A (model)``."""
    name, comma, kind = METRICS[metric].label.partition(", ")
    return f"{name} ({kind})" if comma else name


def differences(
    ranking: Ranking, first: RankedCandidate, second: RankedCandidate
) -> list[tuple[float, Criterion, Assessment, Assessment]]:
    """Return the differences on the criteria that are defined for both, the largest first.

    A number is the difference of the logarithms of the score, times the sum of the weights.
    """
    field = f"desirability_{ranking.order}"

    def worth(entry: Assessment) -> float:
        return log(max(getattr(entry, field), ranking.floor))

    found = [
        (criterion.weight * (worth(ours) - worth(theirs)), criterion, ours, theirs)
        for criterion, ours, theirs in zip(
            ranking.criteria, first.criteria, second.criteria, strict=True
        )
        if criterion.weight > 0 and ours.weight > 0 and theirs.weight > 0
    ]
    return sorted(found, key=lambda each: -abs(each[0]))


def tied(ranking: Ranking, entry: RankedCandidate) -> int:
    """Return how many candidates have the deciding score of one of them, itself included."""
    score = getattr(entry, ranking.order)
    return sum(abs(getattr(each, ranking.order) - score) <= EQUAL for each in ranking.candidates)


def compared(ranking: Ranking, first: RankedCandidate, second: RankedCandidate) -> list[str]:
    """Return sentences on what each of two candidates is ahead of the other."""
    pairs = ((first, second), (second, first))
    found = []
    for one, other in pairs:
        known, unknown = ahead_of(ranking, one, other)
        if known:
            found.append(f"{named(one)} is ahead of {named(other)} on {known}.")
        if unknown:
            found.append(f"{named(one)} leads without a reported value on {unknown}.")
    for one, other in pairs:
        missing = [
            label(ours.metric)
            for ours, theirs in zip(one.criteria, other.criteria, strict=True)
            if ours.verdict is Verdict.NOT_DEFINED and theirs.weight > 0
        ]
        if missing:
            names = ", ".join(missing)
            found.append(
                f"Not defined for {named(one)}: {names}. The other criteria take over the weight."
            )
    return found


def ahead_of(ranking: Ranking, subject: RankedCandidate, other: RankedCandidate) -> tuple[str, str]:
    """Return on what a candidate is ahead of another; empty texts if on nothing.

    The first text has the criteria with a value of the subject, such as ``endurance (10⁶ cycles
    compared with 5000 cycles; the profile requires at least 10⁶ cycles; desirability 1 compared
    with 0.2)``. The second has those on which the score only counts what is not known of it.
    """
    known: list[str] = []
    unknown: list[str] = []
    field = f"desirability_{ranking.order}"
    for by, criterion, *pair in differences(ranking, subject, other):
        if by > EQUAL:
            values = " compared with ".join(map(_value, pair))
            wanted = requirement_text(criterion, bounds_for(criterion, ranking.reading))
            worth = " compared with ".join(short_number(getattr(e, field)) for e in pair)
            texts = unknown if pair[0].verdict is Verdict.UNKNOWN else known
            texts.append(f"{label(criterion.metric)} ({values}; {wanted}; desirability {worth})")
    return "; ".join(known), "; ".join(unknown)


def scope(ranking: Ranking) -> str:
    """Return on what the order rests alone, and which needs of the application it leaves out."""
    counted = [label(each.metric) for each in ranking.criteria if each.weight > 0]
    left_out = "; ".join(each.asks for each in ranking.not_judged)
    needs = f" Not judged: {left_out}." if left_out else ""
    listed = " and ".join(filter(None, (", ".join(counted[:-1]), *counted[-1:])))
    return f"Judged by {listed} alone.{needs}"


def gaps(entry: RankedCandidate) -> list[str]:
    """Return what is not known of a candidate, and what is known but not shown, by criterion."""
    counted = [each for each in entry.criteria if each.weight > 0]
    return [
        f"nothing is reported on {label(each.metric)}, {percent(each.weight)} of the weight"
        if each.verdict is Verdict.UNKNOWN
        else f"{label(each.metric)} is {each.grade.value}"
        for each in counted
        if each.verdict is Verdict.UNKNOWN or each.grade in _LESS_THAN_SHOWN
    ]


def stability(ranking: Ranking) -> list[str]:
    """Return sentences on how often the first candidate is first under other assumptions."""
    if not ranking.candidates:
        return []
    first, often = ranking.candidates[0], max(ranking.candidates, key=_first)
    chance = _first(first)
    error = (chance * (1 - chance) / ranking.samples) ** 0.5
    within = f" (statistical error {percent(error)})" if error else ""
    alike = [each for each in ranking.candidates[1:] if _is_tied(ranking, first, each)]
    more = "No other candidate is ranked first more often."
    if _first(often) > chance and often not in alike:
        more = f"{named(often)} is ranked first more often, in {percent(_first(often))}."
    elif alike:
        names = ", ".join(f"{named(each)}: {percent(_first(each))}" for each in alike[:_NAMED])
        others = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
        more = f"Tied within the statistical error: {names}{others}."
    doubts = "; ".join(gaps(first))
    return [
        f"With random weights, and random values within the evidence, {named(first)} is ranked "
        f"first in {percent(chance)} of {short_number(ranking.samples)} random trials{within}. "
        f"{more}",
        *([f"This is how often it stays first, not how sure it is: {doubts}."] if doubts else []),
        *(
            f"With the reading “{name}”, {named(first)} has rank {under.rank}."
            for name, under in first.under_readings.items()
        ),
    ]


def named(entry: RankedCandidate) -> str:
    """Return the name of a candidate; of a device with its id, since stacks can be equal."""
    return entry.label if entry.kind == "material" else f"{entry.label} ({entry.id})"


def _first(entry: RankedCandidate) -> float:
    return entry.rank_probabilities[0] if entry.rank_probabilities else 0.0


def _is_tied(ranking: Ranking, first: RankedCandidate, other: RankedCandidate) -> bool:
    """Return whether two shares differ by less than twice the standard error of the difference."""
    one, two = _first(first), _first(other)
    return two > 0 and (one - two) ** 2 <= 4 * (one + two - (one - two) ** 2) / ranking.samples


def _value(entry: Assessment) -> str:
    if entry.verdict is Verdict.UNKNOWN:
        return "nothing reported"
    text = value_text(entry, entry.unit)
    return f"{text}, {entry.grade.value}" if entry.grade in _LESS_THAN_SHOWN else text
