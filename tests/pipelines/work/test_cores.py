"""Each worker process gets its own core, and one thread unless its user asks for more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pvkdb.errors import InputError
from pvkdb_pipelines.work.cores import VARIABLES, batch_atoms, one_thread_each, usable_cores

PIN = (
    "import os; from pvkdb_pipelines.work.cores import pin_to_free_core as pin; "
    "print(pin(), sorted(os.sched_getaffinity(0)), flush=True); input()"
)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_each_takes_a_free_core_and_gives_it_back(tmp_path) -> None:
    cores = sorted(os.sched_getaffinity(0))

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PIN],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return process, process.stdout.readline().strip()

    started = [start() for _ in range(usable_cores() + 1)]
    try:
        said = [line for _, line in started]
        assert said == [f"{core} [{core}]" for core in cores] + [f"None {cores}"]
        first = started[0][0]
        first.kill()
        first.communicate()
        started.append(start())
        assert started[-1][1] == f"{cores[0]} [{cores[0]}]"
    finally:
        for process, _ in started:
            process.kill()
            process.communicate()


def test_one_thread_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    one_thread_each()
    assert os.environ["OMP_NUM_THREADS"] == "4"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    for name in VARIABLES[1:]:
        monkeypatch.delenv(name)


def test_the_command_line_sets_threads_before_libraries_are_loaded() -> None:
    """With numpy's own library loaded afterwards, its pool has one thread."""
    program = (
        "import sys; sys.argv = ['pvkdb', '--version']\n"
        "from pvkdb.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import numpy, threadpoolctl\n"
        "print(max(pool['num_threads'] for pool in threadpoolctl.threadpool_info()))\n"
    )
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    found = subprocess.run(
        [sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "1"


@pytest.mark.parametrize(
    ("device", "said", "atoms"),
    [("cpu", "", 0), ("cuda", "", 2000), ("cuda", "0", 0), ("cpu", "60", 60)],
)
def test_batches_are_for_a_gpu_unless_the_environment_says_otherwise(
    device: str, said: str, atoms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVKDB_DEVICE", device)
    monkeypatch.setenv("PVKDB_BATCH_ATOMS", said)
    assert batch_atoms() == atoms
    monkeypatch.setenv("PVKDB_BATCH_ATOMS", "many")
    with pytest.raises(InputError, match="PVKDB_BATCH_ATOMS is 'many'; give a number of atoms"):
        batch_atoms()
