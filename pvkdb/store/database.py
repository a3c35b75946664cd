"""Databases of pvkdb on SQLite and PostgreSQL: engines, sessions, revision of the schema."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, event, func, inspect, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from pvkdb.errors import DatabaseError, NotMigratedError
from pvkdb.store.changes import count_changes
from pvkdb.store.driver_errors import own_error
from pvkdb.store.drivers import PATIENCE_S, engine_of, log_of, parse_url

__all__ = ["Store"]


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the installed package, or beside it.

    Raises:
        DatabaseError: the installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise DatabaseError(f"no migrations found beside {package}; reinstall pvkdb")


#: Revision of the newest migration.
SCHEMA_REVISION = max(path.name[:4] for path in migrations_folder().glob("versions/[0-9]*.py"))
#: Revision of the oldest stores that are upgraded.
FIRST_REVISION = "0020"


class Store:
    """A database of pvkdb. Connections are opened when they are needed."""

    def __init__(
        self, url: str, call_limit_s: float = PATIENCE_S, lock_wait_s: float = 30.0
    ) -> None:
        """Prepare a store.

        PostgreSQL must answer each call within ``call_limit_s`` seconds; on SQLite a statement
        waits ``lock_wait_s`` for a lock.

        Raises:
            DatabaseError: the URL cannot be read or names an unsupported database.
        """
        self.url = parse_url(url)
        self.engine = engine_of(self.url, call_limit_s, lock_wait_s)
        count_changes(self.engine)
        #: Kept results in memory, by name, with the state of their data; one is made at a time.
        self.kept: dict[str, tuple[str, Any]] = {}
        self.computing = threading.RLock()
        self._closings = 0
        event.listen(self.engine, "connect", self._note_opened)
        event.listen(self.engine, "checkin", self._close_late)
        self._file: tuple[int, ...] | None = None
        self._unchanging = False
        if self.sqlite_path is not None:
            event.listen(self.engine, "do_connect", self._open_sqlite)

    @property
    def name(self) -> str:
        """URL without password and driver."""
        plain = self.url.set(drivername=self.url.get_backend_name())
        return plain.render_as_string(hide_password=True)

    @property
    def sqlite_path(self) -> Path | None:
        """File of an SQLite store, None for PostgreSQL."""
        return Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None

    def revision(self) -> str | None:
        """Return the revision of the database's schema; None if it has no tables of pvkdb.

        Raises:
            DatabaseError: the database cannot be reached.
        """
        path = self.sqlite_path
        if path is not None and not path.exists():
            return None
        engine = self.engine.execution_options(pvkdb_read_only=True)
        with self.reachable(), engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
            return None if row is None else str(row[0])

    def require_migrated(self) -> Store:
        """Return the store itself if its schema fits this version; else close it.

        Raises:
            NotMigratedError: tables are missing or of another revision; names the remedy.
            DatabaseError: the database cannot be reached.
        """
        try:
            found = self.revision()
            if found is None:
                raise self._no_tables()
            self.require_known(found)
            if found < SCHEMA_REVISION:
                raise NotMigratedError(
                    f"{self.name} has schema revision {found}, this version of pvkdb needs "
                    f"{SCHEMA_REVISION}; bring it up to date with: pvkdb upgrade"
                )
        except DatabaseError:
            self.close()
            raise
        return self

    def require_known(self, found: str) -> None:
        """Refuse a revision of the schema that this version neither has nor upgrades.

        Raises:
            NotMigratedError: it is older or newer; names the remedy.
        """
        if found > SCHEMA_REVISION:
            raise NotMigratedError(
                f"{self.name} has schema revision {found}, made by a later version of pvkdb than "
                f"this one ({SCHEMA_REVISION}); install that version"
            )
        if found < FIRST_REVISION:
            raise NotMigratedError(
                f"{self.name} has schema revision {found}, of a pvkdb before this one, which "
                f"upgrades from {FIRST_REVISION} on; make a new one with pvkdb init, import your "
                "papers into it, and bring over calculations: pvkdb jobs export of the pvkdb that "
                "made this one, then pvkdb jobs import"
            )

    def _no_tables(self) -> NotMigratedError:
        return NotMigratedError(f"{self.name} holds no pvkdb tables; create them with: pvkdb init")

    def _require_same_file(self) -> None:
        """Close connections to an SQLite file that was deleted or replaced.

        They would otherwise read and write a file that no longer has a name.
        """
        path = self.sqlite_path
        if path is None:
            return
        try:
            status = path.stat()
        except OSError:
            self.engine.dispose()
            raise self._no_tables() from None
        found: tuple[int, ...] = (status.st_dev, status.st_ino)
        if self._unchanging:  # for this program; another one may have changed it
            writable = os.access(path.parent, os.W_OK)
            found += (status.st_mtime_ns, log_of(path).exists(), writable)
        if self._file not in (None, found):
            self._unchanging = False
            self.engine.dispose()
        self._file = found

    def _open_sqlite(
        self, dialect: Dialect, record: ConnectionPoolEntry, arguments: list[str], named: Any
    ) -> Any:
        """Return a connection; where nothing may be written, to a file that does not change.

        Otherwise SQLite reads no database in WAL mode without files beside it: its log, and an
        index of the log. https://sqlite.org/wal.html#readonly
        """
        connection: Any = dialect.connect(*arguments, **named)
        try:
            connection.execute("SELECT 1 FROM sqlite_schema").close()
        except UnicodeDecodeError as error:  # the message of SQLite quotes what is damaged
            connection.close()
            raise sqlite3.DatabaseError("malformed database schema") from error
        except sqlite3.OperationalError as error:
            path = Path(arguments[0])
            if not os.access(path, os.R_OK) or os.access(path.parent, os.W_OK):
                return connection  # whose first statement fails for the same reason
            connection.close()
            log = log_of(path)
            if log.exists() and log.stat().st_size:
                raise DatabaseError(
                    f"{self.name} cannot be read: its newest rows are in {log.name}, for which its "
                    "folder must be writable; copy both files to such a folder"
                ) from error
            self._unchanging = True
            return dialect.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, **named)
        except sqlite3.DatabaseError:  # no database; nobody else would close it
            connection.close()
            raise
        return connection

    @contextmanager
    def session(
        self, *, read_only: bool = False, lock_wait_s: float | None = None
    ) -> Iterator[Session]:
        """Open a session in one transaction: committed at the end, rolled back on any error.

        On SQLite a transaction takes the write lock when it begins, so that no other one writes
        between its reads and writes; a ``read_only`` transaction takes no lock and never waits.

        Raises:
            StoreBusyError: another transaction held a lock for ``lock_wait_s`` seconds; by default
                for those of the store on SQLite, never on PostgreSQL.
            DatabaseError: the database cannot be used.
        """
        self._require_same_file()
        engine = self.engine.execution_options(
            pvkdb_read_only=read_only, pvkdb_lock_wait_s=lock_wait_s
        )
        known = {"pvkdb_store": self}
        with self.reachable(), Session(engine, info=known) as session, session.begin():
            yield session

    @contextmanager
    def page(self, session: Session) -> Iterator[None]:
        """Let a session read within the block, in a transaction that ends with the block.

        Between pages a slow reader holds no connection, and SQLite's log does not grow.
        """
        self._require_same_file()
        session.bind = self.engine.execution_options(pvkdb_read_only=True)
        with self.reachable(), session:
            yield

    def close(self) -> None:
        """Close pooled connections; those in use are closed when they are returned."""
        self._closings += 1
        self.engine.dispose()

    def _note_opened(self, connection: object, record: ConnectionPoolEntry) -> None:
        record.info["closings"] = self._closings

    def _close_late(self, connection: object, record: ConnectionPoolEntry) -> None:
        # The pool of this connection was disposed of and will not close it.
        if connection is not None and record.info.get("closings") != self._closings:
            record.invalidate()

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn errors of the driver within the block into errors of pvkdb.

        Raises:
            StoreAwayError: the database may be back in a moment.
            DatabaseError: it cannot be used as it is: full, read-only, damaged, without tables.
            UnstorableError: it works, but refuses a value.
        """
        try:
            yield
        except (StatementError, UnicodeEncodeError, OverflowError) as error:
            raise own_error(error, self.name) from error


def snapshot(session: Session) -> str:
    """Return a text that is the same for two sessions only if both see the same rows.

    It may differ where nothing changed. PostgreSQL returns the transactions that a snapshot sees.
    On SQLite the text holds whether other connections have committed (``data_version``) and how
    much this one has written; it can only be compared within one connection.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return str(session.scalar(select(func.pg_current_snapshot())))
    name = connection.info.setdefault("pvkdb_name", uuid.uuid4().hex)
    version = connection.exec_driver_sql("PRAGMA data_version").scalar()
    written = getattr(connection.connection.dbapi_connection, "total_changes", 0)
    return f"{name}:{version}:{written}"
