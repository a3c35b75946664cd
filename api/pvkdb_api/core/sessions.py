"""Sessions of the store for the routes: one transaction for each request, within the pool's size.

Plain ``def`` routes run in a pool of threads. Requests that hold a connection while they wait for
a thread, and threads that wait for a connection, would block each other. Therefore a request
first waits for its turn, without a thread, and then opens its session. At the deadline of the
request its statements are stopped. Writers have turns of their own: what waits for the lock of
another program keeps no reader waiting. So have requests that compute for long (:data:`HEAVY`),
behind which no short one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, PvkdbError, StoreAwayError, StoreBusyError
from pvkdb.store.changes import SEEN, data_changes
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.curation.kept import LAG, Lag
from pvkdb.store.database import Store
from pvkdb.store.drivers import CALL_LIMIT
from pvkdb_api.core.paths import API

Result = TypeVar("Result")

#: Sessions of readers open at the same time.
SESSIONS_AT_ONCE = 3

#: Sessions of heavy readers: of what computes, as many as leave most of a processor to others.
HEAVY_AT_ONCE = 2

#: Beginnings of the paths of heavy requests: what ranks, predicts, simulates or reads whole tables.
HEAVY = tuple(
    f"{prefix}{path}"
    for prefix, paths in {
        API: ("/rankings/", "/compare", "/series", "/kinetics", "/crossbar", "/simulat", "/hull"),
        "": ("/applications", "/compare", "/series", "/crossbar", "/compositions/", "/operations"),
    }.items()
    for path in paths
)

#: Seconds between looks at the number of changes of the data.
WATCH_S = 1.0

#: Sessions of writers; SQLite has one writer at a time, and its lock keeps no order of waiting.
WRITERS_AT_ONCE = {"sqlite": 1, "postgresql": 3}

#: Papers read at the same time, each by a process of its own.
PREPARED_AT_ONCE = 2

#: Share of a request's time in which it is prepared; the rest is for the database and the answer.
PREPARING = 0.9

#: Share of a request's time in which its turn must come; the rest is for the answer.
WAITING = 0.75

#: Seconds that a write waits for its turn and for locks together, before it is refused.
WRITE_WAIT_S = 4.0

#: Seconds beyond a request's deadline until its call of the database is given up.
CALL_GRACE_S = 5.0

#: Dataset version in the headers while none is known.
NO_VERSION = "unavailable"

#: Seconds that an answer without a session waits for the dataset version.
VERSION_WAIT_S = 0.5


class TimeIsUpError(PvkdbError):
    """The deadline of the request has passed; the caller already has an answer."""


class NoAnswerError(StoreAwayError):
    """The database does not answer; it may be frozen or overloaded."""


class NoTurnError(StoreAwayError):
    """Other requests keep the service busy for longer than this one may wait for its turn."""


class RequestDeadline:
    """Interrupts the database statements of one request when its deadline passes."""

    def __init__(self, seconds: float) -> None:
        self.turn_until = time.monotonic() + WAITING * seconds
        self.prepared_until = time.monotonic() + PREPARING * seconds
        self._lock = threading.Lock()
        self._connection: Any = None
        self._info: dict[Any, Any] = {}
        self.passed = False

    @contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Interrupt the statements that a session runs within the block when the deadline passes.

        Raises:
            TimeIsUpError: the deadline has passed already.
        """
        connection = session.connection()
        driver = connection.connection.dbapi_connection
        with self._lock:
            if self.passed:
                raise TimeIsUpError("the deadline passed before the work began")
            self._connection, self._info = driver, connection.info
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
                with contextlib.suppress(self._connection.Error):
                    self._connection.cancel_safe(timeout=2.0)
                self._info[CALL_LIMIT] = 2.0  # a server that is frozen cancels nothing


