"""Run a program that ends with its parent: ``python launch.py PARENT_PID PROGRAM ARGUMENTS…``.

A killed worker cannot end the programs that it started; without this, pw.x would continue for hours
beside the run that repeats its work. Nor does a signal to a group reach the ranks of mpirun, which
gives each a group of its own. On Linux this process therefore stays between the two: it gets
SIGTERM when its parent dies and inherits the orphans of the program. It passes SIGTERM on, kills
what is left, and ends as the program did. Both are in a session of their own: Ctrl-C in a terminal
reaches the parent, which ends this process.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

#: Seconds that the program has after SIGTERM.
TERM_S = 5

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
if sys.platform == "linux":
    _PRCTL = ctypes.CDLL(None).prctl


def _signal_children(number: int) -> None:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8") as file:
            if file.read().rpartition(")")[2].split()[1] == str(os.getpid()):
                os.kill(int(name), number)


def _end(number: int, frame: object) -> None:
    _signal_children(signal.SIGTERM)
    signal.alarm(TERM_S)


def _supervise(program: list[str]) -> int:
    """Run a program and return how it ended, after everything that it started."""
    if (started := os.fork()) == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execvp(program[0], program)
    status = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, how = os.wait()
            if ended == started:
                status = how
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
                _signal_children(signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2:]
    with contextlib.suppress(PermissionError):  # it leads one already
        os.setsid()
    if sys.platform != "linux":
        os.execvp(program[0], program)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, lambda *_: _signal_children(signal.SIGKILL))
    _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
    code = _supervise(program)
    if code >= 0:
        sys.exit(code)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
