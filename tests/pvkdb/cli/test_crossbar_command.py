"""``pvkdb crossbar`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .test_commands import failed_clearly


def test_sizes_need_no_database_and_fit_a_terminal(run: Run, tmp_path: Path) -> None:
    outcome = run("crossbar", "--on-off", "1000", "--selectivity", "514")
    assert outcome.returncode == 0, outcome.stderr
    assert "1748" in outcome.stdout
    assert "32.30" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100
    assert not (tmp_path / "user.sqlite").exists()


def test_json_and_a_picture_with_line_resistance(run: Run, tmp_path: Path) -> None:
    options = ["--on-off", "inf", "--r-lrs", "1e4", "--line-resistance", "5", "--size", "8"]
    outcome = run("crossbar", *options, "--json", "--plot", "margin.png")
    document = json.loads(outcome.stdout)
    assert document["on_off_ratio"] is None
    assert document["limits"][0]["size"] == 4
    assert document["exact"][0]["margin_far"] < document["exact"][0]["margin_near"]
    assert (tmp_path / "margin.png").read_bytes()[:4] == b"\x89PNG"


def test_devices_of_the_store(run: Run) -> None:
    run("init")
    arrays = json.loads(run("crossbar", "--devices", "--json").stdout)
    assert len(arrays) == 28
    assert "d-t4-r15: on/off ratio not reported" in run("crossbar", "--devices").stdout
    document = json.loads(run("crossbar", "--device", "d-t4-r25", "--json").stdout)
    assert document["on_off_is_lower_bound"]
    assert document["device"] == "d-t4-r25"
    assert failed_clearly(run("crossbar", "--device", "d-t4-r15"), "no on/off ratio in the store")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--on-off RATIO, --device ID or --devices"),
        (["--on-off", "0.5"], "on/off ratio = 0.5 is below 1"),
        (["--on-off", "nan"], "on/off ratio is not a number"),
        (["--on-off", "10", "--r-lrs", "-5"], "R_LRS = -5 is no resistance"),
        (["--on-off", "10", "--plot", "x.jpg"], "must end in .png or .svg"),
    ],
)
def test_what_is_refused_is_one_line(run: Run, options: list[str], words: str) -> None:
    assert failed_clearly(run("crossbar", *options), words)
