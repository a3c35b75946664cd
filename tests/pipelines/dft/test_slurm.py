"""Real pw.x and CP2K on two ranks through a real Slurm: a single point, with its files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pvkdb.schemas.calculations.dft import DftScfResult, DftSettings
from pvkdb.store.database import Store
from pvkdb_pipelines.dft.settings import complete_request

from ...conftest import lacks
from ...queueing import enqueued
from ...slurm import missing, one_machine_slurm
from .conftest import MOLECULE, ammonia, scf

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pw", "cp2k")]

CP2K = DftSettings(engine="cp2k", cutoff_rho_ry=200, cutoff_wfc_ry=40)
CLUSTER = """\
provider = "slurm"
walltime = "00:30:00"
cores_per_node = 1
address = "127.0.0.1"
batch_s = 1

[resources.dft]
cores_per_node = 2
ranks = 2
"""


@pytest.mark.parametrize(
    ("settings", "output", "on_two_ranks"),
    [
        (MOLECULE, "pw-1.out", r"MPI.*running on +2 processors.*JOB DONE\."),
        (CP2K, "cp2k-1.out", r"GLOBAL\| Total number of message passing processes +2\n"),
    ],
    ids=["pw", "cp2k"],
)
def test_dft_computes_on_its_own_resources_of_slurm_and_its_files_come_back(
    sqlite_store: Store, tmp_path: Path, settings: DftSettings, output: str, on_two_ranks: str
) -> None:
    if (os.cpu_count() or 1) < 2:
        lacks("two ranks need two cores")
    if (reason := missing()) is not None:
        lacks(reason)
    point = enqueued(sqlite_store, complete_request(scf(ammonia(), "NH3", settings)))
    (tmp_path / "slurm.toml").write_text(CLUSTER, encoding="utf-8")
    (tmp_path / "base").mkdir()
    with one_machine_slurm(tmp_path / "base") as slurm:
        environment = {
            **os.environ,
            **slurm.environment,
            "PVKDB_DATABASE_URL": str(sqlite_store.url),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }

        def pvkdb(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "pvkdb", *arguments],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=1800,
            )

        outcome = pvkdb("work", "--engine", "parsl", "--config", "slurm.toml", "--json")
        assert outcome.returncode == 0, outcome.stderr
        slurm.wait_for_no_job(20)
    (document,) = json.loads(outcome.stdout)
    assert document["id"] == point
    forces = np.array(DftScfResult.model_validate(document["result"]).point.forces_ev_per_ang)
    assert forces.shape == (4, 3)
    assert np.abs(forces.sum(axis=0)).max() < 0.01

    given = pvkdb("jobs", "files", point, "--output", "out")
    assert given.returncode == 0, given.stderr
    said = (tmp_path / "out" / output).read_text(encoding="utf-8")
    assert re.search(on_two_ranks, said, re.DOTALL), said[:3000]
