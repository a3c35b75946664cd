"""What parts two candidates, how stable an order is, and what knowing an open value is worth.

An open value turns out good with the probability that is its share, and bad else; the gain of
knowing it is the mean of the best score then, less the best score now: expected value of perfect
information (Raiffa and Schlaifer, Applied Statistical Decision Theory, 1961). Of a graded
criterion, the two outcomes are the ends of its interval.
"""

from __future__ import annotations

from collections.abc import Sequence

from pvkdb.display.numbers import percent, short_number
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.rankings import Assessment, Grade, OpenValue, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.ranking.assessment import bounds_for

#: Values that count for less than they say, so that a sentence names their grade.
LESS_THAN_SHOWN = (Grade.EXTRAPOLATED, Grade.SECONDARY, Grade.INFERRED)
#: Metrics whose values are computed, not measured.
_COMPUTED = ("e_a_model_ev", "dfe_model_ev", "above_hull_ev_per_atom")
#: Smaller gains, as a share of the best score, change nothing that is shown.
_LEAST = 0.01


def label(metric: str) -> str:
    """Return a metric as used in a sentence: ``endurance``, ``E_A (model)``."""
    name, comma, kind = METRICS[metric].label.partition(", ")
    return f"{name} ({kind})" if comma else name


def tied(ranking: Ranking, entry: RankedCandidate) -> int:
    """Return how many candidates share the rank of one of them, itself included."""
    return sum(each.rank == entry.rank for each in ranking.candidates)


def answer(ranking: Ranking) -> str:
    """Return which candidates come first, with their score and what it is made of."""
    first = [each for each in ranking.candidates if each.rank == 1]
    if not first:
        return f"No {ranking.subject.removesuffix('s')} is ranked."
    names = [*map(named, first[:3]), *([f"{len(first) - 3} more"] if len(first) > 3 else [])]
    leader = first[0]
    score, low, high = map(short_number, (leader.score, leader.score_low, leader.score_high))
    names = [", ".join(names[:-1]), names[-1]] if len(names) > 1 else names
    shared = " share the place, their scores being equal to two digits," if len(first) > 1 else ","
    unmade = " The store has no device of it." if leader.devices == 0 else ""
    unmade += without_analog(ranking)
    return (
        f"{' and '.join(names)}{shared} with the score {score} ({low} to {high}): {leader.because}."
        f"{unmade}"
    )


#: What shows that a device is analog.
_ANALOG = {"states", "nonlinearity"}


def without_analog(ranking: Ranking) -> str:
    """Return that the first ten report nothing analog where it is asked for, and who does most."""
    known = [
        (each.maximum or each.minimum or 0, each.metric, place, entry)
        for place, entry in enumerate(ranking.candidates)
        for each in entry.criteria
        if each.metric in _ANALOG and each.grade is not Grade.MISSING
    ]
    asked = {each.metric for each in ranking.criteria} >= _ANALOG
    if not asked or any(place < 10 for _, _, place, _ in known):
        return ""
    text = " None of the first ten reports states or non-linearity"
    if not (states := [each for each in known if each[1] == "states"]):
        return f"{text}."
    count, _, _, most = max(states, key=lambda each: each[0])
    shown = f"{short_number(count)} states, place {most.rank}; {most.references}"
    return f"{text}; the most states are those of {named(most)} ({shown})."


def compared(ranking: Ranking, first: RankedCandidate, second: RankedCandidate) -> list[str]:
    """Return sentences on what each of two candidates is ahead of the other."""
    return [
        f"{named(one)} is ahead of {named(other)} on {ahead}."
        for one, other in ((first, second), (second, first))
        if (ahead := ahead_of(ranking, one, other))
    ]


def ahead_of(ranking: Ranking, subject: RankedCandidate, other: RankedCandidate) -> str:
    """Return on what a candidate is ahead of another, the most first; empty if on nothing.

    Example: ``endurance (10⁶ cycles compared with 5000 cycles; the profile requires at least 10⁶
    cycles; share 1 compared with 0.28)``.
    """
    pairs = [
        (criterion, ours, theirs)
        for criterion, ours, theirs in zip(
            ranking.criteria, subject.criteria, other.criteria, strict=True
        )
        if ours.weight > 0 and theirs.weight > 0 and ours.share > theirs.share
    ]
    pairs.sort(key=lambda each: each[2].share ** each[0].weight - each[1].share ** each[0].weight)
    texts = []
    for criterion, *pair in pairs:
        values = " compared with ".join(map(_value, pair))
        wanted = requirement_text(criterion, bounds_for(criterion, ranking.reading))
        worth = " compared with ".join(f"{each.share:.2g}" for each in pair)
        texts.append(f"{label(criterion.metric)} ({values}; {wanted}; share {worth})")
    return "; ".join(texts)


