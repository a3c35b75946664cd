"""Running the service with uvicorn."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from pvkdb.errors import InputError, PvkdbError
from pvkdb.store.database import Store
from pvkdb_api.app import create_app
from pvkdb_api.core.callers import is_loopback
from pvkdb_api.core.paths import SIGN_IN
from pvkdb_api.core.settings import ServiceSettings, read_settings
from pvkdb_api.explorer.site.rendering import compile_templates
from pvkdb_api.frame.metrics import FOLDER
from pvkdb_api.frame.request_log import log_config
from pvkdb_api.operations.rankings import keep_rankings

#: Seconds within which a worker must respond; a busy machine takes seconds to start one.
WORKER_SILENCE_S = 60
#: Searches of young objects for garbage until all are searched, which holds up every request.
WHOLE_SEARCH_AFTER = 10_000


class PortInUseError(PvkdbError):
    """Another process uses the port of the service."""


def serve(
    url: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] | None = None,
    settings: ServiceSettings | None = None,
) -> None:
    """Serve a database until SIGINT or SIGTERM, then finish the running requests.

    Args:
        url: URL of the database.
        port: 0 takes any free port.
        ready: called with the service's address once it listens; by default one
            line goes to standard error.
        settings: default: read from the environment.

    Raises:
        DatabaseError: the database is unreachable or not migrated.
        PortInUseError: another process uses the port.
        InputError: host, port or a setting cannot be used.
    """
    settings = settings or read_settings()
    store = Store(url)
    store.require_migrated()
    store.close()
    with listen(host, port) as listener:
        bound = listener.getsockname()
        if settings.allow_local_writes and not is_loopback(bound[0]):
            raise InputError(
                f"{host} can be reached from other machines, so writes need a key: leave out "
                "--allow-local-writes (PVKDB_ALLOW_LOCAL_WRITES) and make one with: "
                "pvkdb keys create NAME --scope queue"
            )
        if sys.platform == "linux":  # Inherited by connections: what is left of slow readers ends,
            # and a queue of little that is unsent shows early that they take something. tcp(7)
            left_ms = round(2000 * settings.send_timeout_s)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, left_ms)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 128 * 1024)
        address = f"http://[{host}]:{bound[1]}" if ":" in host else f"http://{host}:{bound[1]}"
        if ready is not None:
            ready(address)
        else:
            print(f"pvkdb serves {address} (stop with Ctrl-C)", file=sys.stderr, flush=True)
        if settings.local_key:
            where = f"{address}{SIGN_IN}, or as an API key"
            print(f"to write, enter {settings.local_key} at {where}", file=sys.stderr, flush=True)
        config = uvicorn.Config(
            partial(_served_app, url, settings),
            factory=True,
            log_config=log_config(settings.log_format),
            access_log=False,  # request_log writes these lines
            lifespan="on",
            server_header=False,
            forwarded_allow_ips=list(settings.trusted_proxies),
            workers=settings.workers,
            timeout_worker_healthcheck=WORKER_SILENCE_S,
            timeout_graceful_shutdown=settings.shutdown_grace_s,
        )
        with _ignoring_repeated_signals(), _keeping_rankings(url, settings):
            if settings.workers > 1:
                with _shared_metrics_folder():
                    _Workers(config, sockets=[listener]).run()
            else:
                uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _keeping_rankings(url: str, settings: ServiceSettings) -> Iterator[None]:
    """Let a process beside the service keep rankings, so that it holds up no request."""
    if not settings.ranking_lag_s:
        yield
        return
    context = get_context("spawn")
    process = context.Process(target=keep_rankings, args=(url, os.getpid()), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


class _Workers(Multiprocess):
    """Processes that serve; one that dies is replaced at once."""

    def keep_subprocess_alive(self) -> None:
        # While this process holds the worker's end of their pipe, too, a worker that dies
        # before it responds is waited for as if it were busy.
        for worker in self.processes:
            worker.child_conn.close()
        super().keep_subprocess_alive()


def _served_app(url: str, settings: ServiceSettings) -> FastAPI:
    """Return the service of one process, which lives as long as the process."""
    app = create_app(url, settings, keeping=settings.ranking_lag_s > 0)
    compile_templates()
    # What is loaded stays; searching it for garbage again and again would hold up requests.
    gc.collect()
    gc.freeze()
    # So would looking through all kept rankings, 0.2 s each time that some are read: seldom.
    gc.set_threshold(*gc.get_threshold()[:2], WHOLE_SEARCH_AFTER)
    return app


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a used port is reported before anything starts.

    Raises:
        PortInUseError: another process uses the port.
        InputError: host or port cannot be used.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port {port} does not exist; give --port a number from 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
        # asyncio does this only for sockets that name their protocol. Without it the body of an
        # answer waits 40 ms until the client acknowledges the head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(
            f"host {host!r} is unknown; give --host an address of this machine"
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} of {host} is in use; choose another one with --port"
            ) from error
        if error.errno == errno.EACCES:
            raise InputError(
                f"port {port} of {host} needs rights that this user lacks; choose one above "
                "1023 with --port"
            ) from error
        raise InputError(
            f"{host} port {port} cannot be listened on: {error.strerror}; give --host an "
            "address of this machine"
        ) from error


@contextmanager
def _shared_metrics_folder() -> Iterator[None]:
    """Create a folder in which the worker processes share metrics, unless a setting names one."""
    if FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="pvkdb-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


@contextmanager
def _ignoring_repeated_signals() -> Iterator[None]:
    """Ignore the stop signal that Uvicorn sends to this process again after it has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
