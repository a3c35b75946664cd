"""Cores and threads: usable cores, pinning to a free core, one thread for each process."""

from __future__ import annotations

import os
from pathlib import Path

from pvkdb.errors import InputError

#: Read by OpenMP, OpenBLAS and MKL when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Environment variable with the number of atoms in a batch, and its default on a GPU.
BATCH_ATOMS, ATOMS_ON_A_GPU = "PVKDB_BATCH_ATOMS", 2_000


def batch_atoms() -> int:
    """Return the number of atoms that a process evaluates in one batch; 0: no batches.

    Raises:
        InputError: PVKDB_BATCH_ATOMS is not a number.
    """
    default = ATOMS_ON_A_GPU if os.environ.get("PVKDB_DEVICE") == "cuda" else 0
    said = os.environ.get(BATCH_ATOMS) or str(default)
    if not said.isdecimal():
        raise InputError(f"{BATCH_ATOMS} is {said!r}; give a number of atoms, or 0: no batches")
    return int(said)


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pin_to_free_core() -> int | None:
    """Pin this process to a core that no other worker of this machine uses.

    Each core has a lock file, and the kernel releases the lock when the process ends. Pools that
    run side by side therefore get different cores.

    Returns:
        The core; None if all are taken or the system cannot pin processes.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    # Imported here: the command line loads this module, on Windows too.
    import fcntl
    import tempfile

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


def one_thread_each() -> None:
    """Limit this process and its children to one thread each, unless the environment sets more.

    Calculations run in one process per core. With several threads each, two screening processes on
    two cores took 146 ms a force call instead of 20, because the matrices of a relaxation are too
    small for threads. Call this before numpy and torch are loaded.
    """
    for name in VARIABLES:
        os.environ.setdefault(name, "1")
