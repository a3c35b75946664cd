"""The service is stopped and started again while a client reads: each row comes once."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from pvkdb.client import Client
from pvkdb.literature import read_curated
from pvkdb.store.database import Store
from pvkdb.store.models.references import Reference

pytestmark = pytest.mark.slow  # each starts services of their own

#: Beside the 402 of the review.
MADE = 4000


class RestartingService:
    """``pvkdb serve`` in a process of its own, on a port that it keeps."""

    def __init__(self, database: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._command = ["-m", "pvkdb", "serve", "--database", database, "--port", port]
        self.start()

    def start(self) -> None:
        """Start it; it need not be ready yet."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([sys.executable, *self._command], **quiet)

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        self._process.terminate()
        self._process.wait(timeout=30)


@pytest.fixture(scope="module")
def service(
    loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RestartingService]:
    path = tmp_path_factory.mktemp("restart") / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    store = Store(f"sqlite:///{path}")
    with store.session() as session:
        session.execute(
            insert(Reference),
            [
                {"key": f"m{number}", "number": 1000 + number, "title": f"Made {number}"}
                for number in range(MADE)
            ],
        )
    store.close()
    running = RestartingService(str(store.url))
    with Client(running.url, retries=20) as client:
        client.references.count()  # waits until it is ready
    yield running
    running.stop()


#: By number; those without one follow by their keys.
EXPECTED = [
    *(f"r{number}" for number in range(1, 403)),
    *(f"m{number}" for number in range(MADE)),
    *sorted(row["key"] for row in read_curated("references")[402:]),
]


def test_every_row_comes_once_though_the_service_is_restarted_in_the_middle(service):
    sent, answered = [], []
    with Client(service.url) as client:
        client._http.event_hooks = {"request": [sent.append], "response": [answered.append]}
        keys: list[str] = []
        for row in client.references.iterate():
            keys.append(row.key)
            if len(keys) == 1200:
                service.stop()
                service.start()  # and is not ready yet
    assert keys == EXPECTED
    assert len(sent) > len(answered) == 10


def test_a_download_goes_on_where_the_service_went_away(service, tmp_path):
    path = tmp_path / "references.csv"
    with Client(service.url) as client:
        pages = []

        def restart(response: object) -> None:
            pages.append(response)
            if len(pages) == 3:
                service.stop()
                service.start()

        client._http.event_hooks["response"].append(restart)
        client.download("references", path)
    lines = path.read_text(encoding="utf-8").split("\n")[1:-1]
    assert [line.partition(",")[0] for line in lines] == EXPECTED
    assert len(pages) == 10  # none twice


def test_another_program_goes_on_from_a_cursor(service):
    with Client(service.url) as client:
        stream = client.references.iterate()
        first = [next(stream).key for _ in range(777)]
        cursor = stream.cursor
    with Client(service.url) as client:
        rest = [row.key for row in client.references.iterate(cursor=cursor)]
    assert first + rest == EXPECTED
