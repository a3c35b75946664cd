"""What differs between two datasets: rows added, removed and changed, table by table.

Both are read as SQLite files in the order of their keys, so that memory holds a row of each.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pvkdb.errors import InputError
from pvkdb.snapshots.writing import SQLITE, one_moment, write_sqlite
from pvkdb.store.database import Store

_VERSION = "SELECT value FROM pvkdb_dataset WHERE name = 'version'"
_KEYS = (
    "SELECT t.name AS 'table', c.name AS 'column' FROM sqlite_schema t, pragma_table_info(t.name) c"
    " WHERE t.type = 'table' AND c.pk ORDER BY t.name, c.pk"
)
_ORDERED = itemgetter(0)

sqlite3.register_converter("BOOLEAN", lambda value: value == b"1")


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that differs; ``columns`` has both values of each column that does, None for none."""

    table: str
    change: Literal["added", "removed", "changed"]
    key: dict[str, Any]
    columns: dict[str, tuple[Any, Any]]


class Dataset:
    """A dataset to compare: the SQLite file of a snapshot, with the keys of its tables."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._database.row_factory = lambda cursor, values: dict(
            zip((each[0] for each in cursor.description), values, strict=True)
        )
        self.version = str(next(self._database.execute(_VERSION))["value"])
        self.keys: dict[str, list[str]] = {}
        for found in self._database.execute(_KEYS):
            self.keys.setdefault(found["table"], []).append(found["column"])

    def rows(self, table: str) -> Iterator[tuple[Any, Dataset, dict[str, Any]]]:
        """Yield the rows of a table, none if it is missing, behind the key that orders them."""
        if key := self.keys.get(table):
            order = ", ".join(f'"{name}"' for name in key)
            for row in self._database.execute(f'SELECT * FROM "{table}" ORDER BY {order}'):
                yield [(row[name] is not None, row[name]) for name in key], self, row


def compare(old: Dataset, new: Dataset) -> Iterator[RowDifference]:
    """Yield all differences, table by table, in the order of keys.

    Raises:
        InputError: a table has another key in each of them.
    """
    for table, key in sorted({**old.keys, **new.keys}.items()):
        before = old.keys.get(table, key)
        if before != key:
            raise InputError(
                f"a row of {table} is known by {', '.join(before)} in one dataset and by "
                f"{', '.join(key)} in the other, so that they cannot be compared"
            )
        rows = merge(old.rows(table), new.rows(table), key=_ORDERED)
        for _, found in groupby(rows, key=_ORDERED):
            sides = {dataset: row for _, dataset, row in found}
            a, b = sides.get(old, {}), sides.get(new, {})
            columns = {n: (a.get(n), b.get(n)) for n in {**a, **b} if a.get(n) != b.get(n)}
            if columns or len(sides) == 1:
                change: Any = "changed" if a and b else "added" if b else "removed"
                yield RowDifference(table, change, {n: (a or b)[n] for n in key}, columns)


@contextmanager
def open_datasets(*sources: str) -> Iterator[list[Dataset]]:
    """Open datasets to compare: snapshots (folder, .zip or .sqlite), or databases by their URLs.

    Raises:
        InputError: a source is neither.
        DatabaseError: a database cannot be used.
    """
    with TemporaryDirectory(prefix="pvkdb-diff-") as folder, ExitStack() as opened:
        found = []
        for number, source in enumerate(sources):
            try:
                path = _sqlite_of(source, Path(folder, f"{number}.sqlite"))
                address = f"{path.absolute().as_uri()}?mode=ro"
                kinds = sqlite3.PARSE_DECLTYPES
                database = sqlite3.connect(address, uri=True, detect_types=kinds)
                found.append(Dataset(opened.enter_context(closing(database))))
            except (OSError, sqlite3.Error, zipfile.BadZipFile, KeyError, StopIteration) as error:
                raise InputError(
                    f"{source} is not a snapshot ({error}); name a folder, .zip or .sqlite made by "
                    "pvkdb snapshot, or the URL of a database, e.g. sqlite:///pvkdb.sqlite"
                ) from error
        yield found


def _sqlite_of(source: str, copy: Path) -> Path:
    """Return the SQLite file of a snapshot, if need be made as ``copy``."""
    if "://" in source:
        store = Store(source).require_migrated()
        with one_moment(store) as session:
            write_sqlite(session, copy)
        store.close()
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extract(SQLITE, copy.parent / copy.stem)
        return copy.parent / copy.stem / SQLITE
    else:
        return Path(source) / SQLITE if Path(source).is_dir() else Path(source)
    return copy
