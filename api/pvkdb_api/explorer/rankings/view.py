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
from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Assessment, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.explanations import bounds_text
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
class AskedCriterion:
    """A criterion with the bounds and the weight in use, and why a prediction has no weight."""

    criterion: Criterion
    used: Bounds
    weight: float
    reason: str | None

    @property
    def in_short(self) -> str:
        """The required values in a few words."""
        bounds, shown = self.used, bounds_text(self.used, self.criterion.unit)
        if not self.criterion.graded or bounds.accepts:
            return shown
        if bounds.at_least is not None and bounds.at_most is not None:
            return f"near {shown}"
        return "low" if bounds.at_least is None else "high"


def asked_criteria(query: RankingQuery) -> list[AskedCriterion]:
    """Return the criteria of the profile with the given weights and reading."""
    reasons = {entry.metric: entry.reason for entry in support_table().metrics}
    weights, reading = query.weights(), query.given.get("reading")
    return [
        AskedCriterion(
            each,
            bounds_for(each, reading),
            weights.get(each.metric, each.weight),
            reasons.get(each.metric),
        )
        for each in query.criteria
    ]


def criteria_plot(ranking: Ranking, wanted: ParsedRankingQuery) -> dict[str, Any] | None:
    """Return the plot of the chosen criteria, or of the known ones with the highest weights.

    Its rows are candidates with known values on both; None where there are fewer than two criteria.
    """
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
    return {
        "x": x,
        "y": y,
        "choices": [(each.metric, heading(each.metric)) for _, each in numeric],
        "rows": rows,
        "drawn": {
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
    }


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
