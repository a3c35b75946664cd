"""Streaming of files while they are made: of any length, with a few rows in memory."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
from fastapi import Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pvkdb.store.curation.dataset import current_version
from pvkdb_api.core.etags import etag, matches, not_modified
from pvkdb_api.core.sessions import served_store, until_deadline

#: Files sent at the same time, each on its own connection; others wait.
STREAMS_AT_ONCE = 3

#: Makes the pieces of a file from a session.
MakeFile = Callable[[Session], Iterator[bytes]]


class _StreamedFile(StreamingResponse):
    """A file whose session is closed when it is sent or its reader disconnects."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], Any], **rest: Any) -> None:
        super().__init__(pieces, **rest)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._close)


async def send_file(
    request: Request, make: MakeFile, *, media_type: str, file_name: str, of_version: bool = False
) -> Response:
    """Return a response that streams a file, made from one snapshot of the data.

    Args:
        request: the request.
        make: makes the pieces; an error before the first one is answered as a problem.
        media_type: of the file.
        file_name: of the file.
        of_version: whether the dataset version and the request determine the content; then the
            answer has an ETag.
    """
    turns: asyncio.Semaphore = request.app.state.stream_turns
    held = ExitStack()
    await turns.acquire()
    held.callback(turns.release)
    try:
        version, pieces = await run_in_threadpool(_begin, held, request, make)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(held.close)
        raise
    request.state.dataset_version = version
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    if of_version:
        tag = etag(version, request.app.version, request.url.path, request.url.query)
        if matches(request, tag):
            await run_in_threadpool(held.close)
            return not_modified(tag)
        headers["ETag"] = tag
    if getattr(request.state, "head", False):
        pieces = itertools.islice(pieces, 1)
    return _StreamedFile(pieces, held.close, media_type=media_type, headers=headers)


def _begin(held: ExitStack, request: Request, make: MakeFile) -> tuple[str, Iterator[bytes]]:
    session = held.enter_context(served_store(request).session(read_only=True))
    if session.get_bind().dialect.name == "postgresql":
        # SQLite shows each transaction one snapshot anyway.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    with until_deadline(
        request, session
    ):  # only until the answer begins: long files are legitimate
        version = current_version(session)
        pieces = iter(make(session))
        first = next(pieces, b"")
    return version, itertools.chain([first], pieces)


def file_responses(media_types: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that sends files."""
    kinds = sorted({media_type.partition(";")[0] for media_type in media_types})
    return {200: {"description": "The file.", "content": {kind: {} for kind in kinds}}}
