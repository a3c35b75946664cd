"""Moments and lengths of time as text."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

from pvkdb.display.numbers import UNKNOWN, short_number

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
#: A year is 365 days, as in the curated tables.
YEAR_S = 365 * DAY_S


def moment(at: datetime) -> str:
    """Return a date and time to the second, in UTC; without a time zone, it is taken as UTC."""
    return f"{in_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def minute(at: datetime) -> str:
    """Return a date and time to the minute, in UTC, for a table whose heading says UTC."""
    return f"{in_utc(at):%Y-%m-%d %H:%M}"


def in_utc(at: datetime) -> datetime:
    """Return a time converted to UTC; without a time zone, it is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def span(seconds: float | None) -> str:
    """Return how long something took, in two units at most.

    Example:
        >>> span(0.42), span(75), span(7300), span(200000)
        ('0.4 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    rest = round(seconds)
    units = ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s"))
    first = next(place for place, (size, _) in enumerate(units) if rest >= size)
    parts = []
    for size, name in units[first : first + 2]:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def duration(seconds: float | None) -> str:
    """Return a physical time, from picoseconds to years, in one unit with three digits.

    Example:
        >>> duration(3e-9), duration(0.04), duration(7200), duration(2592000)
        ('3 ns', '40 ms', '2 h', '30 d')
    """
    if seconds is None or not math.isfinite(seconds):
        return short_number(seconds)
    for size, name in (
        (YEAR_S, "years"),
        (DAY_S, "d"),
        (HOUR_S, "h"),
        (MINUTE_S, "min"),
        (1, "s"),
        (1e-3, "ms"),
        (1e-6, "µs"),
        (1e-9, "ns"),
        (1e-12, "ps"),
    ):
        if abs(seconds) >= size * 0.9995:
            return f"{short_number(float(Decimal(f'{seconds / size:.3g}')))} {name}"
    return f"{short_number(seconds)} s"
