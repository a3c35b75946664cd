"""Geometry that the drawn charts of the page share. Lengths are units of a drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pvkdb.display.numbers import short_number

#: Steps between the marks of an axis, times a power of ten.
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where it stands and what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis from values to lengths; ``start`` may lie beyond ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Round values over the axis."""
        step = _step(self.high - self.low, about)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [
            Tick(self.at(number * step), short_number(round(number * step, 10)))
            for number in range(first, last + 1)
        ]


def axis_over(values: Sequence[float], start: float, end: float, about: int = 5) -> Axis:
    """An axis over values that begins and ends at round numbers."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.1, high + 0.1
    step = _step(high - low, about)
    return Axis(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)


def _step(span: float, about: int) -> float:
    size = 10.0 ** math.floor(math.log10(span / about))
    return next(size * step for step in _STEPS if span / (size * step) <= about)
