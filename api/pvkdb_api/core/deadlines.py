"""The deadline of a request, at which its work in the database is stopped."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.errors import PvkdbError


class TimeIsUpError(PvkdbError):
    """The deadline of the request has passed; the caller already has an answer."""


class RequestDeadline:
    """Stops the work of one request in the database when its deadline passes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self.passed = False

    @contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Stop the statements of a session at the deadline.

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
        """Stop the work. This waits for the database, so do not call it in the event loop."""
        with self._lock:
            self.passed = True
            if isinstance(self._connection, sqlite3.Connection):
                self._connection.interrupt()
            elif self._connection is not None:
                self._connection.cancel_safe(timeout=5.0)
