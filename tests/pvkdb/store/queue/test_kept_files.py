"""Files by their content: a folder and an object store of fsspec."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from pvkdb.errors import DatabaseError, NotFoundError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import CalculationFile
from pvkdb.store.queue import claims
from pvkdb.store.queue.kept_files import SETTING, FileStore, file_store, files_of, keep_files

from ....queueing import Queue


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return FileStore(
        str(tmp_path / "files") if request.param == "folder" else f"memory://{tmp_path.name}"
    )


def test_a_content_is_found_by_its_hash(place: FileStore) -> None:
    content = b"! total energy = -123.4 Ry\n"
    key = place.put(content)
    assert key == hashlib.sha256(content).hexdigest()
    assert place.put(content) == key
    assert place.get(key) == content
    assert place.get(place.put(b"")) == b""
    with pytest.raises(NotFoundError, match=SETTING):
        place.get("0" * 64)


def test_a_damaged_file_is_noticed_and_mended_by_the_next_put(tmp_path: Path) -> None:
    place = FileStore(str(tmp_path))
    key = place.put(b"whole")
    path = tmp_path / key[:2] / key
    path.write_bytes(b"wh")
    with pytest.raises(DatabaseError, match="damaged"):
        place.get(key)
    place.put(b"whole")
    assert place.get(key) == b"whole"


def test_what_cannot_be_written_is_told_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatabaseError, match="No space left on device; make room"):
        FileStore(str(tmp_path)).put(b"content")
    with pytest.raises(DatabaseError, match="nowhere"):  # a file system that is not installed
        FileStore("nowhere://bucket/x").put(b"content")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_kept_files_are_readable_as_the_database_is(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with sqlite3.connect(tmp_path / "pvkdb.sqlite") as database:
            database.execute("CREATE TABLE a (b)")
        database.close()
        key = FileStore(str(tmp_path / "files")).put(b"content")
    finally:
        os.umask(before)
    expected = (tmp_path / "pvkdb.sqlite").stat().st_mode
    assert (tmp_path / "files" / key[:2] / key).stat().st_mode == expected


def test_files_lie_beside_an_sqlite_store_and_where_the_setting_says(
    empty_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    if empty_store.sqlite_path is None:
        with pytest.raises(DatabaseError, match=f"every worker reaches; name it in {SETTING}"):
            file_store(empty_store)
    else:
        assert file_store(empty_store).url == str(tmp_path / "test-files")
    monkeypatch.setenv(SETTING, "memory://elsewhere")
    assert file_store(empty_store).url == "memory://elsewhere"


def test_without_a_place_the_log_says_that_files_were_not_kept(postgres_url, monkeypatch):
    """A result of PostgreSQL's store is not lost for want of a folder for its files."""
    monkeypatch.delenv(SETTING, raising=False)
    store = Store(postgres_url)
    kept, said = keep_files(store, {"pw-1.out": b"JOB DONE"})
    assert kept == []
    assert [line.message.partition(":")[0] for line in said] == ["files not kept (pw-1.out)"]
    assert SETTING in said[0].message
    assert keep_files(store, {}) == ([], [])
    store.close()


def test_files_are_recorded_with_the_result_and_go_with_a_retried_failure(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, str(tmp_path / "kept"))
    kept, said = keep_files(queue.store, {"pw.out": b"JOB DONE", "pw.in": b"&control"})
    assert said == []
    name = queue.ask(NebRequest(formula="CsPbBr3"))
    queue.claim("a")
    queue.fail(name, "a", "crashed", "no energy", files=kept)
    with queue.store.session() as session:
        assert [file.name for file in files_of(session, name)] == ["pw.in", "pw.out"]
        claims.requeue(session, name)
        assert files_of(session, name) == []
    queue.claim("a")
    queue.finish(name, "a", {}, {}, files=kept)
    with queue.store.session(read_only=True) as session:
        file = session.get_one(CalculationFile, (name, "pw.out"))
        assert file_store(queue.store).get(file.sha256) == b"JOB DONE"
        assert file.size == 8
