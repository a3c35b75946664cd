"""The engine of a cluster on a real Slurm of one machine: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.dft import DftScfResult, DftSettings
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.prototypes import compound_of, phases
from pvkdb_pipelines.relaxations.compound import relax_request

from ...conftest import lacks
from ...programs import Start, background
from ...queueing import enqueued
from ...slurm import Slurm, missing, one_machine_slurm
from ..dft.conftest import MOLECULE, ammonia, cp2k, scf

__all__ = ["cp2k"]

pytestmark = pytest.mark.slow

CLUSTER = """\
provider = "slurm"
walltime = "00:30:00"
cores_per_node = 1
address = "127.0.0.1"
batch_s = 1
grace_s = 3
"""
ON_TWO_RANKS = """
[resources.dft]
cores_per_node = 2
ranks = 2
"""
CP2K = DftSettings(engine="cp2k", cutoff_rho_ry=200, cutoff_wfc_ry=40)
#: Two compositions: with what they may decompose into, 8 relaxations of about a second.
PLAN = """\
title = "Two halides"
types = ["A2BX6"]
stop_after = "stability"

[ions]
A = ["Cs"]
B = ["Sn4+"]
X = ["I", "Br"]

[phases]
A2BX6 = ["Fm-3m", "P-3m1"]
AX = ["Pm-3m"]
BX4 = ["I4/mmm"]
"""
RELAXATIONS = 8


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if (reason := missing()) is not None:
        lacks(reason)
    with one_machine_slurm(tmp_path_factory.mktemp("slurm")) as slurm:
        yield slurm


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'pvkdb.sqlite'}")
    upgrade(store)
    yield store
    store.close()


@pytest.fixture
def start(tmp_path: Path, store: Store, slurm: Slurm) -> Iterator[Start]:
    """Start ``pvkdb`` beside a plan and a cluster's file; ends it, and its jobs, afterwards."""
    (tmp_path / "two.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "slurm.toml").write_text(CLUSTER, encoding="utf-8")
    own = {"PVKDB_DATABASE_URL": str(store.url), "COLUMNS": "100"}
    as_root = dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1")
    with background("-m", "pvkdb", cwd=tmp_path) as begin:
        yield partial(begin, {**os.environ, **slurm.environment, **own, **as_root})
    slurm.cancel(slurm.jobs())


CLUSTER_OPTIONS = ("--engine", "parsl", "--config", "slurm.toml")


def finished(store: Store) -> dict[str, Any]:
    """What is done, by id: when, and after how many attempts."""
    with store.session(read_only=True) as session:
        return {
            entry.id: (entry.finished_at, entry.attempts)
            for entry in session.query(Calculation).filter_by(state="done")
        }


def wait_for(store: Store, process: subprocess.Popen[str], count: int) -> dict[str, Any]:
    """Wait until so many are done."""
    deadline = time.monotonic() + 180
    while len(done := finished(store)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{len(done)} of {count} after 180 s"
        time.sleep(0.1)
    return done


def ended(process: subprocess.Popen[str], seconds: float = 240) -> tuple[str, str]:
    stdout, stderr = process.communicate(timeout=seconds)
    assert "Traceback" not in stderr, stderr
    return stdout, stderr


def written_once(store: Store) -> bool:
    """Whether no calculation has two hosts."""
    with store.session(read_only=True) as session:
        owners = [entry.calculation_id for entry in session.query(Structure)]
    return len(owners) == len(set(owners)) > 0


def all_ended_once(store: Store, stdout: str, ids: set[str]) -> set[int]:
    """Of a run that ended everything, in how many attempts."""
    documents = json.loads(stdout)
    assert {document["id"] for document in documents} == ids == set(finished(store))
    assert len(documents) == len(ids)
    assert written_once(store)
    return {document["attempts"] for document in documents}


def queued(store: Store, formula: str, count: int) -> set[str]:
    """The ids of relaxations of a compound in some of its phases, queued."""
    compound = compound_of(parse_composition(formula))
    some = phases(compound.stoichiometry)[:count]
    return {enqueued(store, relax_request(compound, info, PotentialName.CHGNET)) for info in some}


def comparable(folder: Path) -> dict[str, Any]:
    """A report without the time that it took."""
    report: dict[str, Any] = json.loads((folder / "screening-report.json").read_text())
    assert report.pop("core_hours") > 0
    return report


@pytest.mark.long
def test_a_screening_whose_block_is_cancelled_gives_what_the_local_engine_gives(
    start: Start, store: Store, slurm: Slurm, tmp_path: Path
) -> None:
    process = start("screen", "two.toml", *CLUSTER_OPTIONS, "-o", "cluster")
    wait_for(store, process, 2)
    slurm.cancel(slurm.jobs())
    time.sleep(1)  # what was on its way arrives
    before = finished(store)
    assert len(before) < RELAXATIONS
    wait_for(store, process, len(before) + 1)
    _, stderr = ended(process)
    assert process.returncode == 0, stderr
    assert "lost" in stderr

    after = finished(store)
    assert len(after) == RELAXATIONS
    assert {key: after[key] for key in before} == before
    assert {attempts for _, attempts in after.values()} == {1, 2}
    assert written_once(store)
    slurm.wait_for_no_job(20)

    other = Store(f"sqlite:///{tmp_path / 'local.sqlite'}")
    upgrade(other)
    here = ("-o", "local", "--processes", "1", "--database", str(other.url))
    ended(start("screen", "two.toml", *here))
    other.close()
    assert comparable(tmp_path / "cluster") == comparable(tmp_path / "local")


def test_a_killed_worker_costs_an_attempt_and_no_result(start, store, tmp_path):
    ids = queued(store, "CsPbBr3", 4)
    process = start("work", *CLUSTER_OPTIONS, "--json")
    wait_for(store, process, 1)
    worker_of(tmp_path).kill()
    stdout, stderr = ended(process)
    assert process.returncode == 0, stderr
    assert "loss of worker" in stderr
    assert all_ended_once(store, stdout, ids) == {1, 2}


def test_a_node_that_dies_leaves_its_calculations_to_the_other(tmp_path, tmp_path_factory, store):
    """Two nodes with a block each; one is killed with all that runs there."""
    if (reason := missing()) is not None:
        lacks(reason)
    (tmp_path / "slurm.toml").write_text(f"{CLUSTER}max_blocks = 2\nlost_after_s = 5\n")
    ids = queued(store, "CsPbBr3", 4) | queued(store, "CsSnI3", 4)
    with (
        one_machine_slurm(tmp_path_factory.mktemp("two"), nodes=2) as slurm,
        background("-m", "pvkdb", cwd=tmp_path) as begin,
    ):
        url = {"PVKDB_DATABASE_URL": str(store.url)}
        here = {**os.environ, **slurm.environment, **url}
        process = begin(here, "work", *CLUSTER_OPTIONS, "--json")
        wait_for(store, process, 1)
        assert len(slurm.jobs()) == 2
        slurm.kill_node("n2")
        stdout, stderr = ended(process)
    assert process.returncode == 0, stderr
    assert all_ended_once(store, stdout, ids) <= {1, 2}


def worker_of(folder: Path) -> psutil.Process:
    """The process that computes: of a block's own the one with the model loaded."""
    pools = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "process_worker_pool" in (said := " ".join(process.info["cmdline"] or []))
        and str(folder) in said
    ]
    below = [child for pool in pools for child in pool.children(recursive=True)]
    return max(below, key=lambda process: process.memory_info().rss)


def test_a_killed_dispatcher_leaves_its_work_to_the_next_and_its_block_ends(start, store, slurm):
    ids = queued(store, "CsPbBr3", 4)
    first = start("work", *CLUSTER_OPTIONS)
    before = wait_for(store, first, 1)
    (block,) = slurm.jobs()
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = finished(store)
    assert len(before) < len(ids)

    second = start("work", *CLUSTER_OPTIONS, "--json")
    stdout, stderr = ended(second)
    assert second.returncode == 0, stderr
    assert "took back" in stderr
    after = finished(store)
    assert set(after) == ids
    assert {key: after[key] for key in before} == before
    assert {document["id"] for document in json.loads(stdout)} == ids - set(before)
    assert written_once(store)
    # Nobody cancels the block of the one that was killed: its workers miss their interchange.
    deadline = time.monotonic() + 60
    while block in slurm.jobs():
        assert time.monotonic() < deadline, "the block of a killed dispatcher stays allocated"
        time.sleep(0.5)


def test_sigterm_lets_what_runs_end_and_says_what_it_left(start, store, slurm):
    ids = queued(store, "CsPbBr3", 4) | queued(store, "CsSnBr3", 4)
    process = start("work", *CLUSTER_OPTIONS)
    wait_for(store, process, 1)
    process.send_signal(signal.SIGTERM)
    _, stderr = ended(process, 60)
    assert process.returncode == 130, stderr
    done = len(finished(store))
    with store.session(read_only=True) as session:
        left = session.query(Calculation).filter(Calculation.state != "done").all()
        assert {(row.state, row.attempts, row.owner) for row in left} == {("queued", 0, None)}
    assert done + len(left) == len(ids)
    assert "stopped: " in stderr
    assert f"{len(left)} wait in the queue" in stderr
    assert f"{done} done, 0 failed" in stderr
    slurm.wait_for_no_job(20)


def test_blocks_that_cannot_start_are_an_error_and_nothing_is_lost(start, store, tmp_path):
    """The environment of the workers is not there: every block ends at once."""
    ids = queued(store, "CsPbBr3", 2)
    text = CLUSTER + 'worker_init = "echo no such environment >&2; exit 3"\n'
    (tmp_path / "slurm.toml").write_text(text, encoding="utf-8")
    process = start("work", *CLUSTER_OPTIONS)
    _, stderr = ended(process, 120)
    assert process.returncode == 8, stderr
    last = stderr.strip().splitlines()[-1]
    assert "no such environment" in last
    assert "parsl-runs" in last
    with store.session(read_only=True) as session:
        states = {(entry.id, entry.state, entry.attempts) for entry in session.query(Calculation)}
    assert states == {(key, "queued", 0) for key in ids}


@pytest.mark.usefixtures("pw", "cp2k")
@pytest.mark.parametrize(
    ("settings", "output", "on_two_ranks"),
    [
        pytest.param(MOLECULE, "pw-1.out", r"MPI.*running on +2 processors.*JOB DONE\.", id="pw"),
        pytest.param(
            CP2K,
            "cp2k-1.out",
            r"GLOBAL\| Total number of message passing processes +2\n",
            id="cp2k",
            marks=pytest.mark.long,
        ),
    ],
)
def test_dft_computes_on_its_own_resources_and_its_files_come_back(
    start, store, slurm, tmp_path, settings, output, on_two_ranks
):
    """A single point by real pw.x and CP2K."""
    if (os.cpu_count() or 1) < 2:
        lacks("two ranks need two cores")
    (tmp_path / "slurm.toml").write_text(CLUSTER + ON_TWO_RANKS, encoding="utf-8")
    point = enqueued(store, complete_request(scf(ammonia(), "NH3", settings)))
    process = start("work", *CLUSTER_OPTIONS, "--json")
    stdout, stderr = ended(process, 1800)
    assert process.returncode == 0, stderr
    slurm.wait_for_no_job(20)
    (document,) = json.loads(stdout)
    assert document["id"] == point
    forces = np.array(DftScfResult.model_validate(document["result"]).point.forces_ev_per_ang)
    assert forces.shape == (4, 3)
    assert np.abs(forces.sum(axis=0)).max() < 0.01
    ended(start("jobs", "files", point, "--output", "out"))
    said = (tmp_path / "out" / output).read_text(encoding="utf-8")
    assert re.search(on_two_ranks, said, re.DOTALL), said[:3000]
