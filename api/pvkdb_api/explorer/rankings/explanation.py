"""Why the first of a ranking is first, in sentences made from its assessments.

Every sentence says what stands in the ranking and no more: which criteria part the first from the
next, what nobody has reported of it, and how often other weights and values leave it in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

from markupsafe import Markup

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.rankings import Assessment, Known, RankedCandidate, Ranking, Verdict
from pvkdb_api.explorer.site.numbers import UNKNOWN, interval, number, percent
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import anchor, material_link

#: Candidates named in a sentence.
_NAMED = 4
#: Differences of the logarithm of a score that are none.
_EQUAL = 1e-9


def value_of(entry: Assessment | Known, unit: str) -> Markup:
    """What is known on a criterion, with its unit and as it was printed."""
    if entry.word is not None:
        return Markup("{}").format(entry.word)
    if entry.minimum is None and entry.maximum is None:
        return UNKNOWN
    sign = getattr(entry, "qualifier", None)
    shown = interval(
        entry.minimum,
        entry.maximum,
        unit if unit not in ("", "1") else None,
        approximate=sign == "~",
    )
    return Markup("{} (tested)").format(shown) if sign == "tested" else shown


def candidate_link(entry: RankedCandidate) -> Markup:
    """A candidate as a person calls it, linked to its page, or to its row where it has none."""
    if entry.kind == "material":
        return material_link(entry.id)
    if entry.kind == "device":
        return anchor(link("/devices", entry.id), entry.label)
    return anchor(f"#{entry.id}", entry.label)


def named(entry: RankedCandidate) -> Markup:
    """A candidate with its name, small, which tells it from another of the same stack."""
    if entry.kind == "material":
        return candidate_link(entry)
    return Markup('{} <code class="id">{}</code>').format(candidate_link(entry), entry.id)


def label(metric: str) -> str:
    """A metric within a sentence: ``endurance``, ``E_A (literature)``."""
    name, comma, kind = METRICS[metric].label.partition(", ")
    return f"{name} ({kind})" if comma else name


def why(ranking: Ranking) -> list[Markup]:
    """The sentences, the most telling first."""
    if not ranking.candidates:
        return [Markup("There are no candidates.")]
    if not any(entry.coverage > 0 for entry in ranking.candidates):
        return [
            Markup(
                "There is no order: nothing is reported of any candidate on any criterion with "
                "weight."
            )
        ]
    first = [entry for entry in ranking.candidates if entry.rank == 1]
    leader = first[0]
    return [
        _lead(ranking, first),
        *_parted(ranking, leader),
        *_open_points(leader),
        _stability(ranking, first),
        *_readings(leader),
    ]


def _lead(ranking: Ranking, first: Sequence[RankedCandidate]) -> Markup:
    leader, order = first[0], ranking.order
    score = number(getattr(leader, order))
    if len(first) > 1:
        return Markup(
            "{} share the first place: their {} score is {}, and nothing else {}."
        ).format(_listed(first), order, score, "parts them")
    others = [name for name in ("shown", "expected", "possible") if name != order]
    return Markup("{} has the highest {} score, {} ({} {}, {} {}).").format(
        named(leader),
        order,
        score,
        others[0],
        number(getattr(leader, others[0])),
        others[1],
        number(getattr(leader, others[1])),
    )


@dataclass(frozen=True, slots=True)
class _Difference:
    """How much one criterion moves the logarithm of the score of one candidate over another."""

    metric: str
    first: Assessment
    second: Assessment
    by: float


def _parted(ranking: Ranking, leader: RankedCandidate) -> Iterator[Markup]:
    """What parts the leader from the first that stands behind it."""
    behind = [entry for entry in ranking.candidates if entry.rank > 1]
    if not behind:
        return
    second = behind[0]
    name = candidate_link(second)
    if abs(getattr(leader, ranking.order) - getattr(second, ranking.order)) < _EQUAL:
        yield Markup("{} follows with the same {} score; {}.").format(
            name, ranking.order, _tie(leader, second)
        )
        return
    found = sorted(_differences(ranking, leader, second), key=lambda each: -abs(each.by))
    for_it = [each for each in found if each.by > _EQUAL]
    against = [each for each in found if each.by < -_EQUAL]
    yield Markup("{} follows with {}.").format(name, number(getattr(second, ranking.order)))
    for ahead, differences in ((leader, for_it), (second, against)):
        if differences:
            yield Markup("{} is ahead on {}.").format(
                candidate_link(ahead), _told(ranking, differences)
            )
    for one, other in ((leader, second), (second, leader)):
        missing = [
            label(each.metric)
            for each, theirs in zip(one.criteria, other.criteria, strict=True)
            if each.verdict is Verdict.NOT_DEFINED and theirs.weight > 0
        ]
        if missing:
            yield Markup(
                "Not defined for {}: {}. There, its weight falls to the other criteria."
            ).format(candidate_link(one), ", ".join(missing))


def _tie(leader: RankedCandidate, second: RankedCandidate) -> Markup:
    if (second.coverage == 0) != (leader.coverage == 0):
        return Markup("of the first something is known, of this one nothing")
    if len(leader.failures) != len(second.failures):
        return Markup("the first fails {} of the requirements, this one {}").format(
            len(leader.failures), len(second.failures)
        )
    return Markup("there is evidence on {} of the weight of the first, on {} of this one").format(
        percent(leader.coverage), percent(second.coverage)
    )


def _differences(
    ranking: Ranking, leader: RankedCandidate, second: RankedCandidate
) -> Iterator[_Difference]:
    for criterion, ours, theirs in zip(
        ranking.criteria, leader.criteria, second.criteria, strict=True
    ):
        if criterion.weight > 0 and ours.weight > 0 and theirs.weight > 0:
            mine, other = (_worth(each, ranking) for each in (ours, theirs))
            by = (log(mine) - log(other)) * criterion.weight
            yield _Difference(criterion.metric, ours, theirs, by)


def _worth(entry: Assessment, ranking: Ranking) -> float:
    value: float = getattr(entry, f"desirability_{ranking.order}")
    return max(value, ranking.floor)


def _told(ranking: Ranking, differences: Sequence[_Difference]) -> Markup:
    return Markup("; ").join(
        Markup("<b>{}</b> ({} against {}, worth {} against {})").format(
            label(each.metric),
            value_or_word(each.first),
            value_or_word(each.second),
            number(getattr(each.first, f"desirability_{ranking.order}")),
            number(getattr(each.second, f"desirability_{ranking.order}")),
        )
        for each in differences
    )


def value_or_word(entry: Assessment) -> Markup:
    """A value for a sentence, in which a dash would read badly."""
    if entry.verdict in (Verdict.UNKNOWN, Verdict.NOT_DEFINED):
        return Markup("{}").format(
            "nothing reported" if entry.verdict is Verdict.UNKNOWN else "not defined"
        )
    return value_of(entry, entry.unit)


def _open_points(leader: RankedCandidate) -> Iterator[Markup]:
    counted = [entry for entry in leader.criteria if entry.weight > 0]
    if all(entry.verdict is Verdict.MET for entry in counted):
        yield Markup("{} meets every requirement that has weight.").format(candidate_link(leader))
    for verdict, says in (
        (Verdict.FAILED, "{} fails on {}."),
        (Verdict.PARTLY, "{} meets only in part: {}."),
        (Verdict.NOT_DEMONSTRATED, "{}: not demonstrated, since only a bound is known, {}."),
        (Verdict.UNDECIDED, "{}: the evidence is too wide to tell on {}."),
    ):
        names = [label(entry.metric) for entry in counted if entry.verdict is verdict]
        if names:
            yield Markup(says).format(candidate_link(leader), ", ".join(names))
    unknown = [entry for entry in counted if entry.verdict is Verdict.UNKNOWN]
    if unknown:
        yield Markup("Nothing is reported of {} on {}: {} of its weight.").format(
            candidate_link(leader),
            ", ".join(label(entry.metric) for entry in unknown),
            percent(sum(entry.weight for entry in unknown)),
        )


def _stability(ranking: Ranking, first: Sequence[RankedCandidate]) -> Markup:
    leader = first[0]
    chance = _first(leader)
    error = sqrt(chance * (1 - chance) / ranking.samples)
    text = Markup(
        "With random weights, and values drawn from all that the evidence allows, {} comes first "
        "in {} of {} samples{}."
    ).format(
        candidate_link(leader),
        percent(chance),
        number(ranking.samples),
        Markup(" (± {} by their number)").format(percent(error)) if error > 0 else "",
    )
    best = max(ranking.candidates, key=_first)
    if best.id == leader.id or _first(best) <= chance:
        return Markup("{} No other comes first more often.").format(text)
    return Markup("{} {} comes first more often, in {}.").format(
        text, candidate_link(best), percent(_first(best))
    )


def _readings(leader: RankedCandidate) -> Iterator[Markup]:
    for name, under in leader.under_readings.items():
        yield Markup("Under the reading “{}”, {} {} at place {}.").format(
            name,
            candidate_link(leader),
            "stays" if under.rank == 1 else "stands",
            number(under.rank),
        )


def _first(entry: RankedCandidate) -> float:
    return entry.rank_probabilities[0] if entry.rank_probabilities else 0.0


def _listed(entries: Sequence[RankedCandidate]) -> Markup:
    links = [named(entry) for entry in entries[:_NAMED]]
    more = len(entries) - len(links)
    if more:
        return Markup("{} and {} more").format(Markup(", ").join(links), more)
    return Markup("{} and {}").format(Markup(", ").join(links[:-1]), links[-1])


def count_words(entry: RankedCandidate) -> Iterable[tuple[str, str, int]]:
    """How the verdicts on the criteria with weight fall, as far as they are worth a tag."""
    counted = [each.verdict for each in entry.criteria if each.weight > 0]
    for verdict, tone in (
        (Verdict.FAILED, "bad"),
        (Verdict.NOT_DEMONSTRATED, "open"),
        (Verdict.UNDECIDED, "open"),
        (Verdict.PARTLY, "open"),
        (Verdict.UNKNOWN, "plain"),
        (Verdict.MET, "good"),
        (Verdict.GRADED, "plain"),
    ):
        if number_of := counted.count(verdict):
            yield verdict.value, tone, number_of
