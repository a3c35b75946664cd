"""The numbers of the page on predictions, and whether they support weights in profiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pvkdb.suitability.evidence.support import Support, SupportTable
from validation.agreement import (
    LEAST_MATERIALS,
    Correlation,
    Pairs,
    concordance,
    correlation,
    errors_beside_mean,
    spearman,
)
from validation.pages import Numbers
from validation.prediction.networks import Network, compute_networks
from validation.prediction.points import (
    COMPUTED,
    HOPS,
    MEASURED,
    ONE,
    Point,
    Points,
    collect,
    middle,
)

PAGE_LINK = "docs/validation/prediction.md"
#: The closed form with tested times as values; and for the devices whose hops are known.
PRINTED, SAME = "one barrier, as printed", "one barrier, same devices"


class Agreement(Numbers):
    """One reading of one metric beside the measured values."""

    order: Correlation
    ranks: Correlation
    inside: int
    """Number of values inside their predicted window."""
    offset_decades: float | None
    """Median of measured over predicted (its middle), in decades."""
    errors_decades: tuple[float, float] | None
    """Root mean square errors: of the prediction, and of the mean of the other materials."""


class Comparison(Numbers):
    """One metric: whether it is supported, and every reading of it."""

    support: Support
    readings: dict[str, Agreement]


class Results(Numbers):
    """The content of the page."""

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


def compute(networks: dict[str, Network] | None = None) -> Results:
    """Compute all comparisons; without networks, these are simulated first, in a minute."""
    points = collect(compute_networks() if networks is None else networks)
    found = Results(points=points, comparisons=())
    return Results(
        points=points,
        comparisons=tuple(_compared(metric, found.of(metric)) for metric in MEASURED),
    )


def _compared(metric: str, points: Sequence[Point]) -> Comparison:
    known = [point for point in points if HOPS in point.windows]
    readings = {ONE: _agreement(points, ONE, as_printed=False)}
    if any(point.bound != point.printed_bound for point in points):
        readings[PRINTED] = _agreement(points, ONE)
    for name, reading in ((SAME, ONE), (HOPS, HOPS), (COMPUTED, COMPUTED)):
        readings[name] = _agreement(known, reading)
    return Comparison(support=support_of(metric, _pairs(points, ONE, False)), readings=readings)


def _pairs(points: Sequence[Point], reading: str, as_printed: bool) -> Pairs:
    """Return points in decades; tested times count as bounds, or as values if ``as_printed``."""
    bounds = [point.printed_bound if as_printed else point.bound for point in points]
    return Pairs(
        np.log10(np.array([middle(*point.windows[reading]) for point in points], dtype=float)),
        np.log10(np.array([point.measured for point in points], dtype=float)),
        np.array(bounds, dtype=bool),
        [point.material for point in points],
    )


def _agreement(points: Sequence[Point], reading: str, as_printed: bool = True) -> Agreement:
    pairs = _pairs(points, reading, as_printed)
    values = pairs.values()
    shift, errors = values.measured - values.predicted, errors_beside_mean(values)
    kept = [point for point, bound in zip(points, pairs.bound, strict=True) if not bound]
    order, ranks = _correlations(pairs)
    return Agreement(
        order=order,
        ranks=ranks,
        inside=sum(
            low <= point.measured <= high
            for point, (low, high) in ((point, point.windows[reading]) for point in kept)
        ),
        offset_decades=round(float(np.median(shift)), 2) if len(shift) else None,
        errors_decades=errors and (round(errors[0], 2), round(errors[1], 2)),
    )


def _correlations(pairs: Pairs) -> tuple[Correlation, Correlation]:
    return (
        correlation("concordance", pairs, concordance),
        correlation("Spearman", pairs.values(), spearman),
    )


def support_of(metric: str, pairs: Pairs) -> Support:
    """Return whether the intervals of both correlations are above zero, with the reason."""
    order, ranks = _correlations(pairs)
    supported = all(each.low is not None and each.low > 0 for each in (order, ranks))
    reason = _reason(order, ranks, supported, int(pairs.bound.sum()))
    return Support(metric=metric, supported=supported, reason=reason)


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
        f"rank correlation {signed(ranks.value)} (Spearman, 95 % of resampled materials "
        f"{signed(ranks.low)} to {signed(ranks.high or 0.0)}; {of}): the interval {verdict} zero"
    )


def signed(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")
