"""``pvkdb schedule`` and ``pvkdb report`` as a user runs them, once with the real clock."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.runs import screening_runs

from ....programs import Start
from ..conftest import Run
from ..test_commands import failed_clearly
from .test_screening import RADII

SCHEDULE = '[[screen]]\nplan = "mine.toml"\ncron = "{cron}"\n'


@pytest.fixture
def written(tmp_path: Path, bare_store: Store) -> Path:
    """A store, a plan that takes no time, and a schedule that runs it every minute."""
    (tmp_path / "mine.toml").write_text(RADII, encoding="utf-8")
    (tmp_path / "schedule.toml").write_text(SCHEDULE.format(cron="* * * * *"), encoding="utf-8")
    return tmp_path


def wait_for_runs(store: Store, seconds: float) -> list[tuple[str, datetime]]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with store.session(read_only=True) as session:
            found = [(run.state, run.fire_time) for run in session.query(ScreeningRun)]
        if found and all(state != "running" for state, _ in found):
            return found
        time.sleep(0.5)
    raise AssertionError("no run within the time")


def test_two_schedulers_at_once_run_a_plan_once_when_its_minute_comes(
    start: Start, written: Path, postgres_url: str
) -> None:
    """The real clock, both databases, two processes on each."""
    urls = [f"sqlite:///{written / 'sched.sqlite'}", postgres_url]
    stores = [Store(url) for url in urls]
    for store in stores:
        upgrade(store)
    begun = datetime.now(UTC)
    processes = [start("schedule", "--database", url) for url in urls for _ in range(2)]
    fired = [wait_for_runs(store, 150) for store in stores]
    time.sleep(1)  # whoever was slower has looked, too
    for process in processes:
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=60)[1] for process in processes]
    for process in processes:
        assert process.returncode == 130
    for store, ((state, fire_time), *more) in zip(stores, fired, strict=True):
        assert (state, fire_time.second, more) == ("done", 0, [])
        assert fire_time > begun
        with store.session(read_only=True) as session:
            times = [run.fire_time for run in session.query(ScreeningRun)]
        assert len(times) == len(set(times)) <= 2  # a busy machine may see another minute
        store.close()
    assert not any("Traceback" in text for text in said)
    for pair in (said[:2], said[2:]):
        assert sum(text.count("mine: run 1 for") for text in pair) == 1


def test_due_and_once_are_for_cron_and_timers(run: Run, written: Path) -> None:
    assert json.loads(run("schedule", "run", "--due", "--json").stdout) == []
    once = run("schedule", "--once", "--json")
    (document,) = json.loads(once.stdout)
    assert (document["plan"], document["scheduled"], document["state"]) == ("mine", True, "done")
    assert document["counts"]["passed"] == 4
    listed = json.loads(run("schedule", "list", "--json").stdout)
    assert listed[0]["last_run"].startswith(f"{document['id']}, done")
    assert "* * * * *" in run("schedule", "list").stdout


def test_a_run_that_fails_is_exit_code_5(run: Run, written: Path) -> None:
    (written / "schedule.toml").write_text(
        SCHEDULE.format(cron="@daily") + 'engine = "parsl"\nconfig = "nothing.toml"\n'
    )
    outcome = run("schedule", "--once", code=5)
    assert "nothing.toml cannot be read" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "failed" in run("report").stdout


def test_a_screening_leaves_a_run_whose_report_is_written_again(run: Run, written: Path) -> None:
    assert "no runs" in run("report").stdout
    first = run("screen", "mine.toml", "-o", "first")
    assert "pvkdb report 1" in first.stderr
    (written / "mine.toml").write_text(RADII.replace('"Sn4+"', '"Te4+"'), encoding="utf-8")
    second = run("screen", "mine.toml", "-o", "second")
    for word in ("Differences from run 1 with a different plan text", "new", "lost", "Cs2TeI6"):
        assert word in second.stdout

    shown = run("report", "mine", "-o", "again")
    for word in ("2 of mine", "Funnel", "Cs2TeI6", "the plan no longer makes it"):
        assert word in shown.stdout
    older = json.loads(run("report", "1", "--json", "-o", "older").stdout)
    assert older["differences"] is None
    assert older["report"]["stages"][0]["entered"] == 6
    for name in ("screening-report.json", "screening-report.html"):
        for kept, again in (("first", "older"), ("second", "again")):
            assert (written / kept / name).read_bytes() == (written / again / name).read_bytes()
    table = run("report")
    assert "first run" in table.stdout
    assert "2 new, 2 lost" in table.stdout
    assert max(map(len, (table.stdout + shown.stdout).splitlines())) <= 100
    documents = json.loads(run("report", "--json", "--limit", "1").stdout)
    assert [document["id"] for document in documents] == [2]


def test_an_interrupted_screening_is_a_run_without_a_report(
    run: Run, written: Path, bare_store: Store, environment: dict[str, str]
) -> None:
    code = (
        "import sys; from pvkdb_pipelines.screening import funnel\n"
        "def stop(self): raise KeyboardInterrupt\n"
        "funnel.Funnel.run = stop\n"
        "sys.argv = ['pvkdb', 'screen', 'mine.toml']\n"
        "from pvkdb.cli import main; main()\n"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=written, env=environment, capture_output=True, check=False
    )
    assert outcome.returncode == 130
    with bare_store.session(read_only=True) as session:
        assert screening_runs.find_run(session, "mine").state == "interrupted"
    assert failed_clearly(run("report", "1", "-o", "x", code=3), "has no report to write")
