"""Cron expressions mean what crontab(5) says, in their time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError
from pvkdb_pipelines.schedule.cron import Cron

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def cron(text: str, zone: str = "UTC") -> Cron:
    return Cron(text, ZoneInfo(zone))


def days(text: str, count: int) -> list[str]:
    """The next days on which it fires, as weekday and day."""
    at, found = MONDAY - timedelta(seconds=1), []
    for _ in range(count):
        following = cron(text).next_after(at)
        assert following is not None
        at = following
        found.append(f"{at:%a %d}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * 0", ["Sun 08", "Sun 15"]),
        ("0 3 * * 7", ["Sun 08", "Sun 15"]),
        ("0 3 * * 1-5", ["Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06", "Mon 09"]),
        ("0 3 * * SAT,sun", ["Sat 07", "Sun 08", "Sat 14"]),
        ("0 3 * * 5-7", ["Fri 06", "Sat 07", "Sun 08", "Fri 13"]),
        ("0 3 * * */3", ["Wed 04", "Sat 07", "Sun 08", "Wed 11"]),
        ("0 3 10 * *", ["Tue 10", "Fri 10"]),
        ("0 3 10 * 1", ["Mon 02", "Mon 09", "Tue 10", "Mon 16"]),  # either, as cron does
        ("0 3 1 APR *", ["Wed 01"]),
        ("@weekly", ["Sun 08", "Sun 15"]),
    ],
)
def test_days_are_counted_as_cron_counts_them(text: str, expected: list[str]) -> None:
    assert days(text, len(expected)) == expected


def test_the_hour_is_that_of_the_zone_in_summer_and_winter() -> None:
    berlin = cron("0 3 * * *", "Europe/Berlin")
    winter = berlin.next_after(datetime(2026, 3, 28, 0, tzinfo=UTC))
    summer = berlin.next_after(datetime(2026, 3, 29, 0, tzinfo=UTC))
    assert winter == datetime(2026, 3, 28, 2, tzinfo=UTC)
    assert summer == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_the_clocks_leave_out_still_has_its_run() -> None:
    berlin = cron("30 2 * * *", "Europe/Berlin")  # there is no 02:30 on 2026-03-29
    night = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert berlin.latest(night, night + timedelta(hours=20)) is not None


@given(
    text=st.sampled_from(["*/7 * * * *", "0 3 * * *", "15 4 1 * *", "0 0 * * 1", "@yearly"]),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    minutes=st.integers(1, 60 * 24 * 40),
)
@settings(max_examples=40, deadline=None)
def test_the_latest_time_is_the_last_of_all(text: str, start: datetime, minutes: int) -> None:
    """Against walking through every fire time from the start."""
    times, until = cron(text), start + timedelta(minutes=minutes)
    at, walked, steps = start, None, 0
    while (at := times.next_after(at) or until + timedelta(1)) <= until and steps < 200:
        walked, steps = at, steps + 1
    if steps < 200:
        assert times.latest(start, until) == walked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "five fields"),
        ("0 3 * *", "five fields"),
        ("@reboot", "@daily"),
        ("61 * * * *", "61"),
        ("0 3 * * 8", "'8' in '8' is no weekday"),
        ("0 3 * * fri-mon", "no range of weekdays"),
        ("0 3 * * */0", "no range of weekdays"),
        ("0 3 30 2 *", "never comes"),
        ("x * * * *", "x"),
    ],
)
def test_what_is_no_expression_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        cron(text)
    assert words in str(caught.value)
