"""Cores: how many this process may use, and one of them for itself alone."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pin_to_free_core() -> int | None:
    """Keep this process on one core that no other worker of this machine has taken.

    A core is taken by a lock on a file of its own, which the kernel gives back when the process
    ends, however it ends. Two pools side by side therefore share out the cores between them.

    Returns:
        The core; None where all are taken or the system cannot pin, and nothing was changed.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    folder = Path(tempfile.gettempdir()) / f"pvkdb-cores-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for core in sorted(os.sched_getaffinity(0)):
        lock = os.open(folder / str(core), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.sched_setaffinity(0, {core})
        except OSError:
            os.close(lock)
            continue
        return core  # the lock is held until the process ends
    return None
