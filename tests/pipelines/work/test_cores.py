"""Workers on cores of their own, across processes that know nothing of one another."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pvkdb_pipelines.work.cores import usable_cores

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
        assert process.stdout is not None
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
