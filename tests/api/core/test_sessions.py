"""Writers that wait for a lock leave the sessions of readers alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import text

from pvkdb.store.database import Store

from ..conftest import LOCAL_KEYS, Started

WRITERS = 25

#: Seconds for a read, and for the refusal of a write, on a busy machine; the documented limits
#: are 0.1 s and 5 s, and without them a read waits 30 s.
READ_S, WRITE_S = 4.0, 12.0


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the lock that every writer needs, as an import of another program does."""
    if store.sqlite_path is not None:
        other = sqlite3.connect(store.sqlite_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    with store.session() as session:
        session.execute(text("LOCK TABLE calculations IN EXCLUSIVE MODE"))
        yield


@pytest.mark.slow
def test_readers_go_on_while_writers_wait_for_another_program(store: Store, start: Started) -> None:
    url = store.url.render_as_string(hide_password=False)
    _, address = start(url, PVKDB_ALLOW_LOCAL_WRITES="1")
    headers = {"X-API-Key": LOCAL_KEYS[address]}
    with httpx.Client(base_url=address, timeout=60) as client:

        def post(number: int) -> tuple[httpx.Response, float]:
            began = time.monotonic()
            body = {"formula": "CsPbBr3", "settings": {"seed": number}}
            answer = httpx.post(
                f"{address}/api/v1/calculations", json=body, headers=headers, timeout=60
            )
            return answer, time.monotonic() - began

        assert client.get("/api/v1/devices", timeout=240).status_code == 200  # once it has started
        with locked(store), ThreadPoolExecutor(WRITERS) as threads:
            writing = [threads.submit(post, number) for number in range(WRITERS)]
            time.sleep(0.5)
            slowest = 0.0
            while not all(each.done() for each in writing):
                began = time.monotonic()
                assert client.get("/api/v1/devices?limit=1").status_code == 200
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.05)  # its log stays shorter than the pipe that takes it
            assert slowest < READ_S
            for each in writing:
                answer, seconds = each.result()
                assert answer.status_code == 503, answer.text
                assert answer.headers["retry-after"] == "5"
                assert "another" in answer.json()["detail"]
                assert seconds < WRITE_S
        answer, _ = post(0)
        assert answer.is_success


@pytest.mark.slow
def test_many_writers_at_once_all_succeed(store: Store, start: Started) -> None:
    url = store.url.render_as_string(hide_password=False)
    _, address = start(url, PVKDB_ALLOW_LOCAL_WRITES="1")
    headers = {"X-API-Key": LOCAL_KEYS[address]}

    def post(number: int) -> int:
        body = {"formula": "CsPbBr3", "settings": {"seed": number}}
        return httpx.post(
            f"{address}/api/v1/calculations", json=body, headers=headers, timeout=60
        ).status_code

    with ThreadPoolExecutor(WRITERS) as threads:
        assert set(threads.map(post, range(WRITERS))) == {202}
