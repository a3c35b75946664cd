"""What a request may cost: the size of its body, and the time until its answer begins."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb.errors import PvkdbError
from pvkdb_api.frame.refusing import refuse


class TimeIsUpError(PvkdbError):
    """The caller has been told that it took too long; nobody waits for this any more."""


class BodyLimit:
    """ASGI middleware: a body that is larger is refused with status 413, before it is read where
    the request says its length, otherwise as soon as it is too long."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app = app
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.most_bytes:
            response = refuse(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            await response(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            return message

        await self.app(scope, receive_counted, send)

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self.most_bytes} bytes; send less at a time"


class Deadline:
    """Of one request: what of its work in the database is to be stopped when time is up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self.passed = False

    @contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Stop the statements of a session when time is up.

        Raises:
            TimeIsUpError: it is up already.
        """
        driver = session.connection().connection.dbapi_connection
        with self._lock:
            if self.passed:
                raise TimeIsUpError("time was up before the work began")
            self._connection = driver
        try:
            yield
        finally:
            # Under the lock: a connection that is back in the pool must not be interrupted.
            with self._lock:
                self._connection = None

    def stop(self) -> None:
        """Time is up. Waits for the database to be told; not to be called in the event loop."""
        with self._lock:
            self.passed = True
            if isinstance(self._connection, sqlite3.Connection):
                self._connection.interrupt()
            elif self._connection is not None:
                self._connection.cancel_safe(timeout=5.0)


class TimeLimit:
    """ASGI middleware: an answer that has not begun in time becomes a 504, and the database is
    told to stop. What has begun may go on: a long export is no fault.

    A plain route runs in a thread, which cannot be ended from outside. So the 504 is sent beside
    it, the statement that it waits for is interrupted, and what it still says is dropped.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under a deadline."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = Deadline()
        scope.setdefault("state", {})["deadline"] = deadline
        ending: list[asyncio.Task[None]] = []
        begun = False

        async def send_in_time(message: Message) -> None:
            nonlocal begun
            if ending:
                return
            begun = True
            timer.cancel()
            await send(message)

        async def end() -> None:
            detail = f"no answer within {self.seconds:g} s; ask for less, or again later"
            response = refuse(Request(scope), HTTPStatus.GATEWAY_TIMEOUT, detail)
            loop = asyncio.get_running_loop()
            stopping = loop.run_in_executor(None, deadline.stop)
            await response(scope, receive, send)
            await stopping

        def time_is_up() -> None:
            if not begun:
                ending.append(asyncio.create_task(end()))

        timer = asyncio.get_running_loop().call_later(self.seconds, time_is_up)
        try:
            await self.app(scope, receive, send_in_time)
        except Exception:
            if not ending:
                raise
        finally:
            timer.cancel()
            for task in ending:
                await task
