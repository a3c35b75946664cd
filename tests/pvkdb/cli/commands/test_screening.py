"""``pvkdb screen``: plans, previews, the funnel's tables, and going on after Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation

from ....programs import Start
from ..conftest import Run
from ..test_commands import failed_clearly

#: Four iodides and bromides, judged by their radii alone.
RADII = """\
title = "Lead and [bold]tin[/bold]"
types = ["ABX3", "A2BX6"]
stop_after = "tolerance"

[ions]
A = ["Cs"]
B = ["Pb2+", "Sn2+", "Sn4+"]
X = ["I", "Br"]

[filters]
tolerance = ["tau < 4.18"]
"""
#: One compound with its phases and what it may decompose into: the least that has a stability.
ONE = """\
title = "CsPbI3"
types = ["ABX3"]
potential = "chgnet"
stop_after = "stability"

[ions]
A = ["Cs"]
B = ["Pb2+"]
X = ["I"]

[phases]
ABX3 = ["Pnma", "delta"]
AX = ["Pm-3m"]
BX2 = ["P-3m1"]
"""
RELAXATIONS = 8


Plan = Callable[[str], str]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Write a plan into the user's folder; gives its name."""

    def write(text: str) -> str:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write


def test_shipped_plans_are_listed_with_what_they_make(run: Run) -> None:
    listed = {
        entry["name"]: entry for entry in json.loads(run("screen", "--list", "--json").stdout)
    }
    assert listed["inorganic"]["compositions"] >= 696  # as many as Park et al. (2021) screened
    assert listed["lead-and-tin"]["potential"] == "chgnet"
    table = run("screen", "--list").stdout
    assert "lead-and-tin" in table
    assert max(map(len, table.splitlines())) <= 100


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"Pb2+"', '"Xy2+"', ("mine.toml line 7", "'Xy' is not an ion")),
        ("tau < 4.18", "tua < 4.18", ("mine.toml line 11", "did you mean 'tau'")),
        ('["Pb2+", "Sn2+", "Sn4+"]', '["Bi3+"]', ("mine.toml line 2", "no neutral composition")),
    ],
)
def test_a_bad_plan_is_refused_with_its_line(
    run: Run, plan: Plan, tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert failed_clearly(run("screen", plan(RADII.replace(old, new)), code=2), *words)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.toml"]


def test_an_unknown_potential_and_a_file_as_folder_are_refused(
    run: Run, plan: Plan, user_store: Store, tmp_path: Path
) -> None:
    unknown = run("screen", plan(RADII), "--potential", "mace", code=2)
    assert failed_clearly(unknown, "known: chgnet")
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    assert failed_clearly(run("screen", plan(RADII), "-o", "taken", code=2), "--output taken")


def test_a_dry_run_shows_needs_and_writes_nothing(
    run: Run, plan: Plan, user_store: Store, tmp_path: Path
) -> None:
    formulas = 'stability"\nformulas = ["Cs2SnBr3I3", "CsSnI2Br"]\n\n'
    name = plan(RADII.replace('tolerance"\n\n', formulas))
    before = files_of(tmp_path)
    document = json.loads(run("screen", name, "--dry-run", "--json").stdout)
    assert document["compositions"] == {"ABX3": 5, "A2BX6": 3}
    assert [stage["passed"] for stage in document["stages"]] == [8, 6]
    shared = {"Cs2SnI3Br3": "site X is shared by I- and Br-"}
    assert document["no_prototype"] == shared
    assert document["relaxations"] > 20
    assert document["in_store"] == 0
    shown = run("screen", name, "--dry-run", "--potential", "sevennet-0")
    assert "with sevennet-0" in shown.stdout
    assert f"{document['relaxations']} relaxations: 0 in the store" in shown.stdout
    for name, reason in shared.items():
        assert f"{name}: {reason}" in shown.stdout
    assert "nothing was computed or written" in shown.stderr
    assert files_of(tmp_path) == before


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, without those of an open connection to SQLite."""
    paths = (path for path in folder.iterdir() if not path.name.endswith(("-shm", "-wal")))
    return {path.name: path.read_bytes() for path in paths}


def test_the_funnel_is_written(run: Run, plan: Plan, user_store: Store, tmp_path: Path) -> None:
    outcome = run("screen", plan(RADII))
    for word in ("[bold]tin[/bold]", "not tau < 4.18", "filter", "CsSnBr3", "Cs2SnI6"):
        assert word in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100
    assert "tolerance: 6 of 6" in outcome.stderr
    assert "mine-screening/screening-report.html" in outcome.stderr
    written = json.loads((tmp_path / "mine-screening/screening-report.json").read_text())
    told = run("screen", plan(RADII), "--json", "--output", "elsewhere")
    assert json.loads(told.stdout) == written
    for name in ("screening-report.json", "screening-report.html"):
        first, second = (tmp_path / folder / name for folder in ("mine-screening", "elsewhere"))
        assert first.read_bytes() == second.read_bytes()
    page = (tmp_path / "mine-screening/screening-report.html").read_text(encoding="utf-8")
    assert "<h1>Lead and [bold]tin[/bold]</h1>" in page


def test_what_passes_is_listed_in_a_file(run: Run, plan: Plan, tmp_path: Path) -> None:
    listed = RADII.replace("[ions]", 'formulas = ["CsCaI3", "KPbI3"]\n\n[ions]', 1)
    ended = run("screen", plan(listed), "--write-candidates", "mine.csv")
    assert "5 of 8 compositions pass" in ended.stderr
    rows = (tmp_path / "mine.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "formula,type,t,mu,tau,p_perovskite"
    assert [row.split(",")[:2] for row in rows[1:]] == [
        *(["CsPbBr3", "ABX3"], ["CsSnBr3", "ABX3"]),
        *(["Cs2SnI6", "A2BX6"], ["Cs2SnBr6", "A2BX6"]),
        ["CsCaI3", "ABX3"],  # listed, as is KPbI3, which fails
    ]
    assert rows[3].endswith(",,,,")  # not defined for its type


def test_that_all_fell_is_a_result(run: Run, plan: Plan, user_store: Store) -> None:
    text = RADII.replace(', "A2BX6"', "").replace(', "Sn4+"', "").replace("4.18", "1")
    outcome = run("screen", plan(text))
    assert "no candidate passed every stage" in outcome.stdout + outcome.stderr


def records(store: Store) -> dict[str, tuple[str, int, datetime | None]]:
    """Phase, attempts and start of every calculation that is done."""
    with store.session(read_only=True) as session:
        return {
            entry.id: (entry.parameters["phase"], entry.attempts, entry.started_at)
            for entry in session.query(Calculation).filter_by(state="done")
        }


def wait_for_done(store: Store, process: subprocess.Popen[str], count: int) -> None:
    """Wait until some calculations are done."""
    for _ in range(3000):
        if len(records(store)) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"no {count} calculations were done within 5 minutes")


@pytest.mark.long
def test_a_stopped_screening_goes_on_and_computes_nothing_twice(
    start: Start, run: Run, plan: Plan, user_store: Store, tmp_path: Path
) -> None:
    process = start("screen", plan(ONE), "--processes", "2")
    wait_for_done(user_store, process, 1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    last = stderr.strip().splitlines()[-1]
    assert "interrupted at stability: " in last
    assert f"of {RELAXATIONS}; no result is lost" in last
    assert "Traceback" not in stderr
    partial = ScreeningReport.model_validate_json(
        (tmp_path / "mine-screening/screening-report.json").read_text(encoding="utf-8")
    )
    assert partial.title.endswith("(interrupted)")
    interrupted = records(user_store)
    assert partial.calculations == {"relax": len(interrupted)}
    assert 1 <= len(interrupted) < RELAXATIONS

    process = start("screen", plan(ONE), "--processes", "2")
    wait_for_done(user_store, process, len(interrupted) + 1)
    # What was interrupted counts as not yet tried.
    assert {attempts for _, attempts, _ in records(user_store).values()} == {1}
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    before = records(user_store)
    assert len(interrupted) < len(before) < RELAXATIONS
    assert {key: before[key] for key in interrupted} == interrupted

    run("screen", plan(ONE))
    after = records(user_store)
    assert len(after) == RELAXATIONS
    assert {key: after[key] for key in before} == before

    first = (tmp_path / "mine-screening/screening-report.json").read_bytes()
    report = json.loads(first)
    assert report["calculations"] == {"relax": RELAXATIONS}
    (candidate,) = report["candidates"]
    # Known facts: of the shipped potentials both find the yellow phase the lowest.
    assert candidate["stability"]["ground_state"] == "delta"
    assert candidate["rank"] == 1

    third = run("screen", plan(ONE), "-o", "third")
    assert f"stability: {RELAXATIONS} of {RELAXATIONS}" in third.stderr
    assert records(user_store) == after
    for name in ("screening-report.json", "screening-report.html"):
        pair = [(tmp_path / folder / name).read_bytes() for folder in ("mine-screening", "third")]
        assert pair[0] == pair[1]
