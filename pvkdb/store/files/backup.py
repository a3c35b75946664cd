"""Backup of a store: a copy of an SQLite file, or the commands of PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from shlex import join
from uuid import uuid4

from sqlalchemy import URL

from pvkdb.errors import DatabaseError, InputError
from pvkdb.store.database import Store


def copy_sqlite(source: Path, target: Path, replace: bool = False) -> None:
    """Copy a database of one moment, while others write, and check the copy.

    It is one file, without a write-ahead log, and takes its name once it is whole.

    Raises:
        InputError: the file exists and is not to be replaced, or it is open.
        DatabaseError: there is no database, it cannot be copied, or the copy is damaged.
    """
    if not source.exists():
        raise DatabaseError(f"{source} does not exist; name the database with --database")
    if target.exists() and (not replace or target.samefile(source)):
        raise InputError(f"{target} exists; name another file, or replace it with --replace")
    if Path(f"{target}-wal").exists():
        raise InputError(f"{target} is open in another program; name another file")
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(part)) as new,
        ):
            old.backup(new)  # all pages in one step: of one moment, however much is written
            new.execute("PRAGMA journal_mode = DELETE")
            (found,) = new.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok" or new.execute("PRAGMA foreign_key_check").fetchone():
                raise DatabaseError(f"{source} is damaged, and was not backed up: {found}")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{source} cannot be copied to {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def postgresql_commands(store: Store, target: Path) -> list[str]:
    """Return the commands that back a store up and restore it; they ask for the password."""
    url = store.url.difference_update_query(["password", "sslpassword"])
    place = url._asdict() | {"drivername": "postgresql", "password": None}
    address = URL.create(**place).render_as_string()
    restore = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction"]
    return [
        join(["pg_dump", "--format=custom", f"--file={target}", address]),
        join([*restore, f"--dbname={address}", str(target)]),
    ]
