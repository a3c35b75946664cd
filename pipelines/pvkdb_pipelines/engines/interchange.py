"""Parsl's interchange, which ends together with the process that started it.

Parsl's own interchange outlives a dispatcher that was killed (github.com/Parsl/parsl/issues/3761):
its workers keep waiting and their blocks stay allocated until the walltime. Here the kernel ends it
with its parent; workers then miss its heartbeats and end their blocks. It ignores Ctrl-C, because
its parent would wait forever for its answers while shutting down (issues/2755); the parent ends it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

from pvkdb_pipelines.ownership import die_with


def command() -> list[str]:
    """Return the command that starts the interchange of this process."""
    return [sys.executable, "-m", __name__, str(os.getpid())]


def main() -> None:
    """Run Parsl's interchange, which reads its configuration from standard input."""
    die_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__")


if __name__ == "__main__":
    main()
