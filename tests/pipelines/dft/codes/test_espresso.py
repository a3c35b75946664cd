"""Real pw.x: energies and forces from the queue, and a typed reason for whatever goes wrong."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.schemas.calculations.dft import (
    DftRelaxResult,
    DftScfResult,
    DftSettings,
)
from pvkdb.store.database import Store
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.kept_files import file_store, files_of
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.pw_output import read_pw_output
from pvkdb_pipelines.dft.codes.runs import EARLIER, RunLocation
from pvkdb_pipelines.dft.computing import compute_dft
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.work.worker import Worker

from ....queueing import enqueued
from ...conftest import fails
from ..conftest import (
    AMMONIA_BARRIER_EV,
    CHEAP,
    MOLECULE,
    ammonia,
    csi,
    cspbi3,
    inversion,
    relaxation,
    scf,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pw")]


def run(store: Store, key: str) -> CalculationDocument:
    return Worker(store).run(key)


def kept(store: Store, key: str) -> dict[str, bytes]:
    """The files of a calculation by name."""
    with store.session(read_only=True) as session:
        return {file.name: file_store(store).get(file.sha256) for file in files_of(session, key)}


def test_cspbi3_is_computed_from_the_queue_and_its_forces_are_its_energy_s_slope(sqlite_store):
    """The mean force on an iodine between two places, in eV/Å, against their energies, in eV."""
    key = enqueued(sqlite_store, complete_request(scf(cspbi3(0.10), "CsPbI3")))
    document = run(sqlite_store, key)
    assert document.state == "done", document.failure_message
    assert document.versions["espresso"]
    assert document.versions["potentials"] == "SSSP 1.3.0 PBE efficiency"
    used = document.parameters["settings"]
    assert (used["functional"], used["charge"], used["soc"]) == ("PBE", 0, False)
    assert {entry["element"] for entry in used["pseudopotentials"]} == {"Cs", "Pb", "I"}
    result = DftScfResult.model_validate(document.result)
    assert result.origin == "computed"
    assert result.cpu_seconds > 0.5  # that of pw.x, not only of the process that waits for it
    assert any("below the 40/320 Ry" in remark for remark in result.remarks)
    files = kept(sqlite_store, key)
    assert set(files) == {"pw-1.in", "pw-1.out"}
    assert "ecutwfc          = 20" in files["pw-1.in"].decode()
    assert read_pw_output(files["pw-1.out"].decode()).steps == result.point.scf_steps
    forces = np.array(result.point.forces_ev_per_ang)
    assert forces.shape == (5, 3)
    assert np.abs(forces.sum(axis=0)).max() < 1e-4
    assert np.abs(forces[:, :2]).max() < 0.01  # the shift along z keeps fourfold symmetry
    step = 0.03
    engine = load_engine("espresso", complete_request(scf(cspbi3(), "CsPbI3")).settings)
    (further,) = engine.evaluate([cspbi3(0.10 + step)], stress=False)
    slope = (further["energy"] - result.point.energy_ev) / step
    assert (forces[2, 2] + further["forces"][2, 2]) / 2 == pytest.approx(-slope, abs=0.01)
    assert abs(slope) > 0.1


def test_a_band_runs_and_is_marked_as_a_demonstration(sqlite_store: Store) -> None:
    """The umbrella inversion of ammonia: both ways over it are the same, in the known order."""
    document = run(sqlite_store, enqueued(sqlite_store, complete_request(inversion())))
    assert document.state == "done", document.failure_message
    assert document.parameters["demonstration"] is True
    result = document.result or {}
    forward, reverse = result["barrier_forward_ev"], result["barrier_reverse_ev"]
    assert forward == pytest.approx(reverse, abs=0.005)
    assert forward == pytest.approx(AMMONIA_BARRIER_EV, abs=0.15)  # 20 Ry in a box of 5 Å
    assert result["residual_force_ev_per_ang"] <= 0.1
    assert result["remarks"]
    files, runs = kept(sqlite_store, document.id), result["force_calls"]
    assert runs > 3
    assert set(files) == {
        EARLIER,
        *(f"pw-{number}.{end}" for number in range(runs - 2, runs + 1) for end in ("in", "out")),
    }
    with tarfile.open(fileobj=io.BytesIO(files[EARLIER])) as archive:
        assert len(archive.getnames()) == 2 * (runs - 3)
        first = archive.extractfile("pw-1.out")
        assert b"JOB DONE." in first.read()
    with sqlite_store.session() as session:
        assert (
            session.query(Energetic).filter_by(method="DFT", calculation_id=document.id).all() == []
        )
        assert session.query(Structure).filter_by(calculation_id=document.id).all() == []


def test_a_relaxation_ends_where_the_forces_are_small() -> None:
    request = relaxation(fmax_ev_per_ang=0.1)
    result = compute_dft(request).result
    assert isinstance(result, DftRelaxResult)
    assert result.max_force_ev_per_ang <= 0.1
    assert result.steps > 0
    before, after = atoms_in(request.structure), atoms_in(result.structure)
    assert np.abs(before.positions - after.positions).max() > 0.01
    assert 0.95 < after.get_distance(0, 1) < 1.15  # N–H 1.01 Å


def failed(store: Store, settings: DftSettings, molecule: bool = True) -> CalculationDocument:
    atoms, formula = (ammonia(), "NH3") if molecule else (cspbi3(), "CsPbI3")
    document = run(store, enqueued(store, complete_request(scf(atoms, formula, settings))))
    assert document.state == "failed"
    assert document.result is None
    assert "End of its output:" in (document.failure_message or "")
    assert {"pw-1.in", "pw-1.out"} <= set(kept(store, document.id))
    return document


@pytest.mark.parametrize(
    ("setting", "kind", "words"),
    [
        # Fixed occupations cannot hold the odd electron of a charged molecule.
        ("charge=1", FailureKind.PROGRAM_CRASHED, ["charge is wrong: smearing is needed"]),
        (
            "scf_max_steps=2",
            FailureKind.SCF_NOT_CONVERGED,
            ["estimated accuracy", "convergence NOT achieved after   2 iterations"],
        ),
    ],
)
def test_a_run_that_fails_is_recorded_with_the_words_of_pw(sqlite_store, setting, kind, words):
    name, _, value = setting.partition("=")
    document = failed(sqlite_store, MOLECULE.model_copy(update={name: int(value)}))
    assert document.failure_kind is kind
    assert all(each in document.failure_message for each in words)


def test_pw_stops_by_itself_when_the_time_is_over(sqlite_store, monkeypatch):
    monkeypatch.setenv("PVKDB_DFT_MAX_SECONDS", "0.5")
    document = failed(sqlite_store, CHEAP, molecule=False)
    assert document.failure_kind is FailureKind.OUT_OF_WALLTIME
    assert "Maximum CPU time exceeded" in (document.failure_message or "")


def test_a_pw_that_is_killed_is_a_crash_with_its_signal(sqlite_store: Store) -> None:
    """As the kernel does where memory is short."""
    killed = threading.Event()

    def kill() -> None:
        for _ in range(400):
            for child in psutil.Process().children(recursive=True):
                try:
                    if child.name() == "pw.x":
                        child.kill()
                        killed.set()
                        return
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    key = enqueued(sqlite_store, complete_request(scf(cspbi3(), "CsPbI3")))
    document = run(sqlite_store, key)
    thread.join()
    assert killed.is_set()
    assert document.failure_kind is FailureKind.PROGRAM_CRASHED
    assert "signal 9" in (document.failure_message or "")


def test_a_program_that_ignores_its_time_is_killed(tmp_path: Path) -> None:
    """Fault injection: a program that neither computes nor ends."""
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\necho waiting for a licence\nexec sleep 60\n")
    stuck.chmod(0o755)
    location = RunLocation(pw_command=(str(stuck),), max_seconds=0.2, grace_s=0.2)
    engine = load_engine(
        "espresso", complete_request(scf(ammonia(), "NH3", MOLECULE)).settings, location
    )
    with fails(FailureKind.OUT_OF_WALLTIME, "waiting for a licence"):
        engine.evaluate([ammonia()], stress=False)
    with pytest.raises(CalculationFailedError, match=r"before pw\.x could run"):
        engine.evaluate([ammonia()], stress=False)


def test_scratch_is_empty_afterwards(tmp_path: Path) -> None:
    location = RunLocation(scratch=tmp_path)
    settings = complete_request(scf(ammonia(), "NH3", MOLECULE)).settings
    (found,) = load_engine("espresso", settings, location).evaluate([ammonia()], stress=True)
    assert np.shape(found["stress"]) == (6,)
    assert list(tmp_path.iterdir()) == []


def test_a_near_structure_starts_from_the_last_one_and_has_the_same_energy() -> None:
    tight = CHEAP.model_copy(update={"scf_threshold_ry": 1e-9})
    settings = complete_request(scf(csi(), "CsI", tight)).settings
    engine = load_engine("espresso", settings)
    engine.evaluate([csi(0.10)], stress=False)
    (continued,) = engine.evaluate([csi(0.13)], stress=False)
    (alone,) = load_engine("espresso", settings).evaluate([csi(0.13)], stress=False)
    assert continued["details"].steps < alone["details"].steps
    assert continued["energy"] == pytest.approx(alone["energy"], abs=1e-5)
    assert np.abs(continued["forces"] - alone["forces"]).max() < 5e-3
    inputs = {name: text.decode() for name, text in engine.files().items() if name.endswith(".in")}
    assert ["startingwfc" in inputs[f"pw-{number}.in"] for number in (1, 2)] == [False, True]
