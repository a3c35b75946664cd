"""Supervision: a program ends with its time, and with the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pvkdb_pipelines.dft.codes.process import run_program


def test_a_program_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    start = time.monotonic()
    ended = run_program(["sleep", "60"], tmp_path, tmp_path / "out", tmp_path / "err", 0.3)
    assert ended.timed_out
    assert ended.returncode == -signal.SIGTERM
    assert time.monotonic() - start < 5


def test_output_errors_and_exit_code_are_kept(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo said; echo complained >&2; exit 3"]
    ended = run_program(command, tmp_path, tmp_path / "out", tmp_path / "err", 10)
    assert (ended.returncode, ended.timed_out) == (3, False)
    assert (tmp_path / "out").read_text() == "said\n"
    assert (tmp_path / "err").read_text() == "complained\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel offers this")
def test_a_program_dies_with_the_worker_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from pvkdb_pipelines.dft.codes.process import run_program; "
        "folder = Path(sys.argv[1]); "
        "run_program(['sleep', '300'], folder, folder / 'out', folder / 'err', None)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    try:
        program = _program_of(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        psutil.wait_procs([program], timeout=5)
        assert not program.is_running() or program.status() == psutil.STATUS_ZOMBIE
    finally:
        worker.kill()
        worker.wait()


def _program_of(pid: int) -> psutil.Process:
    for _ in range(200):
        for child in psutil.Process(pid).children():
            if child.name() == "sleep":
                return child
        time.sleep(0.05)
    raise AssertionError("the program did not start within 10 s")
