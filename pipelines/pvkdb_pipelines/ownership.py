"""The owner of a calculation: a process of a machine, and whether it is still running.

A pid is not enough, because it is reused and containers have their own. An owner is therefore the
machine since its last boot, the pid namespace, the pid, and the start time of the process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1


def current_owner() -> str:
    """Return this process as ``machine:pid:start``."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def is_alive(owner: str) -> bool | None:
    """Whether the process of an owner is running; None if this machine cannot know."""
    machine, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if machine != _machine() or not pid.isdigit():
        return None
    try:
        if psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE:
            return False
        return _started(int(pid)) == started
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return None


def die_with(parent: int) -> None:
    """Make the kernel kill this process when its parent dies (Linux only).

    The parent is the thread that started it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _machine() -> str:
    """Return host name, boot id and pid namespace as text; the last two on Linux only."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8])
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        pass
    return "/".join(parts)


def _started(pid: int) -> str:
    """Return the start time of a process; on Linux in clock ticks since boot."""
    try:
        # The second field, the name, may contain spaces; count the 22nd from its closing bracket.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return fields[19]
    except OSError:
        return f"{psutil.Process(pid).create_time():.0f}"