class DataWatch:
    """When the data changed, as seen again and again."""

    def __init__(self) -> None:
        #: Each number of changes that was seen, with the time of the look before it.
        self._changes: list[tuple[int, float]] = []
        self._looked = -inf

    def look(self, number: int, at: float) -> None:
        """Note the number of changes that was read in a session begun ``at``."""
        if self._changes and number < self._changes[-1][0]:  # another database
            self._changes, self._looked = [], -inf
        if not self._changes or number > self._changes[-1][0]:
            self._changes = [*self._changes[-1000:], (number, self._looked)]
        self._looked = at

    def age_s(self, number: int) -> float:
        """Return for how many seconds at most the data have had more changes."""
        if not self._changes or number < self._changes[0][0]:
            return inf
        since = (at for later, at in self._changes if later > number)
        return time.monotonic() - next(since, self._looked)


class ServedStore:
    """The store of a service; its schema revision is checked once.

    Kept rankings and standings may lag behind the data by ``most_lag_s``.
    """

    def __init__(self, store: Store, most_lag_s: float = 0.0) -> None:
        self.store, self.most_lag_s = store, most_lag_s
        self.watch = DataWatch()
        self.turns = asyncio.Semaphore(SESSIONS_AT_ONCE)
        self.heavy_turns = asyncio.Semaphore(HEAVY_AT_ONCE)
        self.write_turns = asyncio.Semaphore(WRITERS_AT_ONCE[store.url.get_backend_name()])
        self.preparing_turns = asyncio.Semaphore(PREPARED_AT_ONCE)
        self._migrated = False
        #: The number of changes at which the dataset version was last read, and that version.
        self._known = -1, NO_VERSION
        self._threads = ThreadPoolExecutor(thread_name_prefix="pvkdb-shared")
        self._shared: dict[Any, Future[Any]] = {}

    def require_migrated(self) -> None:
        """Check the schema revision, unless it was checked since the last error.

        Raises:
            NotMigratedError: the database lacks the tables of this version.
            DatabaseError: the database cannot be reached.
        """
        if not self._migrated:
            self.store.require_migrated()
            self._migrated = True

    @contextmanager
    def session(self, lock_wait_s: float | None = None) -> Iterator[Session]:
        """Open a session in one transaction: for writing if it may wait for locks, else reading.

        Raises:
            NotMigratedError: the database lacks the tables of this version.
            DatabaseError: the database cannot be reached.
        """
        try:
            self.require_migrated()
            reads = lock_wait_s is None
            with self.store.session(read_only=reads, lock_wait_s=lock_wait_s) as session:
                yield session
        except DatabaseError:
            self._migrated, self._known = False, (-1, self.known_version)  # maybe another database
            raise

    async def shared(self, read: Callable[[ServedStore], Result], within_s: float) -> Result:
        """Return what a function reads; all who ask at the same time share one run of it.

        So any number of callers uses one thread and one connection.

        Raises:
            NoAnswerError: the database did not answer in time.
            DatabaseError: the function raised it.
        """
        run = self._shared.get(read)
        if run is None or run.done():
            run = self._shared[read] = self._threads.submit(read, self)
        waiting: asyncio.Future[Result] = asyncio.wrap_future(run)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not (await asyncio.wait([waiting], timeout=within_s))[0]:
            raise NoAnswerError(f"{self.store.name} does not answer within {within_s:g} s")
        return waiting.result()

    async def keep_watching(self) -> None:
        """Look again and again how often the data have changed."""
        while True:
            with contextlib.suppress(DatabaseError):
                await self.shared(_look, CALL_GRACE_S)
            await asyncio.sleep(WATCH_S)

    def close(self) -> None:
        """Close the connections, after the shared reads have ended."""
        wait(self._shared.values())
        self.store.close()

    def read_version(self, session: Session) -> str:
        """Return the dataset version that a session sees; it changes with the data alone."""
        number, known = data_changes(session), self._known
        if number != known[0]:
            known = self._known = number, current_version(session)
        return known[1]

    @property
    def known_version(self) -> str:
        """The dataset version that was last read, or :data:`NO_VERSION`."""
        return self._known[1]

    async def version(self) -> str:
        """Return the dataset version: the last known one if the database does not answer."""
        with contextlib.suppress(DatabaseError):
            await self.shared(_read_version, VERSION_WAIT_S)
        return self.known_version


