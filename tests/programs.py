"""Programs that run beside a test, and modules that are no part of a package."""

import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn

from pvkdb_api.server import listen, offered

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

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of an application that a thread of this process serves."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = listener.getsockname()[1]
        with offered(app.state.local_key, port):
            yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


def module_at(path: Path, name: str = "") -> ModuleType:
    """The module of a file, executed anew."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
