"""Tables as CSV, JSON, JSON lines and Parquet, references also for programs, in pieces.

Memory holds one piece at a time, whatever the number of rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pvkdb.schemas.tables import TABLES, Row
from pvkdb.schemas.tables.columns import Column, csv_cell
from pvkdb.store.base import batches
from pvkdb.store.files import bibliography

TableFormat = Literal["csv", "json", "jsonl", "parquet"]
Format = TableFormat | bibliography.BibliographyFormat
FORMATS: dict[TableFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def formats_of(name: str) -> dict[Any, str]:
    """Return the formats of a table with their media types; references have further ones."""
    return {**FORMATS, **bibliography.BIBLIOGRAPHIES} if name == "references" else {**FORMATS}


#: Rows of a piece of a text file, and of a row group of a Parquet file.
PIECE = 500
ROW_GROUP = 20_000

Record = Mapping[str, Any]


def write_table(name: str, rows: Iterable[Row], format: Format, *, raw: bool = False) -> bytes:
    """Return a table as the bytes of a file."""
    return b"".join(stream_table(name, rows, format, raw=raw))


def stream_table(
    name: str,
    rows: Iterable[Row],
    format: Format,
    fields: Sequence[str] | None = None,
    *,
    raw: bool = False,
) -> Iterator[bytes]:
    """Yield a table as the pieces of a file.

    Args:
        name: The table.
        rows: Its rows.
        format: Kind of file.
        fields: Columns, default all; BibTeX, RIS and CSL-JSON have theirs.
        raw: Whether CSV has texts unchanged that a spreadsheet would run as formulas.
    """
    references: Any = rows
    if format == "csl":
        return _json(map(bibliography.reference_csl, references))
    if format == "bibtex":
        return (f"{bibliography.reference_bibtex(row)}\n\n".encode() for row in references)
    if format == "ris":
        return (f"{bibliography.reference_ris(row)}\n\n".encode() for row in references)
    columns = [*(fields or TABLES[name].columns())]
    wanted = set(columns) if fields else None
    records = (row.model_dump(mode="json", include=wanted) for row in rows)
    if format == "parquet":
        declared = TABLES[name].dictionary()
        return _parquet([declared[column] for column in columns], records)
    if format == "csv":
        return _csv(columns, records, raw)
    ordered = ({column: record[column] for column in columns} for record in records)
    return _json_lines(ordered) if format == "jsonl" else _json(ordered)


def _json(records: Iterable[Record]) -> Iterator[bytes]:
    before = "[\n"
    for piece in batches(records, PIECE):
        yield (before + ",\n".join(map(_object, piece))).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _json_lines(records: Iterable[Record]) -> Iterator[bytes]:
    for piece in batches(records, PIECE):
        yield "".join(f"{_object(record)}\n" for record in piece).encode()


def _object(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _csv(columns: Sequence[str], records: Iterable[Record], raw: bool) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for piece in batches(records, PIECE):
        writer.writerows([csv_cell(record[column], raw) for column in columns] for record in piece)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _parquet(columns: Sequence[Column], records: Iterable[Record]) -> Iterator[bytes]:
    """Yield row groups; columns carry their meaning and unit as metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    schema = pa.schema(
        [
            pa.field(
                column.name,
                kinds.get(column.type, pa.string()),  # times are ISO text, as in JSON
                metadata={"meaning": column.meaning, "unit": column.unit or ""},
            )
            for column in columns
        ]
    )
    sink = io.BytesIO()
    with pq.ParquetWriter(_Forward(sink), schema) as writer:
        for piece in batches(records, ROW_GROUP):
            writer.write_table(pa.Table.from_pylist([dict(r) for r in piece], schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


class _Forward(io.RawIOBase):
    """A file object that writes to a buffer, which is emptied repeatedly, and counts all bytes."""

    def __init__(self, sink: io.BytesIO) -> None:
        self._sink = sink
        self._written = 0

    def writable(self) -> bool:
        """Return True: a Parquet file is written from beginning to end."""
        return True

    def write(self, content: Any) -> int:
        """Write bytes to the buffer."""
        size = self._sink.write(content)
        self._written += size
        return size

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._written
