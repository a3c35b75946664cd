"""Sentences that explain why the first candidate of a ranking is first.

They contain only what the ranking contains: the criteria on which the first candidate differs from
the next one, its missing values, and how often it is first with other weights and values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from pvkdb.schemas.rankings import (
    BEST,
    JOINED,
    Assessment,
    Known,
    RankedCandidate,
    Ranking,
    Verdict,
)
from pvkdb.suitability.evidence.explanations import shown_ends, value_text
from pvkdb.suitability.sheets.comparisons import (
    LESS_THAN_SHOWN,
    compared,
    gaps,
    label,
    stability,
    tied,
    without_analog,
)
from pvkdb_api.explorer.site.markup import UNKNOWN, interval, number, percent, rounded
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import anchor, composition_link

#: Verdicts in other words than those of the service.
WORDS = {Verdict.GRADED: "scale, not a requirement"}
#: Verdicts that neither meet nor fail a requirement.
_OPEN = (Verdict.UNDECIDED, Verdict.NOT_DEMONSTRATED)
#: Most candidates named in a sentence.
_NAMED = 4


def value_of(entry: Assessment | Known, unit: str) -> Markup:
    """Return a candidate's value on a criterion as HTML, with its unit and qualifier."""
    if entry.word is not None:
        return Markup("{}").format(entry.word)
    if isinstance(entry, Assessment) and entry.estimate is not None:
        return Markup("{}").format(value_text(entry, unit))
    if entry.minimum is None and entry.maximum is None:
        return UNKNOWN
    sign = getattr(entry, "qualifier", None)
    low, high = shown_ends(entry)
    if sign in BEST:
        low = high = high if low is None else low
    shown = interval(
        low,
        high,
        unit if unit not in ("", "1") else None,
        qualifier=sign if sign in ("~", *BEST) else None,
        computed=unit.startswith("eV") and entry.grade in JOINED,
    )
    return Markup("{} (tested)").format(shown) if sign == "tested" else shown


def candidate_link(entry: RankedCandidate) -> Markup:
    """Return a link to the page of a candidate, or to the figures of the text on it."""
    if entry.kind == "material":
        return composition_link(entry.id)
    return anchor(link("/devices", entry.id), entry.label)


def named(entry: RankedCandidate) -> Markup:
    """Return a link to a candidate; devices also with their id, since stacks can be equal."""
    if entry.kind == "material":
        return candidate_link(entry)
    return Markup('{} <code class="id">{}</code>').format(candidate_link(entry), entry.id)


def explain(ranking: Ranking) -> list[Markup]:
    """Return sentences on why the first candidate leads, the most important sentence first."""
    if ranking.not_rankable and not ranking.candidates:
        text = "The candidates cannot be ranked: none has a value on any criterion with weight."
        return [Markup(text)]
    if not ranking.candidates:
        why = "passes the filters" if ranking.set_aside else "is in the store"
        return [Markup("No candidate {}.").format(why)]
    first = [entry for entry in ranking.candidates if entry.rank == 1]
    leader = first[0]
    return [
        _lead(ranking, first) + escape(without_analog(ranking)),
        Markup("{}: {}.").format(named(leader), leader.because),
        *_comparison(ranking, leader),
        *map(escape, stability(ranking)),
    ]


def _lead(ranking: Ranking, first: Sequence[RankedCandidate]) -> Markup:
    """Return the answer: which is first, with which score, what stands against it, how sure."""
    leader, several = first[0], len(first) > 1
    against = [*leader.failures, *gaps(leader)]
    against += [
        f"{label(each.metric)} is {each.verdict.value}"
        for each in leader.criteria
        if each.weight > 0 and each.verdict in _OPEN and each.grade not in LESS_THAN_SHOWN
    ]
    near = sum(entry.score >= leader.score_low for entry in ranking.candidates[len(first) :])
    if near:
        against.append(f"the interval reaches {near} other{'s' if near > 1 else ''}")
    return Markup("{} {} with the score {}; {}; {} of random weights and papers leave {}.").format(
        _listed(first) if several else named(leader),
        "share the first place, their scores being equal to two digits," if several else "is first",
        rounded(leader.score, leader.score_low, leader.score_high),
        "; ".join(against) or "every requirement with weight is met",
        percent(leader.first),
        "them first" if several else "it first",
    )


def _comparison(ranking: Ranking, leader: RankedCandidate) -> Iterator[Markup]:
    """Yield sentences that compare the leader with the next candidate."""
    second = next((entry for entry in ranking.candidates if entry.rank > 1), None)
    if second is None:
        return
    with_others = f", and {tied(ranking, second) - 1} more" if tied(ranking, second) > 1 else ""
    text = Markup("{} is next with {}{}.")
    yield text.format(candidate_link(second), number(second.score), with_others)
    yield from map(escape, compared(ranking, leader, second))


def _listed(entries: Sequence[RankedCandidate]) -> Markup:
    links = [named(entry) for entry in entries[:_NAMED]]
    more = len(entries) - len(links)
    if more:
        return Markup("{} and {} more").format(Markup(", ").join(links), more)
    return Markup("{} and {}").format(Markup(", ").join(links[:-1]), links[-1])
