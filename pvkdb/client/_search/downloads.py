"""Downloads of whole tables to files, resumed after an interruption.

The incomplete file is ``NAME.part``. A collection is downloaded page by page; ``NAME.part.json``
holds the cursor after the last page and the length of the file up to there, so that the next
attempt, in any process, resumes there. Other tables and Parquet are downloaded in one piece and
start again. A second download to the same path at the same time has a file of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, get_args

from pvkdb.client._io.progress import ProgressBar
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import TableModels
from pvkdb.errors import InputError, ServiceError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.tables import Row

FileFormat: TypeAlias = Literal["csv", "json", "parquet", "jsonl"]

#: Tables that are downloaded page by page.
COLLECTIONS = frozenset(
    {
        "compositions",
        "materials",
        "energetics",
        "devices",
        "device_claims",
        "references",
        "structures",
        "calculations",
    }
)

#: How often a download starts again because the data have changed meanwhile.
MOST_STARTS = 3


def download(
    service: Service, name: str, path: Path, format: FileFormat, progress: ProgressBar
) -> Steps[Path]:
    """Download a table to a file; see :meth:`Client.download`."""
    if format not in get_args(FileFormat):
        raise InputError(unknown_name("kind of file", format, get_args(FileFormat)))
    with _claimed_part(path) as part:
        if name in COLLECTIONS and format in _WRITERS:
            yield from _by_pages(service, name, part, format, progress)
        else:
            _note_of(part).unlink(missing_ok=True)
            with part.open("wb") as file:
                given = {"format": format}
                yield from service.read(path_of("export", name), given, middle=True, sink=file)
    return path


def download_snapshot(service: Service, path: Path) -> Steps[Path]:
    """Download the whole dataset to a file; see :meth:`Client.snapshot`."""
    format = "sqlite" if path.suffix == ".sqlite" else "zip"
    with _claimed_part(path) as part:
        with part.open("w+b") as file:
            answer = yield from service.read(
                path_of("snapshot"), {"format": format}, middle=True, sink=file
            )
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
        sent = answer.headers.get("X-File-SHA256")
        if found != sent:
            raise ServiceError(
                f"the snapshot was damaged on its way: its SHA-256 is {found}, not {sent}; "
                "download it again"
            )
    return path


@contextmanager
def _claimed_part(path: Path) -> Iterator[Path]:
    """Yield the incomplete file, which then gets its name; after an error it may be resumed."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    part = path.with_name(f"{path.name}.part")
    lock = _lock(part)
    if lock is None:  # another download has it
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        if lock is None or not _note_of(part).exists():
            _note_of(part).unlink(missing_ok=True)
            part.unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            lock.close()


def _lock(part: Path) -> BinaryIO | None:
    """Return the locked file, or None if another download has it; Windows has no such locks."""
    file = part.open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), part.stat()):
            return file
    except ImportError:
        file.close()  # an open file could not be renamed there
        return file
    except OSError:  # locked, or complete and renamed
        pass
    file.close()
    return None


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


@dataclass(frozen=True)
class _Mark:
    """The state of an incomplete download, kept beside its file so that it can be resumed."""

    table: str
    format: str
    service: str
    dataset_version: str = ""
    cursor: str | None = None
    bytes: int = 0
    rows: int = 0


def _by_pages(
    service: Service, name: str, part: Path, format: FileFormat, progress: ProgressBar
) -> Steps[None]:
    note, empty = _note_of(part), _Mark(name, format, service.url)
    mark = _read_mark(note, part, empty)
    if mark is empty:
        note.unlink(missing_ok=True)
    for _ in range(MOST_STARTS):
        complete = yield from _resume(service, part, note, mark, progress)
        if complete:
            note.unlink(missing_ok=True)
            return
        mark = empty
    note.unlink(missing_ok=True)
    raise ServiceError(
        f"the data of {service.url} changed {MOST_STARTS} times while {name} was downloaded; "
        "try again when nobody is writing"
    )


def _resume(
    service: Service, part: Path, note: Path, mark: _Mark, progress: ProgressBar
) -> Steps[bool]:
    """Write the remaining rows; return False if the data have changed since the file was begun."""
    table: TableModels[Any, Any] = TableModels(mark.table)
    names, write = table.row.columns(), _WRITERS[mark.format]
    pages: Pages[Any] = Pages(service, table, {}, cursor=mark.cursor)
    with part.open("wb" if mark.cursor is None else "r+b") as file:
        file.truncate(mark.bytes)
        file.seek(mark.bytes)
        if mark.cursor is None and mark.format == "csv":
            file.write(_csv_line(names))
        while not pages.done:
            page = yield from pages.next()
            if mark.dataset_version not in ("", pages.dataset_version):
                return False
            file.write(write(names, page))
            file.flush()
            mark = replace(
                mark,
                dataset_version=pages.dataset_version,
                cursor=str(pages.position),
                bytes=file.tell(),
                rows=mark.rows + len(page),
            )
            _write_mark(note, mark)
            progress.update(mark.rows, pages.total)
    return True


def _read_mark(note: Path, part: Path, empty: _Mark) -> _Mark:
    """Return the state of an interrupted download of this file, or ``empty`` without one."""
    try:
        mark = _Mark(**json.loads(note.read_text(encoding="utf-8")))
        same = (mark.table, mark.format, mark.service) == (empty.table, empty.format, empty.service)
        return mark if same and part.stat().st_size >= mark.bytes else empty
    except (OSError, ValueError, TypeError):
        return empty


def _write_mark(note: Path, mark: _Mark) -> None:
    new = note.with_name(f"{note.name}.new")
    new.write_text(json.dumps(asdict(mark)), encoding="utf-8")
    os.replace(new, note)


def _csv_rows(names: Sequence[str], rows: Iterable[Row]) -> bytes:
    """Return rows as CSV, formatted as by the service."""
    from pvkdb.schemas.tables.columns import csv_cell

    return b"".join(
        _csv_line([csv_cell(record[name]) for name in names])
        for record in (row.model_dump(mode="json") for row in rows)
    )


def _csv_line(cells: Sequence[str]) -> bytes:
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _json_lines(names: Sequence[str], rows: Iterable[Row]) -> bytes:
    return b"".join(row.model_dump_json().encode() + b"\n" for row in rows)


_WRITERS: dict[str, Callable[[Sequence[str], Iterable[Row]], bytes]] = {
    "csv": _csv_rows,
    "jsonl": _json_lines,
}
