"""Reading of a paper in a process of its own, which is ended when its budget is spent.

A pattern or a parser that a text holds up would hold up the interpreter, and a thread cannot be
ended. A process can, and the system counts what it takes.
"""

from __future__ import annotations

import ctypes
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import Any, TypeVar

from pvkdb.errors import InputError, PvkdbError
from pvkdb.literature.drafts.documents import content_of
from pvkdb.store.curation.sources import Source, Upload

Result = TypeVar("Result")

#: Seconds of a processor and bytes of memory for a paper.
CPU_S, MEMORY = 45, 1024**3
_CHILD = "from pvkdb.literature.drafts.budget import _read; _read()"
#: Exit status of a process whose memory did not suffice.
_NO_MEMORY = 3
_PR_SET_PDEATHSIG = 1
_running: set[subprocess.Popen[bytes]] = set()


def in_budget(
    read: Callable[..., Result], paper: Source, *more: Any, seconds: float | None = None
) -> Result:
    """Return ``read(paper, *more)``; ``seconds`` of the clock are part of the budget, if given.

    Raises:
        InputError: the budget is spent; names which part of it, and the remedy.
        PvkdbError: ``read`` raised it.
    """
    if isinstance(paper, Path):
        paper = Upload(paper.name, content_of(paper))
    command = [sys.executable, "-P", "-c", _CHILD]
    limit = f"{MEMORY // 1024**2} MiB of memory"
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        _running.add(process)
        try:
            answer, said = process.communicate(pickle.dumps((read, paper, *more)), seconds)
        except subprocess.TimeoutExpired:
            limit = f"{seconds:.0f} s"
        finally:
            process.kill()
            _running.discard(process)
    if process.returncode == 0:
        found = pickle.loads(answer)
        if isinstance(found, PvkdbError):
            raise found
        return found  # type: ignore[no-any-return]
    if process.returncode == -signal.SIGXCPU:
        limit = f"{CPU_S} s of a processor"
    elif process.returncode not in (_NO_MEMORY, *range(-64, 0)):
        raise RuntimeError(said.decode(errors="replace")[-2000:])
    raise InputError(
        f"{paper.name} takes more than {limit} to read; give its text, or a part of it"
    )


def end_reading() -> None:
    """End the reading of all papers, of whoever asked for it."""
    for process in tuple(_running):
        process.kill()


def _read() -> None:
    """Answer the question on standard input on standard output, within the budget."""
    limits = {resource.RLIMIT_CPU: CPU_S, resource.RLIMIT_CORE: 0}
    if sys.platform == "linux":
        limits[resource.RLIMIT_AS] = MEMORY
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with its parent
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard < 0 else min(most, hard), hard))
    try:
        read, *given = pickle.load(sys.stdin.buffer)
        try:
            answer = read(*given)
        except PvkdbError as error:
            answer = error
        sys.stdout.buffer.write(pickle.dumps(answer))
    except MemoryError:
        sys.exit(_NO_MEMORY)