def scope(ranking: Ranking) -> str:
    """Return on what the order rests alone, and which needs of the application it leaves out."""
    every = (each for entry in ranking.candidates for each in entry.criteria)
    known = {each.metric for each in every if each.weight > 0 and each.grade is not Grade.MISSING}
    counted = [label(each.metric) for each in ranking.criteria if each.metric in known]
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
        if each.verdict is Verdict.UNKNOWN or each.grade in LESS_THAN_SHOWN
    ]


def more_often(ranking: Ranking) -> str:
    """Return why the first place is another's than that of the most often first; empty if not."""
    often = max(ranking.candidates, key=lambda each: each.first, default=None)
    if often is None or often.first <= ranking.candidates[0].first:
        return ""
    score, low, high = map(short_number, (often.score, often.score_low, often.score_high))
    return (
        f"{named(often)} is first more often, in {percent(often.first)}, and has place "
        f"{often.rank}: places go by the score, and its own is {score} ({low} to {high})."
    )


def stability(ranking: Ranking) -> list[str]:
    """Return sentences on how often the first candidate is first under other assumptions."""
    if not ranking.candidates:
        return []
    first = ranking.candidates[0]
    more = more_often(ranking) or "No other candidate is first more often."
    doubts = "; ".join(gaps(first))
    return [
        f"With random weights of the criteria and of the papers, {named(first)} is first in "
        f"{percent(first.first)} of {short_number(ranking.samples)} samples. {more}",
        *([f"This is how often it stays first, not how sure it is: {doubts}."] if doubts else []),
        *(
            f"With the reading “{name}”, {named(first)} has rank {under.rank}."
            for name, under in first.under_readings.items()
        ),
    ]


def named(entry: RankedCandidate) -> str:
    """Return the name of a candidate; of a device with its id, since stacks can be equal."""
    return entry.label if entry.kind == "material" else f"{entry.label} ({entry.id})"


def _value(entry: Assessment) -> str:
    if entry.verdict is Verdict.UNKNOWN:
        return "nothing reported"
    text = value_text(entry, entry.unit)
    return f"{text}, {entry.grade.value}" if entry.grade in LESS_THAN_SHOWN else text


def open_values(ranking: Ranking, listed: Sequence[RankedCandidate]) -> list[OpenValue]:
    """Return the open values of listed candidates that may change the choice among them.

    The most valuable comes first.
    """
    total = sum(each.weight for each in ranking.criteria)
    found = []
    for entry in listed:
        other = max((each.score for each in listed if each is not entry), default=0.0)
        for each in entry.criteria:
            if each.weight == 0 or each.share in (0.0, 1.0):
                continue  # nothing is open, or no score would change
            worst, best, chance = _outcomes(each)
            power = each.weight * total
            then = [entry.score * (value / each.share) ** power for value in (worst, best)]
            mean = (1 - chance) * max(then[0], other) + chance * max(then[1], other)
            gain = mean - max(entry.score, other)
            if gain > _LEAST * max(entry.score, other):
                found.append(
                    OpenValue(
                        candidate=entry.id,
                        label=entry.label,
                        metric=each.metric,
                        known=each.reason,
                        computed=each.metric in _COMPUTED,
                        gain=gain,
                        chance=chance,
                    )
                )
    return sorted(found, key=lambda each: -each.gain)


def _outcomes(entry: Assessment) -> tuple[float, float, float]:
    """Return the worst and the best share once a value is known, and the chance of the best."""
    if entry.verdict is not Verdict.GRADED:
        return 0.0, 1.0, entry.share
    low, high = entry.share_low, entry.share_high
    return low, high, (entry.share - low) / (high - low) if high > low else 1.0


def settled(listed: Sequence[RankedCandidate]) -> list[str]:
    """Return that no single open value changes the choice of the first of listed candidates."""
    return [f"No open value alone changes the choice of {named(each)}." for each in listed[:1]]
