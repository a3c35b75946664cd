"""Real pw.x through a real Slurm: a single point from the queue, with its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pvkdb.schemas.calculations.dft import DftScfResult
from pvkdb.store.database import Store
from pvkdb_pipelines.dft.settings import complete_request

from ...conftest import lacks
from ...slurm import missing, one_machine_slurm
from .conftest import MOLECULE, ammonia, enqueued, scf

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pw")]

CLUSTER = """\
provider = "slurm"
walltime = "00:30:00"
cores_per_node = 1
address = "127.0.0.1"
batch_s = 1
"""


def test_pw_computes_on_a_slurm_node_and_its_files_come_back(
    sqlite_store: Store, tmp_path: Path
) -> None:
    if (reason := missing()) is not None:
        lacks(reason)
    point = enqueued(sqlite_store, complete_request(scf(ammonia(), "NH3", MOLECULE)))
    (tmp_path / "slurm.toml").write_text(CLUSTER, encoding="utf-8")
    (tmp_path / "base").mkdir()
    with one_machine_slurm(tmp_path / "base") as slurm:
        environment = {
            **os.environ,
            **slurm.environment,
            "PVKDB_DATABASE_URL": str(sqlite_store.url),
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
    assert np.abs(forces.sum(axis=0)).max() < 1e-4

    given = pvkdb("jobs", "files", point, "--output", "out")
    assert given.returncode == 0, given.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"pw-1.in", "pw-1.out"}
    assert "JOB DONE." in (tmp_path / "out" / "pw-1.out").read_text(encoding="utf-8")
