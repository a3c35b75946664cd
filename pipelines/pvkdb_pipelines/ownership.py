"""Who holds a calculation: a process on a host, and whether it still lives."""

from __future__ import annotations

import os
import socket

import psutil


def current_owner() -> str:
    """This process as ``host:pid:start``; the start time tells a reused pid apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_alive(owner: str) -> bool | None:
    """Whether an owner's process lives; None where it runs on another host."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    started = owner.rpartition(":")[2]
    if host != socket.gethostname() or not rest.isdigit():
        return None
    try:
        process = psutil.Process(int(rest))
        return (
            process.status() != psutil.STATUS_ZOMBIE and f"{process.create_time():.2f}" == started
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return None
