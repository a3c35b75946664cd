"""Distributions as inline SVG: one histogram for each group, stacked by outcome, on one axis.

Written as SVG instead of with matplotlib, so that the colours follow the page into dark mode and
on paper, and the explorer shows the same figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from statistics import quantiles
from typing import Literal, TypeAlias

from markupsafe import Markup, escape

from pvkdb.schemas.screening import FallKind, ScreenedCandidate

Outcome: TypeAlias = Literal["passed"] | FallKind

#: Outcomes of a candidate and their meaning, in the order of every picture.
OUTCOMES: dict[Outcome, str] = {
    "passed": "met every condition",
    "filter": "did not meet a condition of the plan",
    "physical": "the structure became another one: a result",
    "numerical": "a calculation failed: this says nothing about the compound",
    "not defined": "the quantity of the stage is not defined for it",
}

#: Values with their outcomes, by group.
Groups: TypeAlias = Mapping[str, Sequence[tuple[float, Outcome]]]

_WIDTH, _LEFT, _RIGHT = 460, 30, 14
_ROW, _LABEL, _AXIS = 84, 22, 40
_BINS = 24


def outcome_of(candidate: ScreenedCandidate) -> Outcome:
    """Return the outcome of a candidate."""
    return candidate.fall.kind if candidate.fall else "passed"


def css_class(outcome: Outcome) -> str:
    """Return the CSS class that colours an outcome."""
    return outcome.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equal width with an edge at ``anchor``; the outer two contain all values beyond."""

    anchor: float
    width: float
    first: int
    last: int

    @classmethod
    def over(cls, values: Sequence[float], anchor: float) -> Bins:
        """Return bins over the values within Tukey's fences: 1.5 interquartile ranges beyond."""
        low, high = min(values), max(values)
        if len(values) > 1:
            lower, _, upper = quantiles(values, n=4, method="inclusive")
            reach = 1.5 * (upper - lower)
            low, high = max(low, lower - reach), min(high, upper + reach)
        low, high = min(low, anchor), max(high, anchor)
        width = nice_step((high - low) / _BINS or 1.0)
        first = floor((low - anchor) / width)
        return cls(anchor, width, first, max(ceil((high - anchor) / width), first + 1))

    @property
    def low(self) -> float:
        return self.anchor + self.first * self.width

    @property
    def high(self) -> float:
        return self.anchor + self.last * self.width

    def index(self, value: float) -> int:
        """Return the index of the bin that contains a value; the lowest bin is 0."""
        found = floor((value - self.anchor) / self.width)
        return min(max(found, self.first), self.last - 1) - self.first

    def beyond(self, values: Sequence[float]) -> str:
        """Return a sentence on the values beyond the outer bins; empty without any."""
        below = [value for value in values if value < self.low]
        above = [value for value in values if value > self.high]
        parts = []
        if below:
            parts.append(f"the first bars hold {_values(below, 'lower')}, down to {min(below):.4g}")
        if above:
            parts.append(f"the last bars hold {_values(above, 'higher')}, up to {max(above):.4g}")
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}." if text else ""


def _values(found: Sequence[float], which: str) -> str:
    return f"{len(found)} {which} value{'s' if len(found) > 1 else ''}"


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten not below ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))


def histograms(groups: Groups, axis: str, anchor: float, mark: str) -> Markup:
    """Return a figure with a histogram for each group that has values; empty without any.

    Args:
        groups: values with outcomes, by the name of their group.
        axis: label of the axis, with the unit.
        anchor: value of a dashed line, which is an edge of the bins.
        mark: label of that line.
    """
    groups = {name: points for name, points in groups.items() if points}
    values = [value for points in groups.values() for value, _ in points]
    if not values:
        return Markup()
    bins = Bins.over(values, anchor)
    counts = {
        name: Counter((bins.index(value), outcome) for value, outcome in points)
        for name, points in groups.items()
    }
    # One scale for all groups, so that bars compare between them.
    tallest = max(
        sum(count[index, outcome] for outcome in OUTCOMES)
        for count in counts.values()
        for index in range(bins.last - bins.first)
    )
    height = _ROW * len(groups) + _AXIS
    drawn = [
        _group(name, counts[name], len(groups[name]), bins, tallest, _ROW * place)
        for place, name in enumerate(groups)
    ]
    drawn.append(_axis(bins, axis, mark, len(groups)))
    title = f"Distribution of {axis}"
    return Markup(
        f'<figure><svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg><figcaption>{escape(bins.beyond(values))}</figcaption></figure>"
    )


def _group(
    name: str, count: Counter[tuple[int, Outcome]], total: int, bins: Bins, tallest: int, top: float
) -> str:
    """Return bars, the label above them, and a line at the height of the tallest bar of all."""
    bottom, room = top + _ROW, _ROW - _LABEL
    width = (_WIDTH - _LEFT - _RIGHT) / (bins.last - bins.first)
    parts = [
        f'<text x="{_LEFT}" y="{top + 14}"><tspan class="name">{escape(name)}</tspan>'
        f" · {total}</text>"
        f'<text class="tick end" x="{_LEFT - 5}" y="{top + _LABEL + 4}">{tallest}</text>'
        f'<path class="grid" d="M{_LEFT} {top + _LABEL}H{_WIDTH - _RIGHT}"/>'
        f'<path class="base" d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}"/>'
    ]
    for index in range(bins.last - bins.first):
        y = float(bottom)
        low = bins.low + index * bins.width
        for outcome in OUTCOMES:
            if not (n := count[index, outcome]):
                continue
            y -= room * n / tallest
            parts.append(
                f'<rect class="{css_class(outcome)}" x="{_LEFT + index * width + 0.5:.1f}" '
                f'y="{y:.1f}" width="{width - 1:.1f}" height="{room * n / tallest:.1f}">'
                f"<title>{low:.4g} to {low + bins.width:.4g}: {n} {outcome}</title></rect>"
            )
    return "".join(parts)


def _axis(bins: Bins, axis: str, mark: str, rows: int) -> str:
    bottom, height = _ROW * rows, _ROW * rows + _AXIS

    def x(value: float) -> float:
        return _LEFT + (value - bins.low) / (bins.high - bins.low) * (_WIDTH - _LEFT - _RIGHT)

    step = nice_step((bins.high - bins.low) / 7)
    ticks = [n * step for n in range(ceil(bins.low / step), floor(bins.high / step) + 1)]
    parts = [
        f'<path class="base" d="M{x(tick):.1f} {bottom}v4"/>'
        f'<text class="tick mid" x="{x(tick):.1f}" y="{bottom + 16}">{tick:zg}</text>'
        for tick in ticks
    ]
    at = x(bins.anchor)
    side = "end" if at > _WIDTH * 0.6 else "start"
    shift = -4 if side == "end" else 4
    # Through the bars of each row, not through the labels between them.
    line = "".join(f"M{at:.1f} {_ROW * row + _LABEL}v{_ROW - _LABEL}" for row in range(rows))
    parts.append(
        f'<path class="mark" d="{line}"/>'
        f'<text class="tick {side}" x="{at + shift:.1f}" y="{_LABEL + 10}">{escape(mark)}</text>'
        f'<text class="mid" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{height - 6}">'
        f"{escape(axis)}</text>"
    )
    return "".join(parts)
