"""A ranking as its page shows it: requirements, and a plot of two criteria."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Any

from markupsafe import Markup

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import BASES, Bounds, Criterion, Reading
from pvkdb.schemas.rankings import Assessment, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import bounds_text, fails_text
from pvkdb.suitability.evidence.support import support_table
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.sheets.comparisons import label
from pvkdb.suitability.sheets.sheet import COMPUTED_SOURCE, page_of
from pvkdb_api.explorer.rankings.query import ParsedRankingQuery, RankingQuery
from pvkdb_api.explorer.tables.cells import anchor

TONES = {
    Verdict.MET: "good",
    Verdict.UNDECIDED: "open",
    Verdict.NOT_DEMONSTRATED: "open",
    Verdict.FAILED: "bad",
}

_LINKED = re.compile(
    rf"(?P<doi>\b10\.\d{{4,9}}/[^\s;,)]+)|(?P<url>https?://[^\s;]+)|{COMPUTED_SOURCE.pattern}"
)


def heading(metric: str) -> str:
    """Return a metric as a heading: ``Endurance``, ``E_A (model)``."""
    name = label(metric)
    return name[:1].upper() + name[1:]


def unit_of(metric: str) -> str:
    """Return the unit of a metric; empty for a pure number."""
    unit = METRICS[metric].unit
    return "µA" if unit == "uA" else "" if unit == "1" else unit


def with_links(text: str | None) -> Markup:
    """Return the text of a source as HTML with links to DOIs, pages and computed results."""
    if not text:
        return Markup("")
    parts, last = [], 0
    for found in _LINKED.finditer(text):
        parts.append(Markup("{}").format(text[last : found.start()]))
        address = found["url"] or (f"https://doi.org/{found['doi']}" if found["doi"] else None)
        parts.append(anchor(address or page_of(found), found.group()))
        last = found.end()
    return Markup("").join([*parts, Markup("{}").format(text[last:])])


@dataclass(frozen=True, slots=True)
class AlternativeReading:
    """An alternative reading of an ambiguous requirement: bounds in words, and its link."""

    reading: Reading
    satisfied: str
    fails: str
    used: bool
    address: str


@dataclass(frozen=True, slots=True)
class CriterionText:
    """A criterion in words."""

    metric: str
    heading: str
    criterion: Criterion
    #: The bounds of the reading in use.
    used: Bounds
    satisfied: str
    fails: str
    #: The first reading, if another one is in use.
    first_reading: str | None
    basis: str
    weight: float
    modelled: bool
    #: Why a prediction has no weight.
    reason: str | None
    readings: tuple[AlternativeReading, ...]

    @property
    def in_short(self) -> str:
        """The required values in a few words."""
        bounds = self.used
        if not self.criterion.graded or bounds.accepts:
            return self.satisfied
        if bounds.at_least is not None and bounds.at_most is not None:
            return f"near {self.satisfied}"
        return "low" if bounds.at_least is None else "high"


def criterion_texts(query: RankingQuery) -> list[CriterionText]:
    """Return the criteria of the profile in words, with the given weights."""
    reasons = {entry.metric: entry.reason for entry in support_table().metrics}
    weights, reading = query.weights(), query.given.get("reading")
    texts = []
    for each in query.criteria:
        used, unit = bounds_for(each, reading), each.unit
        satisfied, fails = bounds_text(each.bounds, unit), fails_text(each.bounds, unit)
        own = f"satisfied: {satisfied}, fails: {fails}"
        alternatives = [
            AlternativeReading(
                entry,
                bounds_text(entry.bounds, unit),
                fails_text(entry.bounds, unit),
                entry.name == reading,
                query.address(reading=None if entry.name == reading else entry.name),
            )
            for entry in each.readings
        ]
        texts.append(
            CriterionText(
                metric=each.metric,
                heading=heading(each.metric),
                criterion=each,
                used=used,
                satisfied=bounds_text(used, unit),
                fails=fails_text(used, unit),
                first_reading=None if used == each.bounds else own,
                basis=BASES[each.basis],
                weight=weights.get(each.metric, each.weight),
                modelled=METRICS[each.metric].modelled,
                reason=reasons.get(each.metric),
                readings=tuple(alternatives),
            )
        )
    return texts


@dataclass(frozen=True, slots=True)
class CriteriaPlot:
    """Candidates with known values on two criteria."""

    x: Criterion
    y: Criterion
    choices: tuple[tuple[str, str], ...]
    rows: tuple[tuple[RankedCandidate, Assessment, Assessment], ...]
    drawn: dict[str, Any]


def criteria_plot(ranking: Ranking, wanted: ParsedRankingQuery) -> CriteriaPlot | None:
    """Return the plot of the chosen criteria, or of the known ones with the highest weights."""
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
    asked = wanted.question
    first, second = places.get(asked.x or "", first), places.get(asked.y or "", second)
    x, y = ranking.criteria[first], ranking.criteria[second]
    rows = _both_known(ranking, first, second)
    return CriteriaPlot(
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
                    "x": [horizontal.minimum, horizontal.maximum],
                    "y": [vertical.minimum, vertical.maximum],
                }
                for entry, horizontal, vertical in rows
            ],
        },
    )


def _axes(ranking: Ranking, numeric: Sequence[int]) -> tuple[int, int]:
    """Return the two criteria with the highest weights and the most candidates."""

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
    bounds = bounds_for(criterion, reading)
    return {
        "name": f"{heading(criterion.metric)} ({unit})" if unit else heading(criterion.metric),
        "log": criterion.scale == "log",
        "limits": [each for each in (bounds.at_least, bounds.at_most) if each is not None],
    }


def _known(entry: Assessment) -> bool:
    return any(end is not None and isfinite(end) for end in (entry.minimum, entry.maximum))
