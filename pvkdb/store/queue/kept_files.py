"""Files of calculations and devices, under their hash in a folder or, by fsspec, an object store.

A file is stored at ``ab/ab12…``, the SHA-256 of its bytes, so that the same content is stored once
and every change is noticed. Files are written first, and the rows that name them with the result:
a worker that dies in between leaves an unused file, never a row without its file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError, NotFoundError
from pvkdb.schemas.calculations import FileDocument
from pvkdb.store.base import replaced_file, utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import CalculationFile
from pvkdb.store.queue.log import ProgressLine

#: Environment variable for the folder or the object store, e.g. ``/data/pvkdb-files`` or ``s3://bucket/pvkdb``.
SETTING = "PVKDB_FILES_URL"


class NoPlaceError(DatabaseError):
    """The folder for files is not configured."""


class FileStore:
    """Content-addressed files under a URL of fsspec."""

    def __init__(self, url: str) -> None:
        """``url`` is a folder, or ``protocol://…`` of a file system of fsspec."""
        self.url = url

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The fsspec file system of the URL, and the folder within it."""
        import fsspec

        try:
            system, folder = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:  # ImportError names the missing package
            raise DatabaseError(f"{SETTING}={self.url} cannot be used: {error}") from error
        return system, str(folder).rstrip("/")

    def put(self, content: bytes) -> str:
        """Store a file's content and return its SHA-256; a crash leaves no partial file.

        Raises:
            DatabaseError: it cannot be written.
        """
        from fsspec.implementations.local import LocalFileSystem

        key = hashlib.sha256(content).hexdigest()
        system, _ = self._place
        path = self._path(key)
        try:
            if system.exists(path) and system.size(path) == len(content):
                return key
            if isinstance(system, LocalFileSystem):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                with replaced_file(Path(path)) as file:
                    file.write(content)
            else:
                system.pipe_file(path, content)  # object stores show complete objects only
        except OSError as error:
            raise DatabaseError(
                f"a file cannot be stored in {self.url}: {error.strerror or error}; make room or "
                f"permit writing there, or set another folder in {SETTING}"
            ) from error
        return key

    def holds(self, key: str) -> bool:
        """Return whether the content with this SHA-256 is stored."""
        return bool(self._place[0].exists(self._path(key)))

    def get(self, key: str) -> bytes:
        """Return the content with this SHA-256.

        Raises:
            NotFoundError: it is not stored here.
            DatabaseError: the stored content has another hash: it was damaged.
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
    """Return the file store that :data:`SETTING` names, or the folder beside an SQLite file.

    Raises:
        NoPlaceError: a PostgreSQL store without the setting; a local folder would not be visible
            to every worker.
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
    """Store files; return their entries for the record of a calculation, and lines for its log.

    Without a configured folder the files are not stored, and the log says so: the result of hours
    of computing must not be lost with them.

    Raises:
        DatabaseError: the files cannot be written.
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
    """Return the files of a calculation, by name."""
    return list(
        session.scalars(
            select(CalculationFile)
            .where(CalculationFile.calculation_id == calculation_id)
            .order_by(CalculationFile.name)
        )
    )
