"""Nothing of a parallel DFT program is left when the worker that started it is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="needs OpenMPI"),
]

WORKER = """
import sys
from ase.build import bulk
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.settings import complete_settings
from pvkdb_pipelines.geometry.hosts import host_of

atoms = bulk("Si", cubic=True)
settings = complete_settings(DftSettings(engine=sys.argv[1]), host_of(atoms))
engine = load_engine(sys.argv[1], settings)
while True:
    engine.evaluate([atoms], stress=False)
    atoms.rattle(0.1)
"""


@pytest.mark.parametrize(
    ("code", "program", "begins"),
    [
        ("espresso", "pw.x", "Self-consistent Calculation"),
        ("cp2k", "cp2k.psmp", "SCF WAVEFUNCTION OPTIMIZATION"),
    ],
)
@pytest.mark.usefixtures("pw", "cp2k")
def test_ranks_and_scratch_go_with_a_worker_killed_in_an_scf(
    tmp_path: Path, code: str, program: str, begins: str
) -> None:
    command = f"mpirun -np 2 --allow-run-as-root --oversubscribe --mca btl self,sm {program}"
    environment = {
        **os.environ,
        **dict.fromkeys(("PVKDB_PW_COMMAND", "PVKDB_CP2K_COMMAND"), command),
        "PVKDB_DFT_SCRATCH": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER, code], env=environment)
    started: list[psutil.Process] = []
    try:
        _wait_for(tmp_path, begins, worker)
        started = psutil.Process(worker.pid).children(recursive=True)
        assert [each.name() for each in started].count(program) == 2
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert not psutil.wait_procs(started, timeout=30)[1]
        assert list(tmp_path.iterdir()) == []
    finally:
        for each in [worker, *started]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        worker.wait()


def _wait_for(folder: Path, begins: str, worker: subprocess.Popen[bytes]) -> None:
    """Wait until an output below a folder says that an SCF has begun."""
    for _ in range(1200):
        assert worker.poll() is None, "the worker has ended"
        for name in ("*/cp2k.out", "*/espresso.pwo"):
            for output in folder.glob(name):
                with contextlib.suppress(OSError):
                    if begins in output.read_text(errors="replace"):
                        return
        time.sleep(0.05)
    raise AssertionError("no SCF began within a minute")
