"""A snapshot holds every export, with its types, as of one moment."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.tables import TABLES
from pvkdb.snapshots import writing
from pvkdb.snapshots.writing import one_moment, write_snapshot
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.files.table_files import write_table
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.references import Reference
from pvkdb.suitability import exported_rows

from ...structures import structure_row

DECLARED = {"number": "REAL", "integer": "INTEGER", "boolean": "BOOLEAN"}


def compute(store: Store) -> None:
    """Add a calculation and a structure, so that no table is empty."""
    with store.session() as session:
        material = register_material(session, parse_composition("CsPbBr3"), "Pm-3m")
        made = Calculation(key="k" * 64, kind="relax", material_id=material.id, parameters={})
        session.add(made)
        session.flush()
        session.add(structure_row("s1", material_id=material.id, calculation_id=made.id))


def records(database: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """The rows of a table of a snapshot, truth values as such."""
    database.row_factory = sqlite3.Row
    truths = [key for key, column in TABLES[name].dictionary().items() if column.type == "boolean"]
    found = [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
    for row in found:
        row |= {key: bool(row[key]) for key in truths if row[key] is not None}
    return found


def test_each_table_is_its_export(store: Store, tmp_path: Path) -> None:
    compute(store)
    folder = tmp_path / "all"
    with one_moment(store) as session:
        version = write_snapshot(session, folder)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resources = {each["name"]: each for each in package["resources"]}
    assert package["version"] == version
    assert package["licenses"][0]["name"] == "MIT"
    assert resources.keys() == {*TABLES, "sqlite"}
    with closing(sqlite3.connect(folder / "pvkdb.sqlite")) as database, store.session() as session:
        facts = dict(database.execute("SELECT * FROM pvkdb_dataset").fetchall())
        schemas = json.loads(facts["tables"])
        assert facts["version"] == version
        for name, row in TABLES.items():
            rows = json.loads(write_table(name, exported_rows(session, name), "json"))
            assert rows, name
            parquet = folder / resources[name]["path"]
            exported = write_table(name, exported_rows(session, name), "parquet")
            assert parquet.read_bytes() == exported
            assert pq.read_table(parquet).to_pylist() == rows
            assert records(database, name) == rows
            info = database.execute(f'PRAGMA table_info("{name}")').fetchall()
            assert [(each["name"], each["type"]) for each in info] == [
                (key, DECLARED.get(column.type, "TEXT")) for key, column in row.dictionary().items()
            ]
            assert resources[name]["rows"] == len(rows)
            fields = resources[name]["schema"]["fields"]
            assert [field["name"] for field in fields] == row.columns()
            assert schemas[name] == resources[name]["schema"]
            made = database.execute("SELECT sql FROM sqlite_schema WHERE name = ?", [name])
            (comments,) = next(made)
            for column in row.dictionary().values():
                assert f"-- {column.meaning}" in comments
    for resource in resources.values():
        content = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_it_holds_exports_rights_descriptions_and_no_more(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        names = {name for name in archive.namelist() if not name.endswith("/")}
        assert "MIT License" in archive.read("LICENSE").decode()
        assert "Shannon" in archive.read("NOTICE").decode()
        archive.extract("pvkdb.sqlite", tmp_path)
    parquet = {f"parquet/{name}.parquet" for name in TABLES}
    described = {"datapackage.json", "croissant.json"}
    assert names == {"LICENSE", "NOTICE", "pvkdb.sqlite", *described, *parquet}
    with closing(sqlite3.connect(tmp_path / "pvkdb.sqlite")) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        assert {name for (name,) in tables} == {*TABLES, "pvkdb_dataset"}
        devices = pd.read_sql_query("SELECT * FROM devices WHERE on_off_ratio > 1e6", database)
    assert devices["on_off_ratio"].dtype == "float64"
    assert 0 < len(devices) < 28


def test_equal_data_make_equal_files(packed: Path, sqlite_store: Store, tmp_path: Path) -> None:
    with one_moment(sqlite_store) as session:
        write_snapshot(session, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_what_others_write_meanwhile_is_left_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(session: Any, name: str) -> Any:
        if name == "devices":  # between tables
            with store.session() as writer:
                writer.add(Reference(key="late", title="Added while the snapshot is made"))
        return exported_rows(session, name)

    with store.session(read_only=True) as session:
        before = session.scalar(select(func.count()).select_from(Reference))
    monkeypatch.setattr(writing, "exported_rows", rows)
    with one_moment(store) as session:
        write_snapshot(session, tmp_path / "a.sqlite")
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        (found,) = database.execute('SELECT count(*) FROM "references"').fetchone()
    assert found == before
    with store.session(read_only=True) as session:
        assert session.get(Reference, "late") is not None


def test_what_exists_is_kept_and_what_fails_leaves_nothing(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    with one_moment(sqlite_store) as session:
        with pytest.raises(InputError, match=r"made exists; name a new folder"):
            write_snapshot(session, folder)
        with pytest.raises(InputError, match=r"missing/a\.zip cannot be written"):
            write_snapshot(session, tmp_path / "missing" / "a.zip")
        monkeypatch.setattr(writing, "legal_text", _full)
        with pytest.raises(InputError, match=r"No space left on device"):
            write_snapshot(session, folder / "a.zip")
        monkeypatch.setattr(writing, "_create", _full_database)
        with pytest.raises(InputError, match=r"a\.zip cannot be written: database or disk is full"):
            write_snapshot(session, folder / "a.zip")
    assert [*folder.iterdir()] == []


def _full_database(*_: object) -> str:
    raise sqlite3.OperationalError("database or disk is full")


def _full(name: str) -> str:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_snapshot_leaves_nothing_behind(
    sqlite_store: Store, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    killed = f"""
import os, sys
from pathlib import Path
from pvkdb.snapshots import writing
from pvkdb.store.database import Store

def packed(folder):
    print(*os.listdir(folder), flush=True)
    os.kill(os.getpid(), {number:d})

writing._packed = packed
with writing.one_moment(Store(sys.argv[1])) as session:
    writing.write_snapshot(session, Path(sys.argv[2]))
"""
    url = sqlite_store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", killed, url, str(folder / "all.zip")]
    # What removes the files shares the output, and this waits until both have ended.
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == -number, run.stderr
    assert "pvkdb.sqlite" in run.stdout
    assert [*folder.iterdir()] == []
