"""The whole dataset from the service: made once for all, checked, and held by no reader."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import EventKind
from pvkdb.schemas.tables import TABLES
from pvkdb.snapshots.writing import write_snapshot
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.references import Reference
from pvkdb.store.queue.log import note
from pvkdb_api.listing import snapshots

from ..conftest import Api

PATH = "/api/v1/snapshot"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that the service makes."""
    paths = []

    def write(session: Any, path: Path) -> str:
        paths.append(path)
        return write_snapshot(session, path)

    monkeypatch.setattr(snapshots, "write_snapshot", write)
    return paths


def test_the_archive_holds_the_exports(reading_api: Api) -> None:
    answer = reading_api.get(PATH)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-file-sha256"] == hashlib.sha256(answer.content).hexdigest()
    version = answer.headers["x-dataset-version"]
    assert answer.headers["content-disposition"] == f'attachment; filename="pvkdb-{version}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("datapackage.json"))["version"] == version
        for name in ("devices", "rankings"):
            table = pq.read_table(io.BytesIO(archive.read(f"parquet/{name}.parquet")))
            exported = reading_api.get(f"/api/v1/export/{name}", format="json").json()
            assert table.to_pylist() == exported


def test_sqlite_alone(reading_api: Api, tmp_path: Path) -> None:
    answer = reading_api.request(
        "GET", PATH, params={"format": "sqlite"}, headers={"Accept-Encoding": "gzip"}
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-file-sha256"] == hashlib.sha256(answer.content).hexdigest()
    (tmp_path / "a.sqlite").write_bytes(answer.content)
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert {*TABLES} <= {name for (name,) in tables}
    assert "'zip' or 'sqlite'" in reading_api.problem(PATH, 422, format="csv")["detail"]


@pytest.mark.slow
def test_ten_callers_make_one_file_until_the_data_change(api: Api, made: list[Path]) -> None:
    served = api.app.state.served
    answers = api.together([("GET", PATH, {})] * 10)
    assert {answer.status_code for answer in answers} == {200}
    (tag,) = {answer.headers["etag"] for answer in answers}
    again = api.request("GET", PATH, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert len(made) == 1

    with served.store.session() as session:
        session.add(Calculation(id="c1", key="k" * 64, kind="relax", parameters={}))
        note(session, "c1", EventKind.QUEUED)
    changed = api.get(PATH)
    assert changed.headers["etag"] != tag
    assert len(made) == 2
    with served.store.session() as session:
        note(session, "c1", EventKind.PROGRESS, "step 1")
    assert api.get(PATH).headers["etag"] == changed.headers["etag"]
    assert len(made) == 2
    with served.store.session() as session:
        session.get_one(Reference, "r36").year = 1999
    assert api.get(PATH).headers["etag"] != changed.headers["etag"]
    assert len(made) == 3
    assert not any(path.parent.exists() for path in made)


def test_a_reader_holds_no_connection_and_keeps_its_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PIECE_BYTES", 1000)
    served, files = api.app.state.served, api.app.state.snapshots
    first = files.readers["zip"](served)

    async def read(change: Callable[[], object]) -> bytes:
        pieces = [piece async for piece in first.pieces(first_only=True)]
        assert [len(piece) for piece in pieces] == [1000]
        content = b""
        async for piece in first.pieces(first_only=False):
            if not content:
                change()
            content += piece
        return content

    def change() -> None:
        assert served.store.engine.pool.checkedout() == 0
        with served.store.session() as session:
            session.add(Calculation(id="c1", key="k" * 64, kind="relax", parameters={}))
            note(session, "c1", EventKind.QUEUED)
        assert files.readers["zip"](served).sha256 != first.sha256

    content = asyncio.run(read(change))
    assert hashlib.sha256(content).hexdigest() == first.sha256
    assert first.size == len(content)


def test_a_head_has_the_headers_alone(reading_api: Api) -> None:
    answer, head = reading_api.get(PATH), reading_api.request("HEAD", PATH)
    assert head.content == b""
    for name in ("content-length", "etag", "x-file-sha256", "content-type"):
        assert head.headers[name] == answer.headers[name]


def test_a_full_disk_is_no_fault_of_the_caller(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: Any, path: Path) -> str:
        raise InputError(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr(snapshots, "write_snapshot", fail)
    problem = api.problem(PATH, 500)
    assert "space" not in problem["detail"]
    monkeypatch.undo()
    assert api.get(PATH).status_code == 200


def test_too_many_devices_are_left_to_the_command(
    reading_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvkdb_api.operations.rankings.MOST_RANKED", 20)
    assert "pvkdb snapshot" in reading_api.problem(PATH, 422)["detail"]
