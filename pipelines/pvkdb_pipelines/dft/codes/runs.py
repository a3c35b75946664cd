"""Runs of DFT programs: where and how long they run, their process, and the files that are kept."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.dft.codes import launch

#: Where Debian's packages of Quantum ESPRESSO put pseudopotentials.
DEBIAN_PSEUDO_DIR = Path("/usr/share/espresso/pseudo")
#: Seconds between SIGTERM and SIGKILL.
_TERM_S = 5.0
#: Runs whose files stand by themselves: the last ones, which for a failure tell why.
_BY_THEMSELVES = 3
#: Files from this size on are compressed, in bytes.
_LARGE = 32_768

EARLIER = "earlier-runs.tar"


@dataclass(frozen=True, slots=True)
class Place:
    """A place to run.

    Attributes:
        pw_command: ``pw.x`` with whatever starts it in parallel.
        pseudo_dir: Folder of the pseudopotential files.
        scratch: Folder for temporary files; None for the system's.
        max_seconds: Wall time that a calculation may take; None for any.
        grace_s: A program that was told to end is killed after this.
    """

    pw_command: tuple[str, ...] = ("pw.x",)
    pseudo_dir: Path = DEBIAN_PSEUDO_DIR
    scratch: Path | None = None
    max_seconds: float | None = None
    grace_s: float = 60.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Place:
        """The place that ``PVKDB_PW_COMMAND``, ``PVKDB_PSEUDO_DIR``, ``PVKDB_DFT_SCRATCH`` and
        ``PVKDB_DFT_MAX_SECONDS`` describe.

        Raises:
            InputError: one of them makes no sense.
        """
        said = os.environ if environment is None else environment
        command = tuple(shlex.split(said.get("PVKDB_PW_COMMAND", "pw.x")))
        if not command:
            raise InputError("PVKDB_PW_COMMAND is empty; write e.g. 'mpirun -np 4 pw.x'")
        limit = said.get("PVKDB_DFT_MAX_SECONDS")
        try:
            max_seconds = None if limit is None else float(limit)
        except ValueError:
            max_seconds = -1.0
        if max_seconds is not None and not 0 < max_seconds < float("inf"):
            raise InputError(f"PVKDB_DFT_MAX_SECONDS = {limit!r} is no number of seconds above 0")
        scratch = said.get("PVKDB_DFT_SCRATCH")
        return cls(
            pw_command=command,
            pseudo_dir=Path(said.get("PVKDB_PSEUDO_DIR") or DEBIAN_PSEUDO_DIR),
            scratch=Path(scratch) if scratch else None,
            max_seconds=max_seconds,
        )

    def require_program(self) -> None:
        """See that the program is there.

        Raises:
            CalculationFailedError: it is not (``PROGRAM_NOT_FOUND``).
        """
        program = self.pw_command[0]
        if shutil.which(program) is None:
            raise CalculationFailedError(
                FailureKind.PROGRAM_NOT_FOUND,
                f"there is no program {program!r} on the PATH; install Quantum ESPRESSO (Debian: "
                "quantum-espresso), or name the command in PVKDB_PW_COMMAND",
            )


class Deadline:
    """When the time of a calculation is over."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left_s(self) -> float | None:
        """Seconds left, not below 0; None without a limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code (negative for a signal), and whether its time was up."""

    returncode: int
    timed_out: bool


def run_program(
    command: Sequence[str], folder: Path, output: Path, errors: Path, timeout_s: float | None
) -> Ended:
    """Run a command in a folder until it ends or its time is up, then with everything it started.

    Args:
        command: Program and arguments.
        folder: Working folder.
        output, errors: Files that take its standard output and error.
        timeout_s: Wall time after which it is killed; None for any.
    """
    argv = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command]
    with output.open("wb") as out, errors.open("wb") as err:
        # A session of its own: Ctrl-C in a terminal reaches us first, and we end it as a whole.
        process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            return Ended(process.wait(timeout_s), timed_out=False)
        except subprocess.TimeoutExpired:
            _end(process)
            return Ended(process.returncode, timed_out=True)
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group: asked first, then made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TERM_S)
            return
    process.wait()


class RunFiles:
    """Collects the files of one run after the other, compressed where they are large."""

    def __init__(self) -> None:
        self._runs: list[dict[str, bytes]] = []

    def add(self, files: Mapping[str, bytes]) -> None:
        """Files of a run by name, e.g. ``pw.out``; empty ones are left out."""
        self._runs.append(
            dict(_packed(name, content) for name, content in files.items() if content)
        )

    def files(self) -> dict[str, bytes]:
        """Everything so far, by name: ``pw-1.in``, ``pw-1.out``, counted from 1.

        Of more than three runs the last three; those before are in :data:`EARLIER`, an archive. The
        same runs give the same bytes.
        """
        numbered = [
            {_numbered(name, number): content for name, content in run.items()}
            for number, run in enumerate(self._runs, start=1)
        ]
        earlier = [item for run in numbered[:-_BY_THEMSELVES] for item in run.items()]
        kept = {EARLIER: _archive(earlier)} if earlier else {}
        for run in numbered[-_BY_THEMSELVES:]:
            kept.update(run)
        return kept


def _packed(name: str, content: bytes) -> tuple[str, bytes]:
    if len(content) < _LARGE:
        return name, content
    # Without a time in it, so that the same content has the same hash.
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
