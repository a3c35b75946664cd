"""Computing from the command line: answers from the store, Ctrl-C, a killed worker."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pvkdb.cli.commands import work
from pvkdb.literature import read_curated
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import attempts
from pvkdb.store.queue.claims import claim, enqueue, submit

from ....each import for_each
from ....patience import PATIENCE_S
from ....programs import Start
from ..conftest import Run
from ..test_commands import failed_clearly

CHGNET = NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)


def wait_until_running(store: Store, process: subprocess.Popen[str]) -> str:
    """Wait until the store says that a calculation runs; gives its id."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with store.session() as session:
            calculation = session.query(Calculation).filter_by(state="running").first()
            if calculation is not None:
                return calculation.id
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no calculation started within {PATIENCE_S} s")


@pytest.mark.slow
def test_neb_takes_over_from_a_killed_process_and_later_answers_from_the_store(
    start: Start, run: Run, user_store: Store, tmp_path: Path
) -> None:
    # Coarse and in the cubic phase: whose numbers they are is a matter of the tests of migration.
    coarse = ("--phase", "Pm-3m", "--distance", "8.5", "--fmax", "0.1", "--fmax-endpoint", "0.05")
    neb = ("neb", "CsPbBr3", "--potential", "chgnet", "--no-recheck", *coarse, "--plot")
    killed = start(*neb, "none")
    key = wait_until_running(user_store, killed)
    first = start(*neb, "p.svg", "--json")
    assert first.stderr is not None
    assert "runs in another process" in first.stderr.readline()
    killed.kill()
    stdout, stderr = first.communicate(timeout=300)
    assert first.returncode == 0, stderr
    document = json.loads(stdout)
    assert (document["id"], document["attempts"]) == (key, 2)
    result = document["result"]
    assert document["state"] == "done"
    assert 0 < result["e_a_ev"] < 5
    assert result["residual_force_ev_per_ang"] <= 0.1
    assert min(result["image_energies_ev"][1:-1]) >= min(
        result["image_energies_ev"][0], result["image_energies_ev"][-1]
    )
    assert document["versions"]["chgnet"]
    assert "<svg" in (tmp_path / "p.svg").read_text()

    again = run(*neb, "none")
    assert "from the store" in again.stdout
    assert f"{result['e_a_ev']:.3f}" in again.stdout
    assert f"{result['hop']['length_ang']:.2f}" in again.stdout
    assert document["id"] in again.stdout
    assert max(map(len, again.stdout.splitlines())) <= 100
    assert "0.35" in again.stderr  # the literature's value, apart from the model's
    with user_store.session() as session:
        assert session.query(Calculation).count() == 1
        images = [len(hop["image_energies_ev"]) for hop in result["hops"]]
        assert session.query(Structure).count() == 1 + sum(images)
        statements = session.query(Energetic).filter_by(method="MLIP").all()
        # One for each hop, and one for each way in which a path leads through the crystal.
        assert len(statements) == len(result["hops"]) + len(result["percolation"])
        assert {entry.source for entry in statements} == {f"calculation {document['id']}"}
    exported = json.loads(run("export", "energetics", "--format", "json").stdout)
    assert len(exported) == len(read_curated("energetics")) + len(statements)
    computed = {row["scope"] for row in exported if row["method"] == "MLIP"}
    assert computed == {"hop", "percolation"}

    files = ("--graph", "g.png", "--picture", "a.svg", "--path", "hops.xyz")
    run(*neb, "none", *files)
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    frames = (tmp_path / "hops.xyz").read_text().splitlines().count(str(result["atoms_in_cell"]))
    assert frames == sum(images)
    run(*neb, "none", "--path", "one.xyz", "--hop", "2")
    assert (tmp_path / "one.xyz").read_text().splitlines().count(
        str(result["atoms_in_cell"])
    ) == images[1]
    for option, file, code in (("--path", "no.xyz", 2), ("--picture", "no.png", 3)):
        refused = run(*neb, "none", option, file, "--hop", "99", code=code)
        assert "hop 99" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_ctrl_c_leaves_the_calculation_in_the_queue(start: Start, user_store: Store) -> None:
    process = start("neb", "CsPbBr3", "--potential", "chgnet", "--plot", "none")
    key = wait_until_running(user_store, process)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stdout == ""
    assert key in stderr.strip().splitlines()[-1]
    with user_store.session() as session:
        calculation = session.get_one(Calculation, key)
        assert (calculation.state, calculation.attempts) == ("queued", 0)
        assert session.query(Structure).count() == 0


@pytest.mark.slow
def test_a_killed_worker_leaves_its_job(start: Start, run: Run, user_store: Store) -> None:
    """While it still loads its potential, which takes longer than the look for it."""
    with user_store.session() as session:
        key = enqueue(session, ElementRequest(symbol="Cs", potential=PotentialName.CHGNET))[0].id
    process = start("work")
    assert wait_until_running(user_store, process) == key
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with user_store.session() as session:
        assert session.get_one(Calculation, key).state == "running"
    outcome = run("work", "--json")
    assert "took back 1" in outcome.stderr
    documents = json.loads(outcome.stdout)
    assert [(d["id"], d["state"], d["attempts"]) for d in documents] == [(key, "done", 2)]


@for_each(
    ("options", "words"),
    [
        (("--potential", "chgnet", "--from", "host.vasp"), "holds Cu, not CsPbBr3"),
        # The shell hands over bytes that are not UTF-8 as halves of surrogate pairs.
        (("--phase", "P\udcff"), "phase = 'P\\udcff'"),
    ],
)
def test_what_cannot_be_computed_is_one_clear_line_and_not_queued(
    run: Run, user_store: Store, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    copper = "x\n1.0\n6 0 0\n0 6 0\n0 0 6\nCu\n1\nDirect\n0 0 0\n"
    (tmp_path / "host.vasp").write_text(copper)
    assert failed_clearly(run("neb", "CsPbBr3", *options, code=2), words)
    with user_store.session() as session:
        assert session.query(Calculation).count() == 0


def test_work_with_an_empty_queue_says_so(run: Run, user_store: Store) -> None:
    outcome = run("work")
    assert "0 done, 0 failed" in outcome.stderr


def test_work_watches_a_lost_worker(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a restart of the machine: the process cannot be asked, and its lease seems over."""
    clock = itertools.count(0, 10)
    monkeypatch.setattr(attempts, "_monotonic", lambda: next(clock))
    monkeypatch.setattr(work, "_LOOK_S", 0.0)
    with sqlite_store.session() as session:
        name = submit(session, NebRequest(formula="CsPbI3"))[0].id
        claim(session, "elsewhere:1:1")
        session.get_one(Calculation, name).lease_until = utc_now() - timedelta(days=1)

    class Engine:
        def drain(self, store: Store, report: Any = None) -> Iterator[str]:
            with store.session() as session:
                if claim(session, "me") is not None:
                    yield name

    assert list(work.run_queue(sqlite_store, engine=Engine())) == [name]
