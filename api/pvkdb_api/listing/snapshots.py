"""The whole dataset as one file: made when the data have changed, once for all callers, then sent.

A file is read from the database in one transaction, which ends before the file is sent: a slow
reader holds nothing but disk space. Its name is removed when it is complete, so that the system
frees the space after the last reader, also if the service is killed.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Literal

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from pvkdb.errors import InputError
from pvkdb.snapshots.writing import SQLITE_TYPE, draft_folder, one_moment, write_snapshot
from pvkdb.store.changes import data_changes
from pvkdb.store.queue.log import last_change
from pvkdb_api.core.etags import etag
from pvkdb_api.core.sessions import ServedStore, served_store
from pvkdb_api.listing.streams import PIECE_BYTES, BegunFile, send_begun

SnapshotFormat = Literal["zip", "sqlite"]
SNAPSHOT_TYPES: dict[SnapshotFormat, str] = {"zip": "application/zip", "sqlite": SQLITE_TYPE}
#: Type of a file for a caller that accepts no other, as clients made from the description do.
OCTETS = "application/octet-stream"

#: Header with the SHA-256 of a file, before it is packed for the way.
DIGEST = "X-File-SHA256"

#: Longest wait for a file that is being made; the deadline of a request ends it sooner.
_WAIT_S = 86_400.0


class SnapshotFile:
    """A complete file without a name, which any number of readers read."""

    def __init__(self, path: Path, version: str, mark: tuple[int, int]) -> None:
        self.version, self.mark = version, mark
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.size = path.stat().st_size
        self.number = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.number)

    async def pieces(self, first_only: bool) -> AsyncIterator[bytes]:
        """Yield the file from its beginning."""
        for start in range(0, self.size, PIECE_BYTES):
            yield await run_in_threadpool(os.pread, self.number, PIECE_BYTES, start)
            if first_only:
                return


class SnapshotFiles:
    """The newest snapshot of a service in each format that somebody has requested."""

    def __init__(self) -> None:
        self._made: dict[SnapshotFormat, SnapshotFile] = {}
        #: Returns a snapshot of the present data; see :meth:`ServedStore.shared`.
        self.readers: dict[SnapshotFormat, Callable[[ServedStore], SnapshotFile]] = {
            kind: partial(self._current, kind) for kind in SNAPSHOT_TYPES
        }

    def _current(self, kind: SnapshotFormat, served: ServedStore) -> SnapshotFile:
        served.require_migrated()
        with one_moment(served.store) as session, draft_folder("pvkdb-") as folder:
            mark = (data_changes(session), last_change(session))
            held = self._made.get(kind)
            if held is None or held.mark != mark:
                path = folder / f"snapshot.{kind}"
                try:
                    version = write_snapshot(session, path)
                except InputError as error:  # of this machine, not of the caller
                    raise RuntimeError(f"no snapshot can be made: {error}") from error
                held = self._made[kind] = SnapshotFile(path, version, mark)
            return held


async def send_snapshot(request: Request, kind: SnapshotFormat) -> Response:
    """Return a response that sends the whole dataset; it waits for the turn of its caller."""
    files: SnapshotFiles = request.app.state.snapshots

    async def begin() -> BegunFile:
        made = await served_store(request).shared(files.readers[kind], _WAIT_S)
        return BegunFile(
            made.version,
            made.pieces(getattr(request.state, "head", False)),
            f"pvkdb-{made.version.replace('+', '-')}.{kind}",
            etag(made.sha256),
            {"Content-Length": str(made.size), DIGEST: made.sha256},
        )

    octets = request.headers.get("Accept", "").partition(";")[0].strip() == OCTETS
    return await send_begun(request, begin, OCTETS if octets else SNAPSHOT_TYPES[kind])
