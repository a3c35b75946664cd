"""Runs of DFT programs: where and how long they run, their process, and the files that are kept."""

from __future__ import annotations

import atexit
import contextlib
import gzip
import io
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.dft.codes import launch

#: Where Debian's packages of Quantum ESPRESSO put pseudopotentials.
DEBIAN_PSEUDO_DIR = Path("/usr/share/espresso/pseudo")
#: Where Debian's package of CP2K puts basis sets and pseudopotentials.
DEBIAN_CP2K_DATA = Path("/usr/share/cp2k")
#: Programs by the variable with the command that starts each.
PROGRAMS = {"PVKDB_PW_COMMAND": "pw.x", "PVKDB_CP2K_COMMAND": "cp2k.psmp"}
#: Removes the folders whose names it reads, once no process writes to it any more.
_REMOVE = """
import os, shutil, sys, time
for folder in sys.stdin.read().splitlines():
    for _ in range(600):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            break
        time.sleep(0.1)  # a program that ends just now still writes
"""
#: glibc gives large arrays back after each use, and the system clears their memory anew, a sixth of
#: the processor time of pw.x with 39 atoms. It keeps them, if the environment says nothing else.
_KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}
#: Number of last runs whose files are kept separately; after a failure they show the reason.
_SEPARATE_RUNS = 3
#: Files from this size on are compressed, in bytes.
_LARGE = 32_768

EARLIER = "earlier-runs.tar"


@dataclass(frozen=True, slots=True)
class RunLocation:
    """Where and for how long DFT programs run.

    None of it changes a number, so none of it is part of a request: the same calculation may run
    here in one process and on a cluster in sixty-four. Batch scripts set it by environment
    variables.

    Attributes:
        pw_command: ``pw.x`` with the command that starts it in parallel.
        pseudo_dir: Folder of the pseudopotential files.
        cp2k_command, cp2k_data: The same of CP2K, with its basis sets.
        scratch: Folder for temporary files; None for the system's.
        checkpoints: Folder of the force calls of hops, which outlive a process; None for scratch.
        max_seconds: Wall-time limit of a calculation; None for no limit.
        grace_s: Seconds after the limit until a program is killed.
    """

    pw_command: tuple[str, ...] = ("pw.x",)
    pseudo_dir: Path = DEBIAN_PSEUDO_DIR
    cp2k_command: tuple[str, ...] = ("cp2k.psmp",)
    cp2k_data: Path = DEBIAN_CP2K_DATA
    scratch: Path | None = None
    checkpoints: Path | None = None
    max_seconds: float | None = None
    grace_s: float = 60.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> RunLocation:
        """Return the location from environment variables.

        They are ``PVKDB_PW_COMMAND``, ``PVKDB_PSEUDO_DIR``, ``PVKDB_CP2K_COMMAND``,
        ``PVKDB_CP2K_DATA``, ``PVKDB_DFT_SCRATCH``, ``PVKDB_DFT_CHECKPOINTS`` and
        ``PVKDB_DFT_MAX_SECONDS``.

        Raises:
            InputError: a variable is invalid.
        """
        values = os.environ if environment is None else environment
        words = {name: shlex.split(values.get(name, usual)) for name, usual in PROGRAMS.items()}
        for name, command in words.items():
            if not command:
                raise InputError(f"{name} is empty; write e.g. 'mpirun -np 4 {PROGRAMS[name]}'")
        limit = values.get("PVKDB_DFT_MAX_SECONDS")
        try:
            max_seconds = None if limit is None else float(limit)
        except ValueError:
            max_seconds = -1.0
        if max_seconds is not None and not 0 < max_seconds < float("inf"):
            raise InputError(
                f"PVKDB_DFT_MAX_SECONDS = {limit!r} is not a positive number of seconds"
            )
        scratch, kept = (values.get(f"PVKDB_DFT_{name}") for name in ("SCRATCH", "CHECKPOINTS"))
        return cls(
            pw_command=tuple(words["PVKDB_PW_COMMAND"]),
            pseudo_dir=Path(values.get("PVKDB_PSEUDO_DIR") or DEBIAN_PSEUDO_DIR),
            cp2k_command=tuple(words["PVKDB_CP2K_COMMAND"]),
            cp2k_data=Path(values.get("PVKDB_CP2K_DATA") or DEBIAN_CP2K_DATA),
            scratch=Path(scratch) if scratch else None,
            checkpoints=Path(kept) if kept else None,
            max_seconds=max_seconds,
        )

    def checkpoint(self, key: str) -> Path:
        """Return the checkpoint of the force calls with a key."""
        folder = self.checkpoints or self.scratch or Path(tempfile.gettempdir())
        return folder / f"pvkdb-hop-{key[:16]}.jsonl"

    def require_program(self, command: Sequence[str], package: str, variable: str) -> None:
        """Check that the program of a command is installed.

        Raises:
            CalculationFailedError: it is missing (``PROGRAM_NOT_FOUND``).
        """
        if shutil.which(command[0]) is None:
            raise CalculationFailedError(
                FailureKind.PROGRAM_NOT_FOUND,
                f"the program {command[0]!r} is not on the PATH; install {package}, or name the "
                f"command in {variable}",
            )


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """Exit code of a program (negative for a signal), and whether it reached its time limit."""

    returncode: int
    timed_out: bool


