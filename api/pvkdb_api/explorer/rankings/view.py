"""A ranking as its page shows it: requirements, rows, chances of ranks, two criteria in a plane."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, isfinite
from typing import Any

from markupsafe import Markup

from pvkdb.display.units import amount
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import BASES, Bounds, Criterion, Profile
from pvkdb.schemas.rankings import Assessment, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import bounds_text
from pvkdb.suitability.evidence.support import support_table
from pvkdb.suitability.ranking.judging import bounds_under
from pvkdb_api.explorer.rankings.explanation import label
from pvkdb_api.explorer.rankings.query import Asked, Wanted

#: Candidates whose chances of ranks are shown.
LEADING = 12

TONES = {
    Verdict.MET: "good",
    Verdict.PARTLY: "open",
    Verdict.UNDECIDED: "open",
    Verdict.NOT_DEMONSTRATED: "open",
    Verdict.FAILED: "bad",
}

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s;,)]+")


def heading(metric: str) -> str:
    """A metric as a heading: ``Endurance``, ``E_A (literature)``."""
    name = label(metric)
    return name[:1].upper() + name[1:]


def unit_of(metric: str) -> str:
    """The unit of a metric, where it has one to be read."""
    unit = METRICS[metric].unit
    return "µA" if unit == "uA" else "" if unit == "1" else unit


def fails_text(bounds: Bounds, unit: str) -> str:
    """Where nothing is left of a criterion: ``below 1000 s``, ``10 s and less``."""
    if bounds.accepts:
        return "any other word"
    parts = []
    if bounds.at_least is not None:
        ramp = bounds.fails_below
        parts.append(
            f"below {amount(bounds.at_least, unit)}"
            if ramp is None or ramp == bounds.at_least
            else f"{amount(ramp, unit)} and less"
        )
    if bounds.at_most is not None:
        ramp = bounds.fails_above
        parts.append(
            f"above {amount(bounds.at_most, unit)}"
            if ramp is None or ramp == bounds.at_most
            else f"{amount(ramp, unit)} and more"
        )
    return ", ".join(parts)


def with_links(text: str | None) -> Markup:
    """A source with its DOI linked."""
    if not text:
        return Markup("")
    parts, last = [], 0
    for found in _DOI.finditer(text):
        parts.append(Markup("{}").format(text[last : found.start()]))
        parts.append(Markup('<a href="https://doi.org/{0}">{0}</a>').format(found.group()))
        last = found.end()
    return Markup("").join([*parts, Markup("{}").format(text[last:])])


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading of a doubtful requirement."""

    name: str
    satisfied: str
    fails: str
    source: str
    quoted: str | None
    note: str | None
    used: bool
    address: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A criterion in words."""

    metric: str
    heading: str
    criterion: Criterion
    #: Those of the reading in use.
    used: Bounds
    satisfied: str
    fails: str
    #: What the first reading says, where another is in use.
    first_reading: str | None
    basis: str
    weight: float
    own_weight: float
    modelled: bool
    #: Why a prediction has no weight.
    reason: str | None
    readings: tuple[Reading, ...]

    @property
    def in_short(self) -> str:
        """What is wanted, in a few words."""
        bounds = self.used
        if not self.criterion.graded or bounds.accepts:
            return bounds_text(bounds, self.criterion.unit)
        if bounds.at_least is not None and bounds.at_most is not None:
            return f"near {bounds_text(bounds, self.criterion.unit)}"
        return "low" if bounds.at_least is None else "high"


def requirements(asked: Asked, weights: dict[str, float]) -> list[Requirement]:
    """What the profile asks of the subject, with the weights in use."""
    reasons = {entry.metric: entry.reason for entry in support_table().metrics}
    reading = asked.given.get("reading")
    return [
        Requirement(
            metric=each.metric,
            heading=heading(each.metric),
            criterion=each,
            used=used,
            satisfied=bounds_text(used, each.unit),
            fails=fails_text(used, each.unit),
            first_reading=None if used == each.bounds else _both_ends(each.bounds, each.unit),
            basis=BASES[each.basis],
            weight=weights.get(each.metric, each.weight),
            own_weight=each.weight,
            modelled=METRICS[each.metric].modelled,
            reason=reasons.get(each.metric),
            readings=tuple(
                Reading(
                    entry.name,
                    bounds_text(entry.bounds, each.unit),
                    fails_text(entry.bounds, each.unit),
                    entry.source,
                    entry.quoted,
                    entry.note,
                    entry.name == reading,
                    asked.address(reading=None if entry.name == reading else entry.name),
                )
                for entry in each.readings
            ),
        )
        for each, used in ((each, bounds_under(each, reading)) for each in asked.criteria)
    ]


def _both_ends(bounds: Bounds, unit: str) -> str:
    return f"satisfied: {bounds_text(bounds, unit)}, nothing is left: {fails_text(bounds, unit)}"


@dataclass(frozen=True, slots=True)
class Plane:
    """Candidates in the plane of two criteria of which both values are known."""

    x: Criterion
    y: Criterion
    choices: tuple[tuple[str, str], ...]
    rows: tuple[tuple[RankedCandidate, Assessment, Assessment], ...]
    drawn: dict[str, Any]


def plane(ranking: Ranking, wanted: Wanted) -> Plane | None:
    """The plane of the criteria asked for, or of the two with the most weight that are known."""
    numeric = [
        (place, each)
        for place, each in enumerate(ranking.criteria)
        if not METRICS[each.metric].words
        and any(_known(entry.criteria[place]) for entry in ranking.candidates)
    ]
    if len(numeric) < 2:
        return None
    places = {each.metric: place for place, each in numeric}
    first, second = _axes(ranking, [place for place, _ in numeric])
    first, second = places.get(wanted.x or "", first), places.get(wanted.y or "", second)
    x, y = ranking.criteria[first], ranking.criteria[second]
    rows = _both_known(ranking, first, second)
    return Plane(
        x,
        y,
        tuple((each.metric, heading(each.metric)) for _, each in numeric),
        rows,
        {
            "x": _axis(x, ranking.reading),
            "y": _axis(y, ranking.reading),
            "points": [
                {
                    "id": entry.id,
                    "label": entry.label,
                    "rank": entry.rank,
                    "front": entry.pareto,
                    "x": [horizontal.minimum, horizontal.maximum],
                    "y": [vertical.minimum, vertical.maximum],
                }
                for entry, horizontal, vertical in rows
            ],
        },
    )


def _axes(ranking: Ranking, numeric: Sequence[int]) -> tuple[int, int]:
    """The two criteria with the most weight, then those known of the most candidates."""

    def worth(pair: tuple[int, int]) -> tuple[bool, float, int]:
        together = len(_both_known(ranking, *pair))
        return together > 0, sum(ranking.criteria[place].weight for place in pair), together

    return max(combinations(numeric, 2), key=worth)


def _both_known(
    ranking: Ranking, first: int, second: int
) -> tuple[tuple[RankedCandidate, Assessment, Assessment], ...]:
    return tuple(
        (entry, entry.criteria[first], entry.criteria[second])
        for entry in ranking.candidates
        if _known(entry.criteria[first]) and _known(entry.criteria[second])
    )


def _axis(criterion: Criterion, reading: str | None) -> dict[str, Any]:
    unit = unit_of(criterion.metric)
    bounds = bounds_under(criterion, reading)
    return {
        "name": f"{heading(criterion.metric)} ({unit})" if unit else heading(criterion.metric),
        "log": criterion.scale == "log",
        "limits": [each for each in (bounds.at_least, bounds.at_most) if each is not None],
    }


def _known(entry: Assessment) -> bool:
    return any(end is not None and isfinite(end) for end in (entry.minimum, entry.maximum))


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities of ranks of the leading candidates, and that of any later rank."""

    ranks: range
    rows: tuple[tuple[RankedCandidate, tuple[float, ...], float], ...]


def chances(ranking: Ranking) -> Chances:
    """The probabilities of the first ranks, for the leading candidates."""
    leading = ranking.candidates[:LEADING]
    told = len(leading[0].rank_probabilities) if leading else 0
    rows = tuple(
        (
            entry,
            tuple(entry.rank_probabilities),
            max(0.0, 1.0 - sum(entry.rank_probabilities)),
        )
        for entry in leading
    )
    return Chances(range(1, told + 1), rows)


def shades(share: float) -> int:
    """The shade of a probability, 0 to 10."""
    return min(10, ceil(share * 10)) if share >= 0.005 else 0


@dataclass(frozen=True, slots=True)
class Card:
    """An application among the others."""

    profile: Profile
    devices: tuple[int, int]
    materials: tuple[int, int]


def cards(profiles: Sequence[Profile]) -> list[Card]:
    """Every application with its numbers of criteria: with weight, and in all."""
    return [
        Card(each, _counted(each.criteria("devices")), _counted(each.criteria("materials")))
        for each in profiles
    ]


def _counted(criteria: Sequence[Criterion]) -> tuple[int, int]:
    return sum(each.weight > 0 for each in criteria), len(criteria)
