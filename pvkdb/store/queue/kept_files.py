"""Files of calculations, kept by their content: a folder, or an object store through fsspec.

A file lies at ``ab/ab12…`` under the SHA-256 of its bytes, so that the same content is there once
and a file cannot be changed without its name betraying it. Files are put first, the row that names
them is written in the transaction of the result: a worker that dies in between leaves a file that
nobody names, never a row without its file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, NotFoundError
from pvkdb.schemas.calculations import FileDocument
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import CalculationFile
from pvkdb.store.queue.log import ProgressLine

#: Names the folder or the object store, e.g. ``/data/pvkdb-files`` or ``s3://bucket/pvkdb``.
SETTING = "PVKDB_FILES_URL"


class NoPlaceError(DatabaseError):
    """Nothing says where files are to be kept."""


class FileStore:
    """Content-addressed files under a URL of fsspec."""

    def __init__(self, url: str) -> None:
        """``url`` is a folder, or ``protocol://…`` of a file system that fsspec knows."""
        self.url = url

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system, and the folder within it."""
        import fsspec

        try:
            system, folder = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:  # the first says which package is missing
            raise DatabaseError(f"{SETTING}={self.url} cannot be used: {error}") from error
        return system, str(folder).rstrip("/")

    def put(self, content: bytes) -> str:
        """Keep a content; gives the SHA-256 that names it. Safe against a crash in the middle.

        Raises:
            DatabaseError: it cannot be written.
        """
        key = hashlib.sha256(content).hexdigest()
        system, _ = self._place
        path = self._path(key)
        try:
            if system.exists(path) and system.size(path) == len(content):
                return key
            if "file" in _protocols(system):
                _write(Path(path), content)
            else:
                system.pipe_file(path, content)  # object stores show an object when it is whole
        except OSError as error:
            raise DatabaseError(
                f"a file cannot be kept in {self.url}: {error.strerror or error}; make room or "
                f"give the right to write there, or name another place in {SETTING}"
            ) from error
        return key

    def get(self, key: str) -> bytes:
        """A content by its SHA-256.

        Raises:
            NotFoundError: it is not there.
            DatabaseError: what is there is something else: it was damaged.
        """
        system, _ = self._place
        try:
            content: bytes = system.cat_file(self._path(key))
        except FileNotFoundError as error:
            raise NotFoundError(
                f"{self.url} holds no file {key}; is {SETTING} the one that the workers used?"
            ) from error
        if hashlib.sha256(content).hexdigest() != key:
            raise DatabaseError(f"the file {key} in {self.url} is damaged: its hash is another one")
        return content

    def _path(self, key: str) -> str:
        return f"{self._place[1]}/{key[:2]}/{key}"


def file_store(store: Store) -> FileStore:
    """Where a store keeps its files: what :data:`SETTING` says, or a folder beside an SQLite file.

    Raises:
        NoPlaceError: a PostgreSQL store without the setting; there is no place beside it that
            every worker would see.
    """
    url = os.environ.get(SETTING)
    if url:
        return FileStore(url)
    path = store.sqlite_path
    if path is None:
        raise NoPlaceError(
            f"{store.name} needs a place for files that every worker reaches; name it in "
            f"{SETTING}, e.g. /data/pvkdb-files or s3://bucket/pvkdb"
        )
    return FileStore(str(path.resolve().with_name(f"{path.stem}-files")))


def keep_files(
    store: Store, files: Mapping[str, bytes]
) -> tuple[list[FileDocument], list[ProgressLine]]:
    """Keep files; gives what a calculation's record says of them, and lines for its log.

    Where no place for files is named they are not kept, which the log then says: what hours of
    computing gave is worth more than the files that it was read from.

    Raises:
        DatabaseError: they cannot be written where they are to be kept.
    """
    if not files:
        return [], []
    try:
        place = file_store(store)
    except NoPlaceError as error:
        names = ", ".join(files)
        return [], [ProgressLine(utc_now(), f"files not kept ({names}): {error}")]
    kept = [
        FileDocument(name=name, sha256=place.put(content), size=len(content))
        for name, content in files.items()
    ]
    return kept, []


def files_of(session: Session, calculation_id: str) -> list[CalculationFile]:
    """The files of a calculation, by name."""
    return list(
        session.scalars(
            select(CalculationFile)
            .where(CalculationFile.calculation_id == calculation_id)
            .order_by(CalculationFile.name)
        )
    )


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
