"""The whole dataset as files: one SQLite file, a Parquet file for each table, their description.

Everything is read in one transaction and once: rows go into both files as they come. The same data
give the same files; none names the time at which it was made.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sqlite3
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import metadata, resources
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.errors import InputError
from pvkdb.schemas.tables import TABLES, Row
from pvkdb.schemas.tables.columns import table_schema
from pvkdb.snapshots.croissant import croissant
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.database import Store
from pvkdb.store.files.table_files import FORMATS, stream_table
from pvkdb.suitability import exported_rows

#: Names within a snapshot.
SQLITE, PARQUET, PACKAGE = "pvkdb.sqlite", "parquet", "datapackage.json"
CROISSANT = "croissant.json"

SQLITE_TYPE = "application/vnd.sqlite3"
_TYPES = {"number": "REAL", "integer": "INTEGER", "boolean": "BOOLEAN"}


@contextmanager
def one_moment(store: Store) -> Iterator[Session]:
    """Open a session for reading that sees the data of one moment only, whatever it reads."""
    with store.session(read_only=True) as session:
        if store.sqlite_path is None:  # SQLite does so anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


@contextmanager
def draft_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for the block; it is also removed if this process is killed."""
    with TemporaryDirectory(prefix=prefix, dir=parent) as draft:
        # Removes it once the pipe from here closes; signals to this group do not reach it.
        remove = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], True)"
        command = [sys.executable, "-ISc", remove, draft]
        with Popen(command, stdin=PIPE, start_new_session=True):
            yield Path(draft)


def write_snapshot(session: Session, path: Path) -> str:
    """Write all tables to a new folder, ``.zip`` or ``.sqlite`` file; return the dataset version.

    Raises:
        InputError: the path exists, or cannot be written.
    """
    if path.exists():
        raise InputError(f"{path} exists; name a new folder, .zip or .sqlite file, or delete it")
    try:
        with draft_folder(f".{path.name}.", path.parent) as draft:
            folder = draft / "snapshot"
            (folder / PARQUET).mkdir(parents=True)
            if path.suffix == ".sqlite":
                version, _ = write_sqlite(session, folder / SQLITE)
                (folder / SQLITE).replace(path)
                return version
            version, rows = write_sqlite(session, folder / SQLITE, folder / PARQUET)
            for name in ("LICENSE", "NOTICE"):
                (folder / name).write_text(legal_text(name), encoding="utf-8")
            package = _package(folder, version, rows)
            for name, document in ((PACKAGE, package), (CROISSANT, croissant(package))):
                text = json.dumps(document, ensure_ascii=False, indent=2)
                (folder / name).write_text(f"{text}\n", encoding="utf-8")
            (_packed(folder) if path.suffix == ".zip" else folder).replace(path)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {reason}") from error
    return version


def write_sqlite(
    session: Session, path: Path, parquet: Path | None = None
) -> tuple[str, dict[str, int]]:
    """Write all tables into an SQLite file, and into Parquet files of a folder.

    Returns:
        The dataset version, and the number of rows of each table.
    """
    version, counts = current_version(session), {}
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
        for name, row in TABLES.items():
            database.execute(_create(name, row))
            before = database.total_changes
            rows = _inserted(database, name, exported_rows(session, name))
            if parquet is None:
                for _ in rows:
                    pass
            else:
                with (parquet / f"{name}.parquet").open("wb") as file:
                    file.writelines(stream_table(name, rows, "parquet"))
            counts[name] = database.total_changes - before
        _describe(database, version)
        database.execute("COMMIT")
    return version, counts


def _create(name: str, row: type[Row]) -> str:
    """Return the statement that makes a table; the meanings of its columns stay in it."""
    lines = []
    for column in row.dictionary().values():
        required = " NOT NULL" if column.empty is None else ""
        unit = f" ({column.unit})" if column.unit else ""
        kind = _TYPES.get(column.type, "TEXT")
        lines.append(f'  "{column.name}" {kind}{required}, -- {column.meaning}{unit}\n')
    key = ", ".join(f'"{column}"' for column in row.primary_key)
    return f'CREATE TABLE "{name}" ( -- {row.purpose}\n{"".join(lines)}  PRIMARY KEY ({key})\n)'


def _inserted(database: sqlite3.Connection, name: str, rows: Iterator[Row]) -> Iterator[Row]:
    """Yield rows, each once it is in the table."""
    insert = f'INSERT INTO "{name}" VALUES ({", ".join("?" for _ in TABLES[name].columns())})'
    for row in rows:
        database.execute(insert, [*row.model_dump(mode="json").values()])
        yield row


def _describe(database: sqlite3.Connection, version: str) -> None:
    schemas = {name: table_schema(name, row, row.columns()) for name, row in TABLES.items()}
    facts = {
        "version": version,
        "pvkdb": __version__,
        "licence": legal_text("LICENSE"),
        "notice": legal_text("NOTICE"),
        "tables": json.dumps(schemas, ensure_ascii=False),
    }
    database.execute("CREATE TABLE pvkdb_dataset (name TEXT, value TEXT)")
    database.executemany("INSERT INTO pvkdb_dataset VALUES (?, ?)", facts.items())


def _package(folder: Path, version: str, rows: dict[str, int]) -> dict[str, Any]:
    """Return the Data Package of a snapshot."""
    paths = {name: f"{PARQUET}/{name}.parquet" for name in TABLES}
    files = {
        name: {**_file(folder / path, path, FORMATS["parquet"]), "rows": rows[name]}
        for name, path in paths.items()
    }
    sqlite = {"name": "sqlite", **_file(folder / SQLITE, SQLITE, SQLITE_TYPE)}
    return data_package(version, files, sqlite)


def data_package(
    version: str, files: Mapping[str, Mapping[str, Any]], *others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the Data Package of all tables, with facts on the file of each, and other files.

    Licence and sources are those of the curated files.
    """
    curated = resources.files("pvkdb.literature") / PACKAGE
    head: dict[str, Any] = json.loads(curated.read_text(encoding="utf-8"))
    head |= {
        "name": "pvkdb",
        "title": f"pvkdb: halide-perovskite memristors, dataset {version}",
        "version": version,
        "description": "Every table that pvkdb exports, as Parquet and together in one SQLite "
        "file: literature, computed results, rankings. LICENSE is the licence, NOTICE names what "
        "is taken from others; a structure from another database has its own licence in `origin`. "
        "Additions to the standard: `unit` (1 is a pure number), "
        "`unit_column`, `empty` (what an empty cell means) and `source` of a field, `rows` of a "
        "resource.",
        "resources": [*others],
    }
    for name, row in TABLES.items():
        described = {
            "name": name,
            "type": "table",
            "description": f"{row.purpose} A row: {inspect.getdoc(row)}",
            **files[name],
            "schema": table_schema(name, row, row.columns()),
        }
        head["resources"].append(described)
    return head


def _file(file: Path, path: str, media_type: str) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size, kind = file.stat().st_size, file.suffix[1:]
    facts = {"path": path, "format": kind, "mediatype": media_type, "bytes": size}
    return facts | {"hash": f"sha256:{digest}"}


def _packed(folder: Path) -> Path:
    """Return a ZIP archive of a folder, made beside it; its files have the earliest date of ZIP."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(folder.rglob("*")):
            os.utime(file, (0, 0))
            archive.write(file, file.relative_to(folder))
    return path


def legal_text(name: str) -> str:
    """Return the text of a file with rights: beside the package, or kept by the installer."""
    beside = Path(__file__).parents[2] / name
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    return metadata.distribution("pvkdb").read_text(f"licenses/{name}") or ""
