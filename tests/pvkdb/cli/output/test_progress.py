"""Progress of stages: a row each on a terminal, a line about every tenth in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pvkdb.cli.output import progress
from pvkdb.cli.output.progress import StageProgress, watching

from ....clocks import set_clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands until a test moves it."""
    now = [100.0]
    set_clock(monkeypatch, progress, monotonic=lambda: now[0])
    return now


def test_the_rate_leaves_out_what_was_done_before(clock: list[float]) -> None:
    count = StageProgress("stability", 50, 110, first=50)
    assert count.pace == ""
    clock[0] += 60
    count.done = 80
    assert str(count) == "stability: 80 of 110"
    assert count.pace == "30/min, 1 min left"
    clock[0] += 60
    count.done = 110
    assert count.pace == "took 2 min"


def test_a_fast_stage_counts_by_the_second(clock: list[float]) -> None:
    count = StageProgress("tolerance", 0, 100_000, first=0)
    clock[0] += 2
    count.done = 50_000
    assert count.pace == "25,000/s, 2.0 s left"


def test_a_log_has_a_line_a_tenth(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with watching() as watch:
        for done in range(201):
            watch("stability", done, 200)
            clock[0] += 5
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "stability: 0 of 200"
    assert lines[1] == "stability: 20 of 200, 12/min, 15 min left"
    assert lines[-1] == "stability: 200 of 200, took 16 min 40 s"
    assert len(lines) == 11


def test_a_stage_of_an_instant_gets_two_lines(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with watching() as watch:
        for done in range(1, 701):
            watch("tolerance", done, 700)
        watch("stability", 19, 19)  # all of it was there before
    assert capsys.readouterr().err.splitlines() == [
        "tolerance: 1 of 700",
        "tolerance: 700 of 700, took 0.0 s",
        "stability: 19 of 19",
    ]


def test_a_terminal_gets_a_row_for_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(progress, "messages", lambda: terminal)
    with watching() as watch:
        watch("tolerance", 9, 9)
        watch("stability", 5, 20)
        assert watch.current is not None
        assert str(watch.current) == "stability: 5 of 20"
    shown = screen.getvalue()
    assert "tolerance" in shown
    assert "9/9" in shown
    assert " 5/20" in shown