def _read_version(served: ServedStore) -> None:
    with served.session() as session:
        served.read_version(session)


def _look(served: ServedStore) -> None:
    at = time.monotonic()
    with served.session() as session:
        served.watch.look(data_changes(session), at)


def served_store(request: Request) -> ServedStore:
    """Return the store of the service that answers this request."""
    store: ServedStore = request.app.state.served
    return store


async def _turn(request: Request) -> AsyncIterator[None]:
    served = served_store(request)
    deadline: RequestDeadline | None = getattr(request.state, "deadline", None)
    turns = served.heavy_turns if request.url.path.startswith(HEAVY) else served.turns
    try:
        async with asyncio.timeout(deadline.turn_until - time.monotonic() if deadline else None):
            await turns.acquire()
    except TimeoutError:
        raise NoTurnError("the requests before this one take longer than it may wait") from None
    try:
        yield
    finally:
        turns.release()


async def _write_turn(request: Request) -> AsyncIterator[float]:
    """Wait for the turn to write, and yield the seconds that are left to wait for locks."""
    turns, until = served_store(request).write_turns, time.monotonic() + WRITE_WAIT_S
    try:
        async with asyncio.timeout(WRITE_WAIT_S):
            await turns.acquire()
    except TimeoutError:
        raise StoreBusyError("other writes of this service hold the database") from None
    try:
        yield max(0.1, until - time.monotonic())
    finally:
        turns.release()


async def _preparing_turn(request: Request) -> AsyncIterator[float]:
    """Wait for the turn to prepare a request, and yield the seconds that are left for it."""
    deadline: RequestDeadline = request.state.deadline
    async with served_store(request).preparing_turns:
        yield max(0.0, deadline.prepared_until - time.monotonic())


_Turn = Annotated[None, Depends(_turn, scope="function")]
_WriteTurn = Annotated[float, Depends(_write_turn, scope="function")]


def _session(request: Request, lock_wait_s: float | None = None) -> Iterator[Session]:
    served = served_store(request)
    request.state.dataset_version = served.known_version
    with served.session(lock_wait_s) as session, until_deadline(request, session):
        if lock_wait_s is None:
            session.info[SEEN] = data_changes(session)
        request.state.dataset_version = served.read_version(session)
        request.state.session = session
        if served.most_lag_s and "no-cache" not in request.headers.get("cache-control", ""):
            session.info[LAG] = request.state.lag = Lag(served.most_lag_s, served.watch.age_s)
        yield session


def until_deadline(request: Request, session: Session) -> AbstractContextManager[None]:
    """Return a context in which the request's deadline interrupts the session's statements."""
    deadline: RequestDeadline | None = getattr(request.state, "deadline", None)
    return nullcontext() if deadline is None else deadline.watching(session)


def _reading(request: Request, _: _Turn) -> Iterator[Session]:
    yield from _session(request)


def _writing(request: Request, lock_wait_s: _WriteTurn) -> Iterator[Session]:
    if not hasattr(request.state, "granted"):  # a mistake in the code, not of the caller
        raise RuntimeError(f"{request.url.path} writes without requiring a scope; see access.needs")
    yield from _session(request, lock_wait_s)


#: The seconds that a request has to prepare what it writes, in its turn.
PreparingTurn = Annotated[float, Depends(_preparing_turn, scope="function")]

#: A session for reading; on SQLite it does not need the write lock.
ReadSession = Annotated[Session, Depends(_reading, scope="function")]

#: A session that is committed before the response is sent, or rolled back on an error.
WriteSession = Annotated[Session, Depends(_writing, scope="function")]


async def _version(request: Request, _: ReadSession) -> str:
    version: str = request.state.dataset_version
    return version


#: The dataset version that the session of the request sees.
DatasetVersion = Annotated[str, Depends(_version, scope="function")]
