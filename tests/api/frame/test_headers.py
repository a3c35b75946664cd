"""HEAD is answered wherever GET is, with its headers and without a body."""

from __future__ import annotations

import asyncio
import http.client
import re

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pvkdb_api.explorer.pages import ROUTERS
from pvkdb_api.explorer.site.assets import asset_url
from pvkdb_api.frame.headers import Headers
from pvkdb_api.rest import export

from ..conftest import Api, Started

#: Headers that differ between two requests anyway.
_OWN = {"x-request-id", "date"}
PATHS = (
    *("/", "/compositions", "/jobs", "/docs", "/openapi.json", "/livez", "/readyz", "/metrics"),
    *("/api/v1/devices", "/api/v1/tolerance/CsPbBr3", "/api/v1/export/devices?format=csv"),
    *("/api/v1/export/energetics?format=parquet", "/api/v1/structures/file", "/optimade"),
    *("/optimade/versions", "/optimade/v1/references", asset_url("style.css"), "/nowhere"),
    *("/api/v1/devices/nothing", "/api/v1/devices?limit=x", "/optimade/v1/structures?filter=x"),
)


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get_and_no_body(reading_api: Api, path: str) -> None:
    get, head = (reading_api.request(method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    shown, expected = (
        {name: value for name, value in answer.headers.items() if name not in _OWN}
        for answer in (head, get)
    )
    if path == "/metrics":  # its numbers count these requests
        del shown["content-length"], expected["content-length"]
    assert shown == expected


def test_every_route_with_get_answers_head(reading_api: Api) -> None:
    paths = [p for p, methods in reading_api.app.openapi()["paths"].items() if "get" in methods]
    paths += [r.path for each in ROUTERS for r in each.routes if "GET" in r.methods]
    assert len(paths) > 50
    for path in paths:
        answer = reading_api.request("HEAD", re.sub(r"{[^}]*}", "x", path))
        assert answer.status_code in (200, 303, 307, 308, 404, 422), path
        assert answer.content == b""


@pytest.mark.parametrize(("processes", "together", "ended"), [(1, 2, 0), (2, 1, 0), (2, 2, 1)])
def test_of_several_processes_a_busy_one_ends_connections(
    reading_api: Api, processes: int, together: int, ended: int
) -> None:
    async def ask() -> list[str | None]:
        arrived = asyncio.Barrier(together)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await arrived.wait()
            await Response()(scope, receive, send)

        busy = Headers(answer, reading_api.app.state.served, processes)
        transport = httpx.ASGITransport(busy)
        async with httpx.AsyncClient(transport=transport, base_url="http://pvkdb") as client:
            answers = await asyncio.gather(*(client.get("/") for _ in range(together)))
        assert busy.running == 0
        return [each.headers.get("connection") for each in answers]

    # The last of those that it has is answered alone.
    assert asyncio.run(ask()).count("close") == ended


def test_head_of_an_export_makes_its_beginning_only(reading_api: Api, monkeypatch) -> None:
    made = []

    def pieces(*_: object, **__: object):
        for number in range(100):
            made.append(number)
            yield b"row\n" * 20_000  # smaller ones are joined

    monkeypatch.setattr(export, "stream_table", pieces)
    assert reading_api.request("HEAD", "/api/v1/export/devices").status_code == 200
    assert made == [0]
    assert len(reading_api.get("/api/v1/export/devices").content) == 8_000_000


@pytest.mark.slow
def test_a_connection_goes_on_after_head(start: Started) -> None:
    _, address = start()
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    for path in ("/", "/api/v1/devices", "/api/v1/export/devices", "/nowhere"):
        for method in ("HEAD", "GET"):
            connection.request(method, path)
            answer = connection.getresponse()
            assert bool(answer.read()) == (method == "GET"), path
    connection.close()


@pytest.mark.parametrize("path", ["/api/v1/references", "/api/v1/export/ions", "/openapi.json"])
def test_long_answers_are_compressed_where_understood(reading_api: Api, path: str) -> None:
    packed = reading_api.request("GET", path, headers={"Accept-Encoding": "gzip"})
    plain = reading_api.request("GET", path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # httpx has unpacked it
    if "content-length" in packed.headers:  # a file that is sent while it is made has none
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "accept-encoding" in packed.headers["vary"].lower()
    short = reading_api.request("GET", "/healthz", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in short.headers
