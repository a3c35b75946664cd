"""Streaming of files while they are made: of any length, with a few rows in memory.

A file is made in turns, each in a transaction of its own. While a piece is sent, no connection,
thread or turn is held, so that a slow reader delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import anyio
from fastapi import Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from pvkdb.store.curation.dataset import current_version
from pvkdb_api.core.callers import network_of
from pvkdb_api.core.etags import etag, matches, not_modified
from pvkdb_api.core.sessions import served_store, until_deadline
from pvkdb_api.frame.access import caller_of

#: Turns of making files at the same time, each on its own connection.
TURNS_AT_ONCE = 3

#: Files sent at the same time to one caller, a key or a network address; further ones wait.
FILES_OF_A_CALLER = 40

#: A turn ends at so many bytes of a piece, or after so many seconds.
PIECE_BYTES, TURN_S = 64 * 1024, 0.1

#: Makes the pieces of a file from a session.
MakeFile = Callable[[Session], Iterator[bytes]]

_log = logging.getLogger("pvkdb_api")


class Streams:
    """The files that a service sends; a reader who takes nothing for too long is cut off.

    They are made in turns, in the order of asking: a turn is short, so that a long file holds up no
    other one, and a caller has a limited number of them.
    """

    def __init__(self, send_timeout_s: float) -> None:
        self.send_timeout_s = send_timeout_s
        self.turns = asyncio.Semaphore(TURNS_AT_ONCE)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def share(self, request: Request) -> asyncio.Semaphore:
        """Return the files of the caller of a request; they are kept while somebody uses them."""
        caller = caller_of(request)
        name = caller.key_id or network_of(caller.address)
        return self._shares.setdefault(name, asyncio.Semaphore(FILES_OF_A_CALLER))


class StreamedFile(StreamingResponse):
    """A file whose reader is cut off after taking nothing for too long."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        send_timeout_s: float,
        close: Callable[[], None],
        **rest: Any,
    ) -> None:
        super().__init__(pieces, **rest)
        self._send_timeout_s = send_timeout_s
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(self._send_timeout_s):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:  # the server closes a connection whose answer is incomplete
            _log.warning("the reader of %s took nothing for too long", scope["path"])
        finally:
            self._close()


class BegunFile(NamedTuple):
    """A file whose first piece is made; with an ETag, its reader may have it already."""

    version: str
    pieces: AsyncIterator[bytes]
    name: str
    tag: str | None
    headers: Mapping[str, str] = {}


async def send_file(
    request: Request, make: MakeFile, *, media_type: str, file_name: str, of_version: bool = False
) -> Response:
    """Return a response that streams a file; an error before its first piece is a problem.

    The session of ``make`` is closed after pieces, and begins a new transaction when it is used
    again. A file ``of_version`` has the content that the dataset version and the request
    determine, and an ETag.
    """

    async def begin() -> BegunFile:
        version, pieces = await _begin(request, make)
        tag = etag(version, request.app.version, request.url.path, request.url.query)
        return BegunFile(version, pieces, file_name, tag if of_version else None)

    return await send_begun(request, begin, media_type)


async def send_begun(
    request: Request, begin: Callable[[], Awaitable[BegunFile]], media_type: str
) -> Response:
    """Return a response that sends a file, which is begun at the turn of its caller."""
    streams: Streams = request.app.state.streams
    share = streams.share(request)
    await share.acquire()
    try:
        file = await begin()
    except BaseException:
        share.release()
        raise
    request.state.dataset_version = file.version
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', **file.headers}
    if file.tag is not None:
        if matches(request, file.tag):
            share.release()
            return not_modified(file.tag)
        headers["ETag"] = file.tag
    return StreamedFile(
        file.pieces, streams.send_timeout_s, share.release, media_type=media_type, headers=headers
    )


async def _begin(request: Request, make: MakeFile) -> tuple[str, AsyncIterator[bytes]]:
    """Make the first piece of a file; return the dataset version and all its pieces."""
    streams: Streams = request.app.state.streams
    served, session = served_store(request), Session()
    made: Iterator[bytes]

    def begin() -> tuple[str, bytes]:
        nonlocal made
        served.require_migrated()
        # The deadline counts until the answer begins: long files are legitimate.
        with served.store.page(session), until_deadline(request, session):
            version, made = current_version(session), iter(make(session))
            return version, _next_of(made)

    def go_on() -> bytes:
        with served.store.page(session):
            return _next_of(made)

    async def pieces(piece: bytes) -> AsyncIterator[bytes]:
        while piece:
            for start in range(0, len(piece), PIECE_BYTES):
                yield piece[start : start + PIECE_BYTES]
            if getattr(request.state, "head", False):
                return
            async with streams.turns:
                piece = await run_in_threadpool(go_on)

    async with streams.turns:
        version, first = await run_in_threadpool(begin)
    return version, pieces(first)


def _next_of(made: Iterator[bytes]) -> bytes:
    """Return the next pieces joined, as many as a turn makes; empty at the end."""
    joined, until = bytearray(), time.monotonic() + TURN_S
    while len(joined) < PIECE_BYTES and (piece := next(made, b"")):
        joined += piece
        if time.monotonic() > until:
            break
    return bytes(joined)


def file_responses(media_types: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that sends files."""
    kinds = sorted({media_type.partition(";")[0] for media_type in media_types})
    return {200: {"description": "The file.", "content": {kind: {} for kind in kinds}}}
