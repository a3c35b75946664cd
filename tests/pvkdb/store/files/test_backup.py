"""Backup and restore: rows in the write-ahead log, while somebody writes."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import DatabaseError, InputError
from pvkdb.literature.importing import import_files
from pvkdb.store.collections import LISTED
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.database import Store
from pvkdb.store.files.backup import copy_sqlite, postgresql_commands

PAPER = """
reference: {authors: [B. Ackup], title: Saved, journal: J. Save, year: 2026}
energetics:
  - {material: CsPbBr3, defect: V_Br, quantity: E_A, value: 0.37 eV, method: DFT, source: p. 1}
"""


def contents(session: Session) -> list[object]:
    rows = [
        [row.model_dump() for row in LISTED[name].iterate(session, {})]
        for name in ("references", "energetics", "devices", "device_claims")
    ]
    return [current_version(session), *rows]


def of_file(path: Path) -> list[object]:
    store = Store(f"sqlite:///{path}").require_migrated()
    try:
        with store.session(read_only=True) as session:
            return contents(session)
    finally:
        store.close()


def test_a_restored_backup_has_what_was_only_in_the_log(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = sqlite_store.sqlite_path
    assert source is not None
    paper = tmp_path / "saved.yaml"
    paper.write_text(PAPER, encoding="utf-8")
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # A reader of this moment keeps what follows in the log.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM energetics").fetchone()
        with sqlite_store.session() as session:
            import_files(session, [paper])
        with sqlite_store.session(read_only=True) as session:
            expected = contents(session)
        assert Path(f"{source}-wal").stat().st_size > 0
        plain = tmp_path / "plain.sqlite"
        shutil.copy(source, plain)
        stop, written = threading.Event(), threading.Event()

        def write() -> None:
            with closing(sqlite3.connect(source, timeout=60)) as writer:
                while not stop.is_set():
                    writer.execute("UPDATE data_changes SET number = number + 1")
                    writer.commit()
                    written.set()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            assert written.wait(60)
            copy_sqlite(source, tmp_path / "backup.sqlite")
        finally:
            stop.set()
            thread.join()
    restored = tmp_path / "restored.sqlite"
    shutil.copy(tmp_path / "backup.sqlite", restored)
    assert of_file(restored) == expected
    lost = of_file(plain)
    assert lost[0] != expected[0]
    assert len(lost[2]) + 1 == len(expected[2])  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.glob(".backup*")] == []


def test_a_backup_replaces_nothing_unless_asked_and_copies_nothing_damaged(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source, target = sqlite_store.sqlite_path, tmp_path / "backup.sqlite"
    assert source is not None
    target.write_text("the only copy")
    with pytest.raises(InputError, match="--replace"):
        copy_sqlite(source, target)
    assert target.read_text() == "the only copy"
    with pytest.raises(InputError, match="exists"):
        copy_sqlite(source, source, replace=True)
    copy_sqlite(source, target, replace=True)
    with sqlite_store.session(read_only=True) as session:
        assert of_file(target) == contents(session)
    damaged = bytearray(target.read_bytes())
    for page in range(2, len(damaged) // 4096, 3):
        damaged[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    (tmp_path / "damaged.sqlite").write_bytes(damaged)
    with pytest.raises(DatabaseError, match="damaged"):
        copy_sqlite(tmp_path / "damaged.sqlite", tmp_path / "other.sqlite")
    with pytest.raises(DatabaseError, match="does not exist"):
        copy_sqlite(tmp_path / "none.sqlite", tmp_path / "other.sqlite")
    assert not (tmp_path / "other.sqlite").exists()


def test_postgresql_gets_its_commands_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://ada:s3cret@db.example.org:5433/pv?password=s3cret&sslmode=require"
    dump, restore = postgresql_commands(Store(url), tmp_path / "a b.dump")
    place = "postgresql://ada@db.example.org:5433/pv?sslmode=require"
    assert place in dump
    assert place in restore
    assert "s3cret" not in dump + restore
    assert f"'--file={tmp_path}/a b.dump'" in dump
    answer = CliRunner().invoke(app, ["backup", "x.dump", "--database", url])
    assert (answer.exit_code, "pg_dump --format=custom" in answer.output) == (0, True)


def test_the_command_says_what_else_to_copy(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVKDB_FILES_URL", "s3://bucket/pvkdb")
    target = tmp_path / "backup.sqlite"
    answer = CliRunner().invoke(app, ["backup", str(target), "--database", sqlite_store.name])
    assert (answer.exit_code, target.exists()) == (0, True)
    assert "s3://bucket/pvkdb" in answer.output
