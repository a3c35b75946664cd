"""Schedule files: what an entry is, and refusals that name the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb_pipelines.schedule.file import parse_schedule, read_schedule

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
    assert (lead.name, lead.plan, lead.timezone, lead.engine) == (
        "lead-and-tin",
        "lead-and-tin",
        "Europe/Berlin",
        "local",
    )
    assert (tin.name, tin.plan, tin.timezone) == ("tin", str(tmp_path / "plans/tin.toml"), "UTC")
    assert tin.config == str(tmp_path / "slurm.toml")
    assert lead.webhook == tin.webhook == "https://chat.example.org/hook"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('cron = "0 3 * * 1"', 'cron = "0 3 * *"', "line 6: cron = '0 3 * *'"),
        ('cron = "@daily"\n', "", "[[screen]] number 2 has no cron"),
        ('timezone = "Europe/Berlin"', 'timezone = "Berlin"', "line 1: timezone = 'Berlin'"),
        ('timezone = "UTC"', 'timezone = "../x"', "line 11: timezone = '../x'"),
        ('engine = "parsl"', 'engine = "slurm"', "line 12: there is no engine 'slurm'"),
        ('config = "slurm.toml"', "", "belong together"),
        ('config = "slurm.toml"', "processes = 0", "line 13: processes = 0"),
        ('config = "slurm.toml"', "retry = 1", "line 13: retry = 1"),
        ("https://chat", "ftp://chat", "line 2: webhook must be an address"),
        ('cron = "0', 'chron = "0', "line 6: there is no key 'chron'; did you mean 'cron'"),
        ("timezone", "time zone", "is not TOML"),
        ("plans/tin.toml", "lead-and-tin", "2 entries have the name 'lead-and-tin'"),
        ("[[screen]]", "[[screens]]", "there is no key 'screens'"),
        (FILE, "timezone = 'UTC'", "there is no [[screen]]"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in FILE
    with pytest.raises(InputError) as caught:
        parse_schedule(FILE.replace(old, new), "schedule.toml", tmp_path)
    assert words in str(caught.value)


def test_a_plan_that_is_not_there_is_found_before_its_time_comes(tmp_path: Path) -> None:
    path = tmp_path / "schedule.toml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.raises(InputError, match=r"tin\.toml cannot be read"):
        read_schedule(path)
    with pytest.raises(InputError, match=r"docs/schedule\.md shows one"):
        read_schedule(tmp_path / "nothing.toml")
