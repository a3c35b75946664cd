"""Lengths of time as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from pvkdb.display.times import duration, minute, moment, span


def test_spans_have_two_units_at_most() -> None:
    assert [span(value) for value in (0.42, 59.6, 60, 3605, 7300, 200000, None)] == [
        *("0.4 s", "1 min", "1 min", "1 h", "2 h 1 min", "2 d 7 h", "–")
    ]


def test_durations_go_from_picoseconds_to_years() -> None:
    assert [duration(value) for value in (3e-12, 0.04, 7200, 2_592_000, 31_536_000)] == [
        *("3 ps", "40 ms", "2 h", "30 d", "1 years")
    ]


def test_moments_are_in_utc() -> None:
    at = datetime(2026, 11, 25, 22, 30, 5, tzinfo=timezone(timedelta(hours=1)))
    assert moment(at) == moment(datetime(2026, 11, 25, 21, 30, 5)) == "2026-11-25 21:30:05 UTC"
    assert minute(at.astimezone(UTC)) == "2026-11-25 21:30"
