"""Schedule files: entries, errors that name the line, and cron expressions as of crontab(5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError
from pvkdb_pipelines.schedule.file import Cron, parse_schedule, read_schedule

FILE = """\
timezone = "Europe/Berlin"
webhook = "https://chat.example.org/hook"

[[screen]]
plan = "lead-and-tin"
cron = "0 3 * * 1"

[[screen]]
plan = "plans/tin.toml"
cron = "@daily"
timezone = "UTC"
engine = "parsl"
config = "slurm.toml"
"""


def test_the_schedule_of_the_page_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "schedule.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    entries = parse_schedule(text, "schedule.toml", tmp_path)
    assert [entry.name for entry in entries] == ["lead-and-tin", "tin at the cluster"]


def test_entries_take_what_the_top_says_and_paths_begin_at_the_file(tmp_path: Path) -> None:
    lead, tin = parse_schedule(FILE, "schedule.toml", tmp_path)
    assert lead.name == lead.plan == "lead-and-tin"
    assert (lead.timezone, lead.engine) == ("Europe/Berlin", "local")
    assert (tin.name, tin.plan, tin.timezone) == ("tin", str(tmp_path / "plans/tin.toml"), "UTC")
    assert tin.config == str(tmp_path / "slurm.toml")
    assert lead.webhook == tin.webhook == "https://chat.example.org/hook"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('cron = "0 3 * * 1"', 'cron = "0 3 * *"', "line 6: cron = '0 3 * *'"),
        ('cron = "@daily"\n', "", "line 8: screen.1.cron is missing"),
        ('timezone = "Europe/Berlin"', 'timezone = "Berlin"', "line 1: timezone = 'Berlin'"),
        ('timezone = "UTC"', 'timezone = "../x"', "line 11: timezone = '../x'"),
        ('engine = "parsl"', 'engine = "slurm"', "line 12: there is no engine 'slurm'"),
        ('config = "slurm.toml"', "", "belong together"),
        ('config = "slurm.toml"', "processes = 0", "line 13: screen.1.processes = 0"),
        ('config = "slurm.toml"', "retry = 1", "line 13: screen.1.retry = 1"),
        ("https://chat", "ftp://chat", "line 2: webhook must be an address"),
        ('cron = "0', 'chron = "0', "line 6: there is no key 'chron'; did you mean 'cron'"),
        ("plans/tin.toml", "lead-and-tin", "2 entries have the name 'lead-and-tin'"),
        (FILE, "timezone = 'UTC'", "[[screen]] is missing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(tmp_path, old, new, words):
    assert old in FILE
    with pytest.raises(InputError) as caught:
        parse_schedule(FILE.replace(old, new), "schedule.toml", tmp_path)
    assert words in str(caught.value)


def test_a_missing_plan_is_reported_before_its_time_comes(tmp_path: Path) -> None:
    path = tmp_path / "schedule.toml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.raises(InputError, match=r"tin\.toml cannot be read"):
        read_schedule(path)
    with pytest.raises(InputError, match=r"docs/schedule\.md shows one"):
        read_schedule(tmp_path / "nothing.toml")


MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def cron(text: str, zone: str = "UTC") -> Cron:
    return Cron(text, ZoneInfo(zone))


def days(text: str, count: int) -> list[str]:
    """The next days on which it fires, as weekday and day."""
    at, found = MONDAY - timedelta(seconds=1), []
    for _ in range(count):
        at = cron(text).next_after(at)
        found.append(f"{at:%a %d}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * 7", ["Sun 08", "Sun 15"]),
        ("0 3 * * SAT,sun", ["Sat 07", "Sun 08", "Sat 14"]),
        ("0 3 * * 5-7", ["Fri 06", "Sat 07", "Sun 08", "Fri 13"]),
        ("0 3 * * */3", ["Wed 04", "Sat 07", "Sun 08", "Wed 11"]),
        ("0 3 10 * 1", ["Mon 02", "Mon 09", "Tue 10", "Mon 16"]),  # either, as cron does
        ("0 3 1 APR *", ["Wed 01"]),
        ("@weekly", ["Sun 08", "Sun 15"]),
    ],
)
def test_days_are_counted_as_cron_counts_them(text: str, expected: list[str]) -> None:
    assert days(text, len(expected)) == expected


def test_the_hour_is_that_of_the_zone_in_summer_and_winter() -> None:
    berlin = cron("0 3 * * *", "Europe/Berlin")
    for day, hour in ((28, 2), (29, 1)):
        begin = datetime(2026, 3, day, tzinfo=UTC)
        assert berlin.next_after(begin) == begin + timedelta(hours=hour)
    # A time that the clocks leave out still has its run: there is no 02:30 on 2026-03-29.
    night = datetime(2026, 3, 28, 12, tzinfo=UTC)
    skipped = cron("30 2 * * *", "Europe/Berlin")
    assert skipped.latest(night, night + timedelta(hours=20)) is not None


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
        ("61 * * * *", "bad minute"),
        ("0 3 * * 8", "bad day-of-week"),
        ("0 3 30 2 *", "bad day-of-month"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        cron(text)
    assert words in str(caught.value)
