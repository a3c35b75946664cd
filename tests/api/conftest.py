"""The service without a network: requests go straight into the application."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fastapi import FastAPI

from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings

from ..conftest import new_database

#: Where the tests send from and to: what a user alone on a machine has.
LOCAL = "http://127.0.0.1"
OWN_MACHINE = ServiceSettings(allow_local_writes=True)


#: A program that serves the database in its first argument and prints its address.
#: A worker may be silent for longer than any test waits for it.
START = (
    "import sys; from pvkdb_api import server; server.WORKER_SILENCE_S = 3600; "
    "from pvkdb_api.core.settings import read_settings; settings = read_settings(); "
    "server.serve(sys.argv[1], '127.0.0.1', 0, settings=settings, "
    "ready=lambda address: print(address, settings.local_key or '', flush=True))"
)

#: No process beside a service that makes rankings again.
LAGGING = {"PVKDB_RANKING_LAG_S": "0"}

Started = Callable[..., tuple["subprocess.Popen[str]", str]]


#: One event loop for all requests, as a service has, to which those belong who wait for a turn.
#: In a thread of its own: where Playwright runs, the main one has an event loop already.
_THREAD, _RUNNER = ThreadPoolExecutor(1), asyncio.Runner()


@dataclass
class Api:
    """Sends requests to an application. Starlette's own test client asks for another httpx."""

    app: FastAPI
    base_url: str = LOCAL
    client: tuple[str, int] = ("127.0.0.1", 123)
    #: Kept from answer to answer, unless there are none.
    cookies: httpx.Cookies | None = None
    #: Whether requests to this machine have its local key, as those of its user have.
    of_user: bool = True

    def _with_key(self, headers: Any) -> httpx.Headers:
        """Add the local key to headers without any key, unless the browser has one."""
        made, key = httpx.Headers(headers), self.app.state.local_key
        signed_in = bool(self.cookies and self.cookies.get("pvkdb_key"))
        keyless = not {"authorization", "x-api-key"} & set(made)
        if key and self.of_user and keyless and not signed_in:
            made["X-API-Key"] = key
        return made

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self.together([(method, path, arguments)])[0]

    def together(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Send requests at the same time."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app, client=self.client)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.base_url, cookies=self.cookies
            ) as client:
                answers = await asyncio.gather(
                    *(
                        client.request(
                            method, path, **{**rest, "headers": self._with_key(rest.get("headers"))}
                        )
                        for method, path, rest in requests
                    )
                )
                self.cookies = client.cookies if self.cookies is not None else None
                return answers

        return _THREAD.submit(_RUNNER.run, send()).result()

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.request("GET", path, params=parameters or None)

    def post(self, path: str, json: Any) -> httpx.Response:
        return self.request("POST", path, json=json)

    def pages(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of a list; ends also where the cursors do not."""
        for _ in range(100):
            page = self.get(path, **parameters).json()
            yield page
            if page["next_cursor"] is None:
                return
            parameters["cursor"] = page["next_cursor"]
        pytest.fail(f"{path} does not end")

    def problem(self, path: str, status: int, **parameters: Any) -> dict[str, Any]:
        """The problem that a GET must end in."""
        response = self.get(path, **parameters)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = response.json()
        assert problem["status"] == status
        assert "\n" not in problem["detail"]
        assert "Traceback" not in response.text
        return problem


@pytest.fixture
def api(store: Store) -> Iterator[Api]:
    """The service on a loaded store, on each database."""
    yield from serving(store.url.render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def reading_api(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The service on one loaded SQLite store for all tests that only read."""
    path = tmp_path_factory.mktemp("api") / "literature.sqlite"
    shutil.copy(loaded_sqlite, path)
    yield from serving(f"sqlite:///{path}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def guarded_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A migrated store without data for the tests of a module, on both databases."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("guarded") / "guarded.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        store = Store(f"sqlite:///{path}")
    else:
        database = new_database(request.getfixturevalue("postgres_server"))
        store = Store(database.render_as_string(hide_password=False))
        upgrade(store)
    yield store
    store.close()


@cache
def _description() -> dict[str, Any]:
    return create_app("sqlite:///unused.sqlite", OWN_MACHINE).openapi()


def application(url: str, settings: ServiceSettings = OWN_MACHINE) -> FastAPI:
    """The application; its description, a second's work, is made once for all tests."""
    app = create_app(url, settings)
    app.openapi = _description
    return app


def serving(url: str) -> Iterator[Api]:
    """The service on a database; its connections are closed in the end."""
    app = application(url)
    yield Api(app)
    app.state.served.close()


def _process(
    url: str, *options: str, errors: int | None = None, **settings: str
) -> subprocess.Popen[str]:
    """A service in a process of its own, with settings of the environment."""
    command, settings = (
        [sys.executable, *options, "-c", START, url],
        {**LAGGING, **os.environ, **settings},
    )
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=errors, text=True, env=settings)


#: Local keys of services in other processes by their addresses; empty where a service has none.
LOCAL_KEYS: dict[str, str] = {}


def _address(process: subprocess.Popen[str]) -> str:
    """The address of a service that starts; its local key is kept."""
    assert process.stdout is not None
    address, _, key = process.stdout.readline().strip().partition(" ")
    LOCAL_KEYS[address] = key
    return address


@contextmanager
def service(url: str, *options: str, **settings: str) -> Iterator[str]:
    """The address of a service while it runs."""
    with _process(url, *options, **settings) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture
def start(sqlite_store) -> Iterator[Started]:
    """Start the service with settings in a process of its own; its address."""
    started: list[subprocess.Popen[str]] = []

    def call(url: str = "", **settings: str) -> tuple[subprocess.Popen[str], str]:
        process = _process(
            url or str(sqlite_store.url), "-W", "error", errors=subprocess.PIPE, **settings
        )
        started.append(process)
        return process, _address(process)

    yield call
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children():
                child.kill()
            process.kill()
        process.communicate()
