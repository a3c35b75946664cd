"""Moments and spans as people read them; the exact moment stands in the markup."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from pvkdb_api.explorer.tables.numbers import UNKNOWN


def moment(at: datetime | None) -> Markup:
    """A moment: ``<time datetime="2026-11-25T21:30:05+00:00">2026-11-25 21:30:05 UTC</time>``."""
    if at is None:
        return UNKNOWN
    known = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        known.isoformat(timespec="seconds"), f"{known:%Y-%m-%d %H:%M:%S} UTC"
    )


def minute(at: datetime | None) -> Markup:
    """A moment in a table whose heading says UTC, to the minute; the exact one in the markup."""
    if at is None:
        return UNKNOWN
    known = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Markup('<time class="whole" datetime="{}">{}</time>').format(
        known.isoformat(timespec="seconds"), f"{known:%Y-%m-%d %H:%M}"
    )


def span(seconds: float | None) -> str:
    """A length of time in two units at most, as of a clock.

    Example:
        >>> span(0.42), span(75), span(7300), span(200000)
        ('0.4 s', '1 min 15 s', '2 h 2 min', '2 d 8 h')
    """
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    for place, (size, name) in enumerate(units):
        if whole >= size:
            count, rest = divmod(whole, size)
            if place + 1 == len(units) or rest < units[place + 1][0]:
                return f"{count} {name}"
            smaller, unit = units[place + 1]
            return f"{count} {name} {rest // smaller} {unit}"
    return "0 s"


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one moment to another, of which either may be unknown."""
    return None if start is None or end is None else (end - start).total_seconds()
