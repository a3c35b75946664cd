"""A service that never ends its answer, or packs too much into it, is not followed for ever."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from pvkdb.client import AsyncClient, Client, UnavailableError
from pvkdb.errors import InputError, ServiceError

from ..answers import EMPTY, Told, answering, page

Answer = Callable[[socket.socket, threading.Event], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def service(answer: Answer) -> Iterator[str]:
    """A server that answers every connection in this way; yields its address."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve_one(connection: socket.socket) -> None:
        try:
            with connection:
                connection.recv(65_536)
                answer(connection, over)
        except OSError:
            pass  # the client went away

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    over.set()
    listening.close()


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def dribbling(start: bytes, piece: bytes) -> Answer:
    """Sends a start, then a piece ten times a second, for ever."""

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.wait(0.1):
            connection.sendall(piece)

    return answer


def busy(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(
        b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


ENDLESS = {
    "says nothing": silent,
    "header for ever": dribbling(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "body for ever": dribbling(HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "chunks for ever": dribbling(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "error for ever": dribbling(b"HTTP/1.1 500 Bad\r\nContent-Length: 9999\r\n\r\n", b" "),
    "busy for ever": busy,
}


def count(kind: type[Client] | type[AsyncClient], address: str, **options: float) -> int:
    """The number of devices of a service, by one of the clients."""
    if issubclass(kind, Client):
        with kind(address, **options) as client:
            return client.devices.count()

    async def counting() -> int:
        async with kind(address, **options) as client:
            return await client.devices.count()

    return asyncio.run(counting())


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_request_ends_with_its_retries_and_answer_after_its_limit(kind, answer) -> None:
    began = time.monotonic()
    with service(answer) as address, pytest.raises(UnavailableError, match=r"limit_s|503"):
        count(kind, address, limit_s=0.7, retries=100, patience_s=1000)
    assert time.monotonic() - began < 20  # on a machine that has other work, too


def test_a_connection_that_is_used_again_has_the_limit_of_each_request() -> None:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        body = json.dumps(EMPTY).encode()
        connection.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        connection.recv(65_536)
        dribbling(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n")(connection, over)

    with service(answer) as address, Client(address, limit_s=2, retries=0) as client:
        assert client.devices.count() == 0
        with pytest.raises(UnavailableError, match="limit_s"):
            client.devices.count()


def packed(times: int) -> bytes:
    """250 MB of blanks behind a whole answer, packed some times over."""
    content = json.dumps(EMPTY).encode() + b" " * 250_000_000
    for _ in range(times):
        content = gzip.compress(content)
    return content


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_packed_answer_is_not_unpacked_beyond_the_limit(kind) -> None:
    bomb = packed(1)
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head + bomb)

    with service(answer) as address:
        assert len(bomb) < 300_000
        tracemalloc.start()
        with pytest.raises(ServiceError, match=r"more than 5 MB.*max_answer_mb"):
            count(kind, address, max_answer_mb=5)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 200e6


def test_only_the_packing_that_was_asked_for_is_unpacked() -> None:
    told = Told(httpx.Response(200, json=EMPTY))
    with Client("http://service", transport=told) as client:
        client.devices.count()
    assert told.requests[0].headers["Accept-Encoding"] == "gzip"
    bomb = packed(2)
    head = HEAD + b"Content-Encoding: gzip, gzip\r\n" + f"Content-Length: {len(bomb)}\r\n".encode()

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head + b"\r\n" + bomb)

    with service(answer) as address, pytest.raises(ServiceError, match="'gzip, gzip'"):
        count(Client, address, max_answer_mb=5)


def test_a_plain_answer_and_a_download_have_the_same_limit(tmp_path) -> None:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + b"\r\n")
        while not over.is_set():
            connection.sendall(b" " * 100_000)

    with service(answer) as address, Client(address, max_answer_mb=2) as client:
        for call in (
            client.devices.count,
            lambda: client.export("devices"),
            lambda: client.download("devices", tmp_path / "d.json", format="json"),
        ):
            with pytest.raises(ServiceError, match="more than 2 MB"):
                call()
    assert list(tmp_path.iterdir()) == []


def test_damaged_packing_is_tried_again(pauses) -> None:
    bad = httpx.Response(
        200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip")
    )
    with answering(bad, httpx.Response(200, json=EMPTY)) as client:
        assert client.devices.count() == 0
    assert pauses == [0.25]


@pytest.mark.parametrize("name", ["limit_s", "max_answer_mb", "retries", "patience_s"])
def test_limits_are_not_negative(name) -> None:
    with pytest.raises(InputError, match=f"{name}=-1 is negative"):
        Client("http://service", **{name: -1})


# ── Cursors ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cursors", [["a"], [""], ["a", "b"], ["a", "b", "c", "b"]], ids=str)
@pytest.mark.parametrize("read", ["search", "iterate", "screenings", "download"])
def test_a_repeated_cursor_is_followed_once(cursors, read, tmp_path) -> None:
    told = Told(*(page([], 9, cursor) for cursor in [*cursors, *cursors[:1], "z"]))
    with Client("http://service", transport=told) as client:
        calls = {
            "search": lambda: list(client.devices.search()),
            "iterate": lambda: list(client.devices.iterate()),
            "screenings": lambda: list(client.screenings.runs()),
            "download": lambda: client.download("devices", tmp_path / "d.csv"),
        }
        with pytest.raises(ServiceError, match=r"the cursor .* twice"):
            calls[read]()
    sent = [request.url.params.get("cursor", "") for request in told.requests]
    assert len(sent) == len(set(sent))