def cpu_seconds() -> float:
    """Return the processor time of this process and of the programs that it has run or runs."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            running += sum(child.cpu_times()[:4])  # user and system, its own and of its children
    return time.process_time() + ended.ru_utime + ended.ru_stime + running


@cache
def _remover() -> subprocess.Popen[str]:
    """Start the process that removes folders when this one has ended, however it ends."""
    command = [sys.executable, "-I", "-S", "-c", _REMOVE]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
    )
    atexit.register(process.communicate)
    return process


def going_with_process(folder: str) -> str:
    """Return a folder for temporary files, which is removed at the latest when this process ends.

    Also when it is killed, and after the programs that write there.
    """
    listed = _remover().stdin
    assert listed is not None
    listed.write(f"{Path(folder).absolute()}\n")
    return folder


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """Return a command whose program, and all it starts, ends with this process."""
    return [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command]


def run_program(
    command: Sequence[str], folder: Path, output: Path, errors: Path, timeout_s: float | None
) -> ProcessResult:
    """Run a command in a folder; at the time limit, end it and every process that it started.

    ``output`` and ``errors`` are the files of its standard output and error.
    """
    with output.open("wb") as out, errors.open("wb") as err:
        # A separate session: Ctrl-C in a terminal reaches this process, which ends the whole group.
        process = subprocess.Popen(
            dying_with_parent(command),
            cwd=folder,
            env=_KEEP_MEMORY | os.environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            return ProcessResult(process.wait(timeout_s), timed_out=False)
        except subprocess.TimeoutExpired:
            end_process(process)
            return ProcessResult(process.returncode, timed_out=True)
        finally:
            if process.poll() is None:
                end_process(process)


def end_process(process: subprocess.Popen[Any]) -> None:
    """End a program of :func:`dying_with_parent`, with SIGTERM first and then with SIGKILL."""
    process.terminate()
    try:
        process.wait(2 * launch.TERM_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class RunFiles:
    """Collects the inputs and outputs of runs, compressed if they are large.

    Of a calculation with many runs, such as a relaxation, the earlier ones share one archive.
    """

    def __init__(self) -> None:
        self._runs: list[dict[str, bytes]] = []

    def add(self, files: Mapping[str, bytes]) -> None:
        """Add the files of a run by name, e.g. ``pw.out``; empty ones are left out."""
        self._runs.append(
            dict(_packed(name, content) for name, content in files.items() if content)
        )

    def files(self) -> dict[str, bytes]:
        """Return all files so far by name: ``pw-1.in``, ``pw-1.out``, counted from 1.

        Runs before the last three are in the archive :data:`EARLIER`. The same runs give the same
        bytes.
        """
        numbered = [
            {_numbered(name, number): content for name, content in run.items()}
            for number, run in enumerate(self._runs, start=1)
        ]
        earlier = [item for run in numbered[:-_SEPARATE_RUNS] for item in run.items()]
        kept = {EARLIER: _archive(earlier)} if earlier else {}
        for run in numbered[-_SEPARATE_RUNS:]:
            kept.update(run)
        return kept


def _packed(name: str, content: bytes) -> tuple[str, bytes]:
    if len(content) < _LARGE:
        return name, content
    # Without a time stamp, so that the same content has the same hash.
    return f"{name}.gz", gzip.compress(content, mtime=0)


def _numbered(name: str, number: int) -> str:
    stem, dot, rest = name.partition(".")
    return f"{stem}-{number}{dot}{rest}"


def _archive(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
