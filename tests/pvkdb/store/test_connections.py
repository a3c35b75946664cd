"""Connections of a store: none is left open or waits without end; damaged and read-only files."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.errors import DuplicatePreparedStatement
from sqlalchemy import exc as sql
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, ReadOnlyStoreError, StoreAwayError, StoreBusyError
from pvkdb.store import drivers
from pvkdb.store.database import Store
from pvkdb.store.driver_errors import own_error
from pvkdb.store.models.references import Reference

from ...conftest import read_only
from ...curated import REFERENCES


def test_a_connection_in_use_is_closed_when_it_is_given_back_after_the_store(empty_store):
    with empty_store.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        empty_store.close()
        connection.exec_driver_sql("SELECT 1")
    with pytest.raises(Exception, match=r"closed"):
        driver.cursor().execute("SELECT 1")


def test_a_closed_store_may_be_used_again(empty_store: Store) -> None:
    empty_store.close()
    with empty_store.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
    with empty_store.engine.connect() as connection:
        assert connection.connection.dbapi_connection is driver


def papers(store: Store) -> int:
    with store.session(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(Reference)) or 0


def title_of(store: Store) -> str:
    with store.session(read_only=True) as session:
        return session.get_one(Reference, "r1").title


def test_a_store_on_a_medium_that_may_only_be_read_is_read(medium: Path) -> None:
    """SQLite cannot make the files beside it that a store in WAL mode needs."""
    with read_only(medium):
        store = Store(f"sqlite:///{medium}/loaded.sqlite").require_migrated()
        assert papers(store) == REFERENCES
        for _ in range(2):
            with (
                pytest.raises(ReadOnlyStoreError, match="only be read; give its user"),
                store.session() as session,
            ):
                session.execute(update(Reference).values(journal="Changed"))
            assert papers(store) == REFERENCES
        assert [path.name for path in medium.iterdir()] == ["loaded.sqlite"]
    with store.session() as session:  # it may be written again
        session.execute(update(Reference).values(journal="Changed"))
    store.close()


def test_a_store_that_others_change_is_read_as_they_left_it(medium: Path) -> None:
    """Connections that take the file for unchangeable are kept only while it is unchanged."""
    store = Store(f"sqlite:///{medium}/loaded.sqlite")
    other = Store(f"sqlite:///{medium}/loaded.sqlite")
    for title in ("once", "twice"):
        with read_only(medium):
            for _ in range(3):
                assert title_of(store) != title
        with other.session() as session:
            session.execute(update(Reference).where(Reference.key == "r1").values(title=title))
        other.close()
        with read_only(medium):
            assert title_of(store) == title
    store.close()


def test_a_log_that_cannot_be_read_is_not_left_out(medium: Path, tmp_path: Path) -> None:
    """What is only in the log would be missing, without a word."""
    store = Store(f"sqlite:///{medium}/loaded.sqlite")
    copied = tmp_path / "copied"
    copied.mkdir()
    with store.session() as session:
        session.execute(update(Reference).where(Reference.key == "r1").values(title="in the log"))
    for name in ("loaded.sqlite", "loaded.sqlite-wal"):
        shutil.copy(medium / name, copied)
    store.close()
    with read_only(copied), pytest.raises(DatabaseError, match=r"loaded.sqlite-wal.*copy"):
        papers(Store(f"sqlite:///{copied}/loaded.sqlite"))


def test_a_damaged_file_is_called_damaged(damaged_sqlite: Path, loaded_sqlite: Path) -> None:
    with pytest.raises(DatabaseError, match=r"is damaged.*backup.*\.recover") as raised:
        Store(f"sqlite:///{damaged_sqlite}").require_migrated()
    assert "URL" not in str(raised.value)
    assert not isinstance(raised.value, StoreAwayError)
    shutil.copy(loaded_sqlite, damaged_sqlite)
    with sqlite3.connect(damaged_sqlite) as connection:
        connection.execute("UPDATE bibliography SET title = CAST(x'ff' AS TEXT) WHERE key = 'r1'")
    connection.close()
    store = Store(f"sqlite:///{damaged_sqlite}").require_migrated()
    with pytest.raises(DatabaseError, match="is damaged"), store.session(read_only=True) as session:
        session.scalars(select(Reference)).all()
    store.close()
    damaged_sqlite.write_bytes(bytes(4096) + loaded_sqlite.read_bytes()[4096:])
    with pytest.raises(DatabaseError, match="is damaged"):
        Store(f"sqlite:///{damaged_sqlite}").require_migrated()


def test_a_call_that_is_not_answered_ends_and_the_next_one_works(postgres_url: str) -> None:
    store = Store(postgres_url, call_limit_s=0.5)
    with pytest.raises(StoreAwayError, match="does not answer"), store.session() as session:
        session.execute(text("SELECT pg_sleep(300)"))
    with store.session() as session:
        assert session.scalar(text("SELECT 1")) == 1
    store.close()


def test_a_frozen_pooled_connection_is_replaced(postgres_url: str, monkeypatch) -> None:
    monkeypatch.setattr(drivers, "ANSWER_S", 1.0)
    store = Store(postgres_url)
    with store.session() as session:
        backend = psutil.Process(session.scalar(text("SELECT pg_backend_pid()")))
    backend.suspend()
    try:
        with store.session() as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) != backend.pid
    finally:
        backend.resume()
    store.close()


def test_long_statements_of_programs_are_not_cut(postgres_url: str, monkeypatch) -> None:
    monkeypatch.setattr(drivers, "ANSWER_S", 0.5)
    store = Store(postgres_url)
    with store.session() as session:
        session.execute(text("SELECT pg_sleep(1.5)"))
    store.close()


def test_a_writer_waits_for_a_lock_as_long_as_it_is_told(empty_store: Store) -> None:
    table = "DELETE FROM audit_log"
    with empty_store.session() as first:
        first.execute(text(table))
        if empty_store.sqlite_path is None:
            first.execute(text("LOCK TABLE audit_log IN EXCLUSIVE MODE"))
        began = time.monotonic()
        with (
            pytest.raises(StoreBusyError, match="another"),
            empty_store.session(lock_wait_s=0.3) as second,
        ):
            second.execute(text(table))
        assert time.monotonic() - began < 10
    with empty_store.session(lock_wait_s=0.3) as second:
        second.execute(text(table))


def test_a_session_read_in_pages_pins_no_log(sqlite_store: Store) -> None:
    path = sqlite_store.sqlite_path
    reading = Session()
    with sqlite_store.page(reading):
        reading.execute(text("SELECT count(*) FROM devices")).one()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE filler (content BLOB)")
    for _ in range(40):
        writer.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
    log = path.with_name(f"{path.name}-wal")
    assert log.stat().st_size < 20_000_000
    with sqlite_store.page(reading):
        assert reading.scalar(text("SELECT count(*) FROM filler")) == 40
    writer.close()


TWICE = DuplicatePreparedStatement('prepared statement "_pg3_0" already exists')
MANY = psycopg.OperationalError("FATAL:  sorry, too many clients already")


@pytest.mark.parametrize(
    ("reason", "wrapped", "kind", "remedy"),
    [
        (TWICE, sql.ProgrammingError, DatabaseError, "set max_prepared_statements"),
        (MANY, sql.OperationalError, StoreAwayError, "raise max_connections, or put PgBouncer in"),
    ],
)
def test_errors_of_many_connections_are_none_of_the_values(reason, wrapped, kind, remedy):
    """A worker would otherwise record a failure of its calculation."""
    error = own_error(wrapped("SELECT 1", {}, reason), "postgresql://host/pvkdb")
    assert type(error) is kind
    assert remedy in str(error)
