"""A program ends at its time limit and with its worker; the files of its runs are kept."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import psutil
import pytest

from pvkdb_pipelines.dft.codes.runs import EARLIER, RunFiles, run_program


def test_output_errors_and_exit_code_are_kept_and_time_is_limited(tmp_path: Path) -> None:
    ended = run_program(["sleep", "60"], tmp_path, tmp_path / "out", tmp_path / "err", 0.3)
    assert (ended.returncode, ended.timed_out) == (-signal.SIGTERM, True)
    command = ["sh", "-c", "echo said; echo complained >&2; exit 3"]
    ended = run_program(command, tmp_path, tmp_path / "out", tmp_path / "err", 10)
    assert (ended.returncode, ended.timed_out) == (3, False)
    assert (tmp_path / "out").read_text() == "said\n"
    assert (tmp_path / "err").read_text() == "complained\n"


#: As mpirun does: a program with a group of its own, whose starter then stays as it is.
LAUNCHER = "import subprocess, sys; subprocess.run(['sleep', sys.argv[1]], start_new_session=True)"
WORKER = """
import sys, tempfile
from pathlib import Path
from pvkdb_pipelines.dft.codes.runs import going_with_process, run_program
folder = Path(going_with_process(tempfile.mkdtemp(dir=sys.argv[1])))
run_program(sys.argv[2:], folder, folder / "out", folder / "err", None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel offers this")
@pytest.mark.parametrize(
    "command", [["sleep", "297.5"], [sys.executable, "-c", LAUNCHER, "297.5"]], ids=["one", "more"]
)
def test_a_program_and_its_folder_go_with_the_worker_that_is_killed(
    tmp_path: Path, command: list[str]
) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), *command])
    started = [worker]
    try:
        program = _program_of(worker.pid)
        started = psutil.Process(worker.pid).children(recursive=True)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert program in started
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
        assert list(tmp_path.iterdir()) == []
    finally:
        for each in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        worker.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel offers this")
def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    """At its time limit, and also where it ends by itself and leaves others behind."""
    command = [sys.executable, "-c", LAUNCHER, "296.5"]
    ended = run_program(command, tmp_path, tmp_path / "out", tmp_path / "err", 2)
    assert (ended.returncode, ended.timed_out) == (-signal.SIGTERM, True)
    command = ["sh", "-c", "setsid sleep 296.5 & exit 3"]
    assert run_program(command, tmp_path, tmp_path / "out", tmp_path / "err", 60).returncode == 3
    assert not [
        each for each in psutil.process_iter(["cmdline"]) if "296.5" in (each.info["cmdline"] or ())
    ]


def _program_of(pid: int) -> psutil.Process:
    for _ in range(600):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name() == "sleep":
                    return child
        time.sleep(0.05)
    raise AssertionError("the program did not start within 30 s")


def collected(runs: int, output: bytes = b"JOB DONE.") -> dict[str, bytes]:
    files = RunFiles()
    for _ in range(runs):
        files.add({"pw.in": b"&control", "pw.out": output, "pw.err": b""})
    return files.files()


def test_three_runs_stand_by_themselves_and_empty_files_nowhere() -> None:
    assert set(collected(3)) == {f"pw-{n}.{end}" for n in (1, 2, 3) for end in ("in", "out")}
    assert collected(0) == {}
    # Those before the last three are in an archive.
    files = collected(5)
    assert set(files) == {EARLIER, *(f"pw-{n}.{end}" for n in (3, 4, 5) for end in ("in", "out"))}
    with tarfile.open(fileobj=io.BytesIO(files[EARLIER])) as archive:
        assert archive.getnames() == ["pw-1.in", "pw-1.out", "pw-2.in", "pw-2.out"]


def test_large_outputs_are_compressed_and_the_same_runs_give_the_same_bytes() -> None:
    output = b"     total energy              =    -315.1 Ry\n" * 2000
    files = collected(4, output)
    assert gzip.decompress(files["pw-4.out.gz"]) == output
    assert len(files["pw-4.out.gz"]) < len(output) / 20
    assert files == collected(4, output)


def test_a_program_keeps_its_memory_unless_the_environment_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    monkeypatch.delenv("MALLOC_MMAP_MAX_", raising=False)
    code = "import os; print(os.environ['MALLOC_MMAP_MAX_'], os.environ['MALLOC_TRIM_THRESHOLD_'])"
    out = tmp_path / "out"
    run_program([sys.executable, "-c", code], tmp_path, out, tmp_path / "err", None)
    assert out.read_text() == "0 131072\n"
