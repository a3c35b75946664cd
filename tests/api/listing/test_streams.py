"""Readers of files who stop reading hold neither the database nor the turns of others."""

from __future__ import annotations

import csv
import io
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.files.table_files import write_table

from ..conftest import Started

#: Copies of each device: their file is larger than all buffers between service and reader.
COPIES = 150

EXPORT = "/api/v1/export/devices?format=json"


def multiplied(store: Store, copies: int = COPIES, start: int = 0) -> None:
    """Add copies of every device of the literature, without layers and metrics."""
    with store.session() as session:
        names = [row[1] for row in session.execute(text("PRAGMA table_info(devices)"))]
        others = ", ".join(f'"{name}"' for name in names if name != "id")
        session.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE "
                f"i < :last) INSERT INTO devices (id, {others}) SELECT id || '-copy' || "
                f"substr('0000' || i, -4), {others} FROM devices, n WHERE id NOT LIKE '%-copy%'"
            ),
            {"first": start, "last": start + copies - 1},
        )


@pytest.fixture
def many(sqlite_store: Store) -> Store:
    multiplied(sqlite_store)
    return sqlite_store


def wait_until_idle(pid: int) -> None:
    """Wait until a service does nothing more, since all buffers are full."""
    process, used = psutil.Process(pid), -1.0
    while (now := sum(process.cpu_times()[:2])) > used + 0.1:
        used = now
        time.sleep(1.5)


class Stalled:
    """A reader of an export who reads nothing, or only some bytes, until told."""

    def __init__(self, address: str, caller: str, path: str = EXPORT) -> None:
        url = httpx.URL(address)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect((url.host, url.port or 80))
        self.socket.sendall(
            f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {caller}\r\n\r\n".encode()
        )

    def rest(self) -> bytes:
        """Everything that the service has sent and still sends."""
        parts = []
        try:
            while part := self.socket.recv(1 << 20):
                parts.append(part)
        except ConnectionResetError:
            pass
        self.socket.close()
        return b"".join(parts)


@pytest.fixture
def stalled(start: Started, many: Store) -> Iterator[tuple[str, Path]]:
    """A service whose readers of one address have all stopped reading; the file it serves."""
    with ExitStack() as opened:
        process, address = start(PVKDB_SEND_TIMEOUT_S="300", PVKDB_REQUEST_TIMEOUT_S="30")
        for _ in range(6):
            opened.callback(Stalled(address, "203.0.113.7").socket.close)
        wait_until_idle(process.pid)
        assert many.sqlite_path is not None
        yield address, many.sqlite_path


@pytest.mark.slow
def test_readers_who_stop_reading_hold_up_no_other_caller(stalled: tuple[str, Path]) -> None:
    address, _ = stalled
    for caller in ("203.0.113.8", "203.0.113.9"):
        answer = httpx.get(address + EXPORT, headers={"X-Forwarded-For": caller}, timeout=60)
        assert answer.status_code == 200
        assert len(answer.json()) > 10_000


@pytest.mark.slow
def test_readers_who_stop_reading_do_not_let_the_log_grow(stalled: tuple[str, Path]) -> None:
    _, path = stalled
    log = path.with_name(f"{path.name}-wal")
    before = log.stat().st_size  # of the rows of this store, which came in one transaction
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE filler (content BLOB)")
    for _ in range(60):
        writer.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
    writer.close()
    assert log.stat().st_size < before + 20_000_000


@pytest.mark.slow
def test_a_reader_who_takes_nothing_is_cut_off(many: Store, start: Started) -> None:
    process, address = start(PVKDB_SEND_TIMEOUT_S="1", PVKDB_REQUEST_TIMEOUT_S="30")
    whole = httpx.get(address + EXPORT, timeout=60).content
    readers = [Stalled(address, "203.0.113.7") for _ in range(6)]
    service, until = psutil.Process(process.pid), time.monotonic() + 60
    time.sleep(4)
    while any(each.status == "ESTABLISHED" for each in service.net_connections()):
        assert time.monotonic() < until
        time.sleep(0.5)
    for reader in readers:  # the last three had to wait for the first ones
        assert len(reader.rest()) < len(whole)
    again = httpx.get(address + EXPORT, headers={"X-Forwarded-For": "203.0.113.7"}, timeout=60)
    assert again.content == whole


@pytest.mark.slow
def test_a_file_read_in_pages_is_that_of_one_transaction(many: Store, start: Started) -> None:
    _, address = start()
    with many.session(read_only=True) as session:
        whole = write_table("devices", DEVICES.iterate(session, {}), "csv")
    assert httpx.get(f"{address}/api/v1/export/devices", timeout=60).content == whole


@pytest.mark.slow
def test_rows_added_meanwhile_repeat_no_row(many: Store, start: Started) -> None:
    process, address = start()
    with many.session(read_only=True) as session:
        before = [row.id for row in DEVICES.iterate(session, {})]
    reader = Stalled(address, "203.0.113.7", "/api/v1/export/devices")
    wait_until_idle(process.pid)
    multiplied(many, 2, start=COPIES)
    _, _, body = reader.rest().partition(b"\r\n\r\n")
    ids = [row["id"] for row in csv.DictReader(io.StringIO(body.decode()))]
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids)
    assert set(ids) >= set(before)
    assert len(ids) > len(before)
