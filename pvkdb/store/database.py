"""Databases of pvkdb on SQLite and PostgreSQL: engines, sessions, revision of the schema."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy import exc as sql
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from pvkdb.errors import (
    DatabaseError,
    NotMigratedError,
    StoreAwayError,
    StoreBusyError,
    UnstorableError,
)


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

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}

#: Seconds within which PostgreSQL must accept a connection, and answer on one that was not in use.
CONNECT_S, ANSWER_S = 10, 5.0

#: Seconds within which PostgreSQL must answer any call: migrations and imports wait for minutes.
PATIENCE_S = 3600.0

#: Entry of a connection's ``info`` with the seconds that a call may take.
CALL_LIMIT = "pvkdb_call_limit_s"

#: Connections beyond the five that are kept open; a service uses nineteen at most.
_OVERFLOW = 15


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
        self.url = _parse(url)
        self.engine = _engine(self.url, lock_wait_s)
        self._call_limit_s = call_limit_s
        self._closings = 0
        event.listen(self.engine, "connect", self._note_opened)
        event.listen(self.engine, "checkout", self._set_call_limit)
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
        """Return the store itself if its schema fits this version.

        Raises:
            NotMigratedError: tables are missing or of another revision; names the remedy.
            DatabaseError: the database cannot be reached.
        """
        found = self.revision()
        if found == SCHEMA_REVISION:
            return self
        if found is None:
            raise self._no_tables()
        if found > SCHEMA_REVISION:
            raise self.too_new(found)
        raise NotMigratedError(
            f"{self.name} has schema revision {found}, this version of pvkdb needs "
            f"{SCHEMA_REVISION}; bring it up to date with: pvkdb upgrade"
        )

    def too_new(self, found: str) -> NotMigratedError:
        """Return the error for a schema made by a later version of pvkdb."""
        return NotMigratedError(
            f"{self.name} has schema revision {found}, made by a later version of pvkdb than this "
            f"one ({SCHEMA_REVISION}); install that version"
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
            found += (status.st_mtime_ns, _log_of(path).exists(), writable)
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
            raise sqlite3.DatabaseError("malformed database schema") from error
        except sqlite3.OperationalError as error:
            path = Path(arguments[0])
            if not os.access(path, os.R_OK) or os.access(path.parent, os.W_OK):
                return connection  # whose first statement fails for the same reason
            connection.close()
            log = _log_of(path)
            if log.exists() and log.stat().st_size:
                raise DatabaseError(
                    f"{self.name} cannot be read: its newest rows are in {log.name}, for which its "
                    "folder must be writable; copy both files to such a folder"
                ) from error
            self._unchanging = True
            return dialect.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, **named)
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
        with self.reachable(), Session(engine) as session, session.begin():
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

    def _set_call_limit(self, connection: object, record: ConnectionPoolEntry, _: object) -> None:
        record.info[CALL_LIMIT] = self._call_limit_s

    def _close_late(self, connection: object, record: ConnectionPoolEntry) -> None:
        record.info[CALL_LIMIT] = ANSWER_S
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
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            if not isinstance(error, DBAPIError) or _refuses_a_value(error):
                raise UnstorableError(f"the database refuses a value: {reason}") from error
            if "file is not a database" in reason:
                raise DatabaseError(
                    f"{self.name} is not an SQLite database, or is damaged; {_RESTORE}"
                ) from error
            away = StoreBusyError if _is_locked(error) else StoreAwayError
            kind = away if _may_be_back(error) else DatabaseError
            raise kind(f"{self.name} cannot be used: {reason}; {_remedy(reason)}") from error


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


#: Codes of temporary errors of PostgreSQL: connections (class 08),
#: shutdown and start, serialization, deadlocks, and locks that were not free in time.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING = ("08", "57P01", "57P02", "57P03", "40001", "40P01", "55P03")


def _is_locked(error: DBAPIError) -> bool:
    """Whether another transaction held a lock for too long: SQLite, or code 55P03."""
    locked = getattr(error.orig, "sqlstate", None) == "55P03"
    return locked or "database is locked" in str(error.orig)


def _may_be_back(error: DBAPIError) -> bool:
    """Whether an error means that the database is only unreachable or locked at present."""
    if not isinstance(error, OperationalError):
        return False
    reason = str(error.orig)
    if isinstance(error.orig, sqlite3.Error):
        return "database is locked" in reason
    code = getattr(error.orig, "sqlstate", None)
    # Errors without a code come from the client: the server did not answer, or refused the user.
    refused = "authentication failed" in reason or "does not exist" in reason
    return code.startswith(_PASSING) if code else not refused


#: What SQLite says about a damaged file; the last one of text that is not UTF-8.
_DAMAGED = ("disk image is malformed", "malformed database schema", "Could not decode to UTF-8")

_RESTORE = (
    "restore the file from a backup or snapshot, or save what can be read with: "
    "sqlite3 DAMAGED .recover | sqlite3 NEW"
)

#: Codes of PostgreSQL for a database that accepts no such statement, whatever the values:
#: read-only or in no such transaction, without the right, the table or the column.
_UNUSABLE = ("25", "42501", "42P01", "42703")


def _refuses_a_value(error: DBAPIError) -> bool:
    """Whether an error is due to the values of a statement, so that others can be stored."""
    code = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, OperationalError):
        return code.startswith("54") or "malformed JSON" in str(error.orig)
    # Damage and a broken connection come as their bases, DatabaseError and InterfaceError.
    base = type(error) in (sql.DatabaseError, sql.InterfaceError)
    return not base and not code.startswith(_UNUSABLE)


def _remedy(reason: str) -> str:
    if any(words in reason for words in _DAMAGED):
        return f"the file is damaged; {_RESTORE}"
    if "readonly database" in reason:
        return "the file or its folder may only be read; give its user the right to write there"
    if "is full" in reason or "No space left" in reason:
        return "make room on its disk; what was stored before is untouched"
    if "database is locked" in reason or "lock timeout" in reason:
        return "another program is writing; try again when it is done"
    return "check the URL in --database or PVKDB_DATABASE_URL, and the rights of its user"


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            f"{url!r} is not a database URL; write sqlite:///pvkdb.sqlite or "
            "postgresql://user@host/database"
        ) from error
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise DatabaseError(f"{backend!r} is not supported; use sqlite or postgresql")
    if parsed.drivername not in (backend, _DRIVERS[backend]):
        raise DatabaseError(
            f"the driver {parsed.drivername!r} is not supported; write {backend}://..."
        )
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise DatabaseError(f"{url!r} names no file; write sqlite:///pvkdb.sqlite")
    return parsed.set(drivername=_DRIVERS[backend])


def _engine(url: URL, lock_wait_s: float) -> Engine:
    options: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": _from_json}
    options["max_overflow"] = _OVERFLOW
    if url.get_backend_name() == "postgresql":
        url = url.set(query={"connect_timeout": str(CONNECT_S), **url.query})
        engine = create_engine(url, pool_pre_ping=True, **options)
        event.listen(engine, "do_connect", _connect_limited)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(url, connect_args={"timeout": lock_wait_s}, **options)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _to_json(value: Any) -> str:
    """Return JSON that both databases can store and search.

    Raises:
        UnstorableError: a number is not finite, or a text holds a NUL or half a surrogate pair.
    """
    try:
        text = json.dumps(value, allow_nan=False)
        if "\\ud" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise UnstorableError(f"a value cannot be written as JSON: {error}") from error
    if _NUL.search(text):
        raise UnstorableError("a text holds the character NUL, which no database stores in JSON")
    return text


def _from_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, or a table with its beginning where it is damaged."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"unreadable": str(text[:200])}


def _connect_limited(
    dialect: Dialect, record: ConnectionPoolEntry, arguments: Any, parameters: Any
) -> Any:
    """Open a connection to PostgreSQL that is closed if a call takes longer than its limit.

    Neither limits of the server nor of the network end a call to a server that is frozen.
    """
    connection: Any = dialect.connect(*arguments, **parameters)
    wait = connection.wait
    record.info[CALL_LIMIT] = ANSWER_S

    def limited(steps: Any) -> Any:
        began = time.monotonic()
        try:
            wanted = next(steps)
            while time.monotonic() - began < record.info[CALL_LIMIT]:
                wanted = steps.send((yield wanted))
        except StopIteration as end:
            return end.value
        connection.close()
        raise connection.OperationalError("the server does not answer")

    # Psycopg gives each call to this method as a generator, resumed every 0.1 s at least.
    connection.wait = lambda steps, *rest, **named: wait(limited(steps), *rest, **named)
    return connection


def _begin_postgresql(connection: Connection) -> None:
    if (wait_s := connection.get_execution_options().get("pvkdb_lock_wait_s")) is not None:
        milliseconds = str(round(1000 * wait_s))
        connection.exec_driver_sql(
            "SELECT set_config('lock_timeout', %s, true)", (milliseconds,)
        ).close()


def _configure_sqlite(connection: Any, record: object) -> None:
    # Python's sqlite3 would begin transactions by its own rules: not before a change of tables,
    # and not before a savepoint, whose release then commits. Begin them ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    with contextlib.suppress(sqlite3.OperationalError):  # a file that may only be read
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("pvkdb_migrating", False):
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # has no effect once begun
    read_only = options.get("pvkdb_read_only", False)
    if (wait_s := options.get("pvkdb_lock_wait_s")) is not None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"PRAGMA busy_timeout = {round(1000 * wait_s):d}")  # takes no parameters
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
