"""Running a program under supervision: it ends with its time, with Ctrl-C, and with us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pvkdb_pipelines.dft.codes import launch

#: Seconds between SIGTERM and SIGKILL.
_TERM_S = 5.0


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
