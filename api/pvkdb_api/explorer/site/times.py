"""Moments as HTML: a short text, with the exact moment in the markup."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from pvkdb.display import times
from pvkdb_api.explorer.site.numbers import UNKNOWN


def moment(at: datetime | None) -> Markup:
    """A moment: ``<time datetime="2026-11-25T21:30:05+00:00">2026-11-25 21:30:05 UTC</time>``."""
    if at is None:
        return UNKNOWN
    exact = times.in_utc(at).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, times.moment(at))


def minute(at: datetime | None) -> Markup:
    """A moment to the minute, for a table whose heading says UTC."""
    if at is None:
        return UNKNOWN
    exact = times.in_utc(at).isoformat(timespec="seconds")
    return Markup('<time class="whole" datetime="{}">{}</time>').format(exact, times.minute(at))


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one moment to another, of which either may be unknown."""
    return None if start is None or end is None else (end - start).total_seconds()
