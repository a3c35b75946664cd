"""Run a program that dies with its parent: ``python launch.py PARENT_PID PROGRAM ARGUMENTS…``.

A killed worker cannot end the programs that it started; without this, pw.x would continue for hours
beside the run that repeats its work. The kernel keeps the setting across ``exec`` (Linux). The
program leads a session of its own: Ctrl-C in a terminal reaches the parent, which ends the group.
"""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)
    with contextlib.suppress(PermissionError):  # it leads one already
        os.setsid()
    os.execvp(program[0], program)
