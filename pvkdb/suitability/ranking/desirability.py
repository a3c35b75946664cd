"""Desirability of evidence: from 0 (useless) to 1 (fully satisfying), as a range and a mean.

A value has the desirability of the trapezoid of :class:`pvkdb.schemas.profiles.Bounds` on the
scale of its criterion (Derringer and Suich, J. Qual. Technol. 12, 214 (1980), doi
10.1080/00224065.1980.11980968, with exponent 1). Evidence that leaves a value open has a range of
desirabilities; that of a value quoted from another paper begins at 0, and so does that of an
extrapolated one where the bounds allow no extrapolation. A closed interval is uniform on the scale
of the criterion; an open or unknown value is uniform in desirability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, isinf, log10

from pvkdb.schemas.profiles import Bounds, Criterion, Scale
from pvkdb.schemas.rankings import Assessment, Grade
from pvkdb.suitability.evidence.evidence import Evidence

#: The least desirability in a geometric mean, so that one zero does not make all scores equal.
FLOOR = 0.01


@dataclass(frozen=True)
class Desirability:
    """The desirability of evidence on one criterion.

    ``lowest`` and ``highest`` are the ends of the range. ``ends`` is a closed interval on the scale
    of the criterion; without it, the range itself is uniform.
    """

    lowest: float
    highest: float
    known: bool
    defined: bool = True
    ends: tuple[float, float] | None = None
    trapezoid: Trapezoid | None = None

    def mean_power(self, exponent: float, floor: float = FLOOR) -> float:
        """Return the mean of max(d, floor) ** exponent over the values that the evidence allows."""
        if self.ends is None or self.trapezoid is None:
            return mean_power(self.lowest, self.highest, exponent, floor)
        start, stop = self.ends
        total = 0.0
        for (low, high), (first, last) in self.trapezoid.pieces(start, stop):
            total += (high - low) * mean_power(first, last, exponent, floor)
        return total / (stop - start)


@dataclass(frozen=True)
class Trapezoid:
    """The function from a value to its desirability, on the scale of a criterion."""

    bounds: Bounds
    scale: Scale

    @cached_property
    def corners(self) -> tuple[float, float, float, float]:
        """The four corners of the trapezoid, as positions on the scale."""
        below, at_least, at_most, above = map(self.place, self.bounds.corners)
        return below, at_least, at_most, above

    def place(self, value: float) -> float:
        """Return the position of a value on the scale: log10 of it on a log scale."""
        if self.scale == "linear" or isinf(value):
            return value
        return log10(value) if value > 0 else -inf

    def __call__(self, place: float) -> float:
        """Return the desirability at a position on the scale."""
        below, at_least, at_most, above = self.corners
        if at_least <= place <= at_most:
            return 1.0
        if place < at_least:
            return 0.0 if place <= below else (place - below) / (at_least - below)
        return 0.0 if place >= above else (above - place) / (above - at_most)

    def pieces(
        self, start: float, stop: float
    ) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Return the parts of an interval on which desirability is linear, with its end values."""
        inner = [corner for corner in self.corners if start < corner < stop]
        places = [start, *sorted(set(inner)), stop]
        found = []
        for low, high in pairwise(places):
            # At a step the value at the end belongs to the neighbour: evaluate inside and extend.
            quarter = (high - low) / 4
            first, last = self(low + quarter), self(high - quarter)
            slope = (last - first) / 2
            ends = (min(1.0, max(0.0, first - slope)), min(1.0, max(0.0, last + slope)))
            found.append(((low, high), ends))
        return found


#: An unknown value may have any desirability.
UNKNOWN = Desirability(0.0, 1.0, known=False)
NOT_DEFINED = Desirability(0.0, 1.0, known=False, defined=False)


def desirability(
    criterion: Criterion, evidence: Evidence | None, bounds: Bounds | None = None
) -> Desirability:
    """Return the desirability of evidence by a criterion's bounds, or by ``bounds`` instead."""
    if evidence is not None and evidence.not_defined is not None:
        return NOT_DEFINED
    if evidence is None or not evidence.known:
        return UNKNOWN
    bounds = bounds or criterion.bounds
    doubted = is_doubted(evidence, bounds)  # may be wrong, so that it shows nothing
    if evidence.word is not None:
        value = 1.0 if evidence.word in bounds.accepts else 0.0
        return Desirability(0.0 if doubted else value, value, known=True)
    trapezoid = Trapezoid(bounds, criterion.scale)
    low = -inf if evidence.minimum is None else trapezoid.place(evidence.minimum)
    high = inf if evidence.maximum is None else trapezoid.place(evidence.maximum)
    _, at_least, at_most, _ = trapezoid.corners
    at_ends = trapezoid(low), trapezoid(high)
    reached = low <= at_most and high >= at_least
    highest = 1.0 if reached else max(at_ends)
    closed = not (doubted or isinf(low) or isinf(high)) and low < high
    return Desirability(
        0.0 if doubted else min(at_ends),
        highest,
        known=True,
        ends=(low, high) if closed else None,
        trapezoid=trapezoid if closed else None,
    )


def is_doubted(evidence: Evidence | Assessment, bounds: Bounds) -> bool:
    """Return whether a value meets no requirement: quoted, or extrapolated where none may be."""
    extrapolated = evidence.grade is Grade.EXTRAPOLATED and not bounds.extrapolation
    return extrapolated or evidence.grade is Grade.SECONDARY


def mean_power(low: float, high: float, exponent: float, floor: float) -> float:
    """Return the mean of max(d, floor) ** exponent for d uniform between two desirabilities."""
    low, high = min(low, high), max(low, high)
    if high <= floor:
        return float(floor**exponent)
    start = max(low, floor)
    if high - low < 1e-12:
        return float(start**exponent)
    power = exponent + 1
    above = (high**power - start**power) / power
    mean = ((start - low) * floor**exponent + above) / (high - low)
    # The difference of nearly equal powers may round to a mean outside of its range.
    return float(min(max(mean, start**exponent), high**exponent))
