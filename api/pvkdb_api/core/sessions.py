"""Sessions of the store for the routes: one transaction for each request, within the pool's size.

Plain ``def`` routes run in a pool of threads. Requests that hold a connection while they wait for
a thread, and threads that wait for a connection, would block each other. Therefore a request
first waits for its turn, without a thread, and then opens its session. At the deadline of the
request its statements are stopped.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, PvkdbError
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.database import Store

#: Sessions open at the same time; SQLAlchemy's default pool has 15 connections.
SESSIONS_AT_ONCE = 10

#: Dataset version in the headers while the database is unreachable.
NO_VERSION = "unavailable"


class TimeIsUpError(PvkdbError):
    """The deadline of the request has passed; the caller already has an answer."""


class RequestDeadline:
    """Interrupts the database statements of one request when its deadline passes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self.passed = False

    @contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Interrupt the statements that a session runs within the block when the deadline passes.

        Raises:
            TimeIsUpError: the deadline has passed already.
        """
        driver = session.connection().connection.dbapi_connection
        with self._lock:
            if self.passed:
                raise TimeIsUpError("the deadline passed before the work began")
            self._connection = driver
        try:
            yield
        finally:
            # Under the lock: a connection that is back in the pool must not be interrupted.
            with self._lock:
                self._connection = None

    def stop(self) -> None:
        """Interrupt the running statement. It waits for the database: not for the event loop."""
        with self._lock:
            self.passed = True
            if isinstance(self._connection, sqlite3.Connection):
                self._connection.interrupt()
            elif self._connection is not None:
                self._connection.cancel_safe(timeout=5.0)


class ServedStore:
    """The store of a service; its schema revision is checked once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.turns = asyncio.Semaphore(SESSIONS_AT_ONCE)
        self._migrated = False
        #: The dataset version that was last read.
        self.known_version: str | None = None

    @contextmanager
    def session(self, *, read_only: bool = True) -> Iterator[Session]:
        """Open a session in one transaction.

        Raises:
            NotMigratedError: the database lacks the tables of this version.
            DatabaseError: the database cannot be reached.
        """
        try:
            if not self._migrated:
                self.store.require_migrated()
                self._migrated = True
            with self.store.session(read_only=read_only) as session:
                yield session
        except DatabaseError:
            self._migrated = False
            raise

    def version(self) -> str:
        """Return the dataset version, or :data:`NO_VERSION`."""
        try:
            with self.session(read_only=True) as session:
                self.known_version = current_version(session)
                return self.known_version
        except DatabaseError:
            return NO_VERSION


def served_store(request: Request) -> ServedStore:
    """Return the store of the service that answers this request."""
    store: ServedStore = request.app.state.served
    return store


async def _turn(request: Request) -> AsyncIterator[None]:
    async with served_store(request).turns:
        yield


_Turn = Annotated[None, Depends(_turn, scope="function")]


def _session(request: Request, read_only: bool) -> Iterator[Session]:
    request.state.dataset_version = NO_VERSION
    served = served_store(request)
    with served.session(read_only=read_only) as session, until_deadline(request, session):
        request.state.dataset_version = served.known_version = current_version(session)
        yield session


def until_deadline(request: Request, session: Session) -> AbstractContextManager[None]:
    """Return a context in which the request's deadline interrupts the session's statements."""
    deadline: RequestDeadline | None = getattr(request.state, "deadline", None)
    return nullcontext() if deadline is None else deadline.watching(session)


def _reading(request: Request, _: _Turn) -> Iterator[Session]:
    yield from _session(request, read_only=True)


def _writing(request: Request, _: _Turn) -> Iterator[Session]:
    if not hasattr(request.state, "granted"):  # a mistake in the code, not of the caller
        raise RuntimeError(f"{request.url.path} writes without requiring a scope; see access.needs")
    yield from _session(request, read_only=False)


#: A session for reading; on SQLite it does not need the write lock.
ReadSession = Annotated[Session, Depends(_reading, scope="function")]

#: A session that is committed before the response is sent, or rolled back on an error.
WriteSession = Annotated[Session, Depends(_writing, scope="function")]


def _version(request: Request, _: ReadSession) -> str:
    version: str = request.state.dataset_version
    return version


#: The dataset version that the session of the request sees.
DatasetVersion = Annotated[str, Depends(_version, scope="function")]
