"""The numbers of the page on predictions, and whether they support weights in profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from pvkdb.suitability.evidence.support import Correlation, Support, SupportTable
from validation.agreement import (
    LEAST_MATERIALS,
    Pairs,
    concordance,
    correlation,
    kendall,
    leave_one_out,
    spearman,
)
from validation.prediction_points import MEASURED, Point, Points, collect

PAGE_LINK = "docs/validation/prediction.md"


class Comparison(BaseModel):
    """One metric: the statistics that decide about its weight, and further ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    support: Support
    as_printed: tuple[Correlation, ...]
    """Tested times used as values, and only printed bounds as bounds."""
    variants: dict[str, tuple[Correlation, ...]]
    """Other choices of the barrier within its interval, as printed."""
    leave_one_out: dict[str, float]
    """Root mean square errors in decades, of values as printed."""
    inside: int
    """Number of values inside their predicted window."""
    values: int
    offset_decades: float | None
    """Median of measured over predicted (its middle), in decades, of values as printed."""


class Results(BaseModel):
    """The content of the page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: Points
    comparisons: tuple[Comparison, ...]

    def of(self, metric: str) -> list[Point]:
        """Return the points of a metric."""
        return [point for point in self.points.points if point.metric == metric]

    def support(self) -> SupportTable:
        """Return the table that rankings read."""
        return SupportTable(
            page=PAGE_LINK, metrics=tuple(entry.support for entry in self.comparisons)
        )


def read_results(path: Path) -> Results:
    """Read the results of an earlier run."""
    return Results.model_validate_json(path.read_text(encoding="utf-8"))


def compute() -> Results:
    """Compute all comparisons, in a few seconds."""
    points = collect()
    listed = [
        _compared(metric, [point for point in points.points if point.metric == metric])
        for metric in MEASURED
    ]
    return Results(points=points, comparisons=tuple(listed))


def _compared(metric: str, points: Sequence[Point]) -> Comparison:
    strict = _pairs([point.predicted for point in points], points)
    printed = np.array([point.printed_bound for point in points], dtype=bool)
    as_printed = strict.as_printed(printed)
    ends = {
        "easiest barrier": [point.easiest for point in points],
        "hardest barrier": [point.hardest for point in points],
    }
    values = as_printed.values()
    kept = [point for point in points if not point.printed_bound]
    inside = sum(point.predicted_min <= point.measured <= point.predicted_max for point in kept)
    shift = values.measured - values.predicted
    few = len(set(values.group)) < 2
    return Comparison(
        support=support_of(metric, strict),
        as_printed=_correlations(as_printed),
        variants={
            name: _correlations(_pairs(predicted, points).as_printed(printed))
            for name, predicted in ends.items()
        },
        leave_one_out=(
            {}
            if few
            else {
                kind: round(error, 2)
                for kind, error in leave_one_out(
                    values.predicted, values.measured, values.group
                ).items()
            }
        ),
        inside=inside,
        values=len(kept),
        offset_decades=round(float(np.median(shift)), 2) if len(shift) else None,
    )


def _pairs(predicted: Sequence[float], points: Sequence[Point]) -> Pairs:
    """Return points in decades; tested times count as bounds."""
    return Pairs(
        np.log10(np.array(predicted, dtype=float)),
        np.log10(np.array([point.measured for point in points], dtype=float)),
        np.array([point.bound for point in points], dtype=bool),
        [point.material for point in points],
    )


def _correlations(pairs: Pairs) -> tuple[Correlation, ...]:
    values = pairs.values()
    return (
        correlation("concordance", pairs, concordance),
        correlation("Spearman", values, spearman),
        correlation("Kendall", values, kendall),
    )


def support_of(metric: str, pairs: Pairs) -> Support:
    """Return whether the intervals of both correlations are above zero, with the reason."""
    found = _correlations(pairs)
    order, ranks = found[0], found[1]
    lows = [each.low for each in (order, ranks)]
    supported = all(low is not None and low > 0 for low in lows)
    return Support(
        metric=metric,
        supported=supported,
        reason=_reason(order, ranks, supported, int(pairs.bound.sum())),
        devices=len(pairs),
        materials=len(set(pairs.group)),
        correlations=found,
    )


def _reason(order: Correlation, ranks: Correlation, supported: bool, bounds: int) -> str:
    of = f"{order.devices} devices of {order.materials} materials"
    if order.value is None:
        return f"no two of {of} have a measured order that is certain ({bounds} lower bounds)"
    if order.materials < LEAST_MATERIALS:
        return (
            f"{of} are too few for an interval (concordance {order.value:.2f} over {order.pairs} "
            f"pairs; {LEAST_MATERIALS} materials are the least)"
        )
    if ranks.value is None or ranks.low is None or order.low is None:
        return f"{of}: the correlation has no interval"
    verdict = "lies above" if supported else "does not lie above"
    return (
        f"rank correlation {_signed(ranks.value)} (Spearman, 95 % of resampled materials "
        f"{_signed(ranks.low)} to {_signed(ranks.high or 0.0)}; {of}): the interval {verdict} zero"
    )


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
