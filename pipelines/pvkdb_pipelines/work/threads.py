"""One thread a process, for the libraries that would start one a core."""

from __future__ import annotations

import os

#: Read by OpenMP, OpenBLAS and MKL when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread_each() -> None:
    """Ask for one thread, for this process and its children, where nothing else was asked for.

    Work runs in one process a core. With threads of their own, two screening processes on two
    cores took 146 ms a force call in place of 20: the small matrices of a relaxation leave threads
    nothing to do but wait for one another. Call this before numpy and torch are loaded.
    """
    for name in VARIABLES:
        os.environ.setdefault(name, "1")
