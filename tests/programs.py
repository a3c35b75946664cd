"""Programs that run beside a test."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Start = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def background(*program: str, cwd: Path | None = None) -> Iterator[Start]:
    """Yield a function that starts a program of Python; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(env: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, *program, *arguments]
        started.append(subprocess.Popen(command, cwd=cwd, env=env, text=True, **streams))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
