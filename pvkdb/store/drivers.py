"""How SQLite and PostgreSQL are opened: drivers, limits of calls, JSON, and transactions."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from pvkdb.errors import DatabaseError, UnstorableError

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}

#: Seconds within which PostgreSQL must accept a connection, and answer on one that was not in use.
CONNECT_S, ANSWER_S = 10, 5.0

#: Seconds within which PostgreSQL must answer any call: migrations and imports wait for minutes.
PATIENCE_S = 3600.0

#: Entry of a connection's ``info`` with the seconds that a call may take.
CALL_LIMIT = "pvkdb_call_limit_s"

#: Connections beyond the five that are kept open; a service uses twenty-one at most.
_OVERFLOW = 16


def log_of(path: Path) -> Path:
    """Return the path of the log (WAL) of an SQLite file."""
    return path.with_name(f"{path.name}-wal")


def parse_url(url: str) -> URL:
    """Return the URL of a database with the driver that pvkdb uses.

    Raises:
        DatabaseError: it cannot be read or names an unsupported database.
    """
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


def engine_of(url: URL, call_limit_s: float, lock_wait_s: float) -> Engine:
    """Return an engine on a database.

    PostgreSQL must answer each call within ``call_limit_s`` seconds; on SQLite a statement waits
    ``lock_wait_s`` for a lock.
    """
    options: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": _from_json}
    options["max_overflow"] = _OVERFLOW
    if url.get_backend_name() == "postgresql":
        url = url.set(query={"connect_timeout": str(CONNECT_S), **url.query})
        engine = create_engine(url, pool_pre_ping=True, **options)
        event.listen(engine, "do_connect", _connect_limited)
        event.listen(engine, "checkout", partial(_limit_calls, call_limit_s))
        event.listen(engine, "checkin", partial(_limit_calls, ANSWER_S))
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


def _limit_calls(
    limit_s: float, connection: object, record: ConnectionPoolEntry, *_: object
) -> None:
    record.info[CALL_LIMIT] = limit_s


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
