"""Run a program that dies with its parent: ``python launch.py PARENT_PID PROGRAM ARGUMENTS…``.

A worker that is killed cannot end what it started; without this a pw.x would compute on for hours
beside the one that does its work again. The kernel keeps the wish across ``exec`` (Linux).
"""

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
    os.execvp(program[0], program)
