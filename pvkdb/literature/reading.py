"""Files of a paper, read as records of text cells with their lines.

A CSV file contains one table; a YAML or JSON file contains a paper with all of its tables. CSV and
YAML are read as streams, so that a file may be larger than memory.
:mod:`pvkdb.literature.entries` interprets the cells.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pvkdb.errors import InputError, unknown_name
from pvkdb.literature.entries import TABLES, ImportTable
from pvkdb.schemas import CONTROL, parse_json
from pvkdb.schemas.imports import FileProblem
from pvkdb.schemas.tables.columns import csv_text
from pvkdb.store.curation.sources import Source

#: Longest cell that is accepted.
MAX_CELL = 4000
#: Tokens of a valid JSON text that are not separators.
_TOKEN = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')


class FileError(InputError):
    """A file cannot be read further from some line on."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a file. ``lines`` has the lines of cells that are not on the record's line."""

    table: ImportTable
    file: str
    line: int
    cells: dict[str, str]
    lines: dict[str, int] = field(default_factory=dict)
    #: Number of the YAML document, whose ``reference`` applies to its rows.
    document: int = 0
    is_paper: bool = False

    def problem(
        self, reason: str, column: str | None = None, value: str | None = None
    ) -> FileProblem:
        """Return a problem of this record."""
        line = self.lines.get(column or "", self.line)
        return FileProblem(file=self.file, line=line, column=column, value=value, reason=reason)


def read_records(path: Source) -> Iterator[Record]:
    """Yield the records of a file; its extension determines the format.

    Raises:
        FileError: the file cannot be read or has a wrong format; names the place and the remedy.
    """
    if path.suffix.lower() == ".csv":
        read = _csv_records
    elif path.suffix.lower() == ".json":
        read = _json_records
    elif path.suffix.lower() in (".yaml", ".yml"):
        read = _yaml_records
    else:
        raise _error(path, None, "the name must end in .yaml, .yml, .json or .csv")
    try:
        yield from read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _error(path, None, f"cannot be read: {reason}") from error
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise _error(path, None, reason) from error


def _error(path: Source, line: int | None, reason: str) -> FileError:
    return FileError(FileProblem(file=path.name, line=line, reason=reason))


# CSV


def _csv_records(path: Source) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = next(reader, [])
            columns = [column.strip() for column in header]
            table = _table_of(path, columns)
            start = reader.line_num + 1
            for values in reader:
                if any(values):
                    yield _csv_record(path, table, columns, values, start)
                start = reader.line_num + 1
        except csv.Error as error:
            raise _error(path, reader.line_num, f"is not comma-separated text: {error}") from error


def _table_of(path: Source, columns: list[str]) -> ImportTable:
    """Return the table that has the columns of a header."""
    if not any(columns):
        raise _error(path, 1, "has no header; the first line names the columns")
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise _error(path, 1, "separates columns by semicolons or tabs; save it with commas")
    for column in columns:
        if columns.count(column) > 1:
            raise _error(path, 1, f"names the column {column!r} more than once")
    likely = max(TABLES.values(), key=lambda table: len(table.columns & set(columns)))
    for column in columns:
        if column not in likely.columns:
            raise _error(path, 1, unknown_name(f"column of {likely.name}", column, likely.order))
    return likely


def _csv_record(
    path: Source, table: ImportTable, columns: list[str], values: list[str], line: int
) -> Record:
    if len(values) != len(columns):
        reason = f"has {len(values)} cells, but the header has {len(columns)} columns"
        raise _error(path, line, reason)
    cells = zip(columns, values, strict=True)
    return Record(
        table,
        path.name,
        line,
        {column: _clean(path, line, csv_text(text)) for column, text in cells if text.strip()},
    )


def _clean(path: Source, line: int, text: str) -> str:
    if len(text) > MAX_CELL:
        raise _error(path, line, f"holds a cell of {len(text)} characters; at most {MAX_CELL}")
    if control := CONTROL.search(text):
        raise _error(path, line, f"holds the control character {control.group()!r}; remove it")
    return text.strip()


# YAML


def _yaml_records(path: Source) -> Iterator[Record]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8-sig") as stream:
        try:
            yield from _Events(path, yaml.parse(stream, Loader=loader)).records()
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            reason = f"is not YAML: {error.problem or error.context}"
            raise _error(path, line, reason) from error
        except yaml.YAMLError as error:
            reason = " ".join(f"is not YAML: {error}".split())
            raise _error(path, None, reason) from error


def _json_records(path: Source) -> Iterator[Record]:
    with path.open("rb") as stream:
        content = stream.read()
    try:
        parse_json(content)
    except json.JSONDecodeError as error:
        raise _error(path, error.lineno, f"is not JSON: {error.msg}") from error
    yield from _Events(path, _json_events(content.decode("utf-8-sig"))).records()


def _json_events(text: str) -> Iterator[Any]:
    """Yield the events of a JSON text as YAML has them; numbers stay the text that was written."""
    from yaml import Mark, events

    yield events.DocumentStartEvent()
    line = at = 0
    for token in _TOKEN.finditer(text):
        line, at = line + text.count("\n", at, token.start()), token.start()
        mark, word = Mark("", at, line, 0, None, 0), token.group()
        if word in ("{", "["):
            start = events.MappingStartEvent if word == "{" else events.SequenceStartEvent
            yield start(None, None, True, mark)
        elif word in ("}", "]"):
            yield (events.MappingEndEvent if word == "}" else events.SequenceEndEvent)(mark)
        else:
            style = '"' if word[0] == '"' else None
            value = json.loads(word) if style else word
            yield events.ScalarEvent(None, None, (True, True), value, mark, mark, style)


class _Events:
    """Reads records from the events of a YAML stream; only the current one is kept in memory.

    Every scalar stays text, as in a CSV file, since YAML would read ``no`` as false, ``1e4`` as
    text and ``1_000`` as a number.
    """

    def __init__(self, path: Source, events: Iterator[Any]) -> None:
        from yaml import events as kinds

        self._kinds: Any = kinds
        self._path = path
        self._events = events
        self._document = 0

    def records(self) -> Iterator[Record]:
        """Yield every record of every document."""
        for event in self._events:
            if isinstance(event, self._kinds.DocumentStartEvent):
                self._document += 1
            elif isinstance(event, self._kinds.MappingStartEvent):
                yield from self._paper()
            elif not isinstance(
                event,
                self._kinds.StreamStartEvent
                | self._kinds.StreamEndEvent
                | self._kinds.DocumentEndEvent,
            ) and not (
                isinstance(event, self._kinds.ScalarEvent) and not (event.style or event.value)
            ):
                raise self._wrong(event, "must hold a mapping; see: pvkdb import --template")

    def _paper(self) -> Iterator[Record]:
        sections = ["reference", *TABLES]
        for section, _, value in self._pairs():
            if section not in sections:
                raise self._wrong(value, unknown_name("section", section, sections))
            if section == "reference":
                if not isinstance(value, self._kinds.MappingStartEvent):
                    raise self._wrong(value, "reference must be one mapping; for several, use ---")
                yield self._record(TABLES["references"], value, is_paper=True)
            elif isinstance(value, self._kinds.SequenceStartEvent):
                yield from self._rows(TABLES[section])
            elif not (isinstance(value, self._kinds.ScalarEvent) and _is_nothing(value)):
                raise self._wrong(value, f"{section} must be a list, each row begun by '- '")

    def _rows(self, table: ImportTable) -> Iterator[Record]:
        while not isinstance(event := next(self._events), self._kinds.SequenceEndEvent):
            if not isinstance(event, self._kinds.MappingStartEvent):
                raise self._wrong(event, f"a row of {table.name} must be a mapping, name: value")
            yield self._record(table, event)

    def _record(self, table: ImportTable, start: Any, is_paper: bool = False) -> Record:
        cells: dict[str, str] = {}
        lines: dict[str, int] = {}
        for column, line, value in self._pairs():
            if column not in table.columns:
                raise self._wrong(
                    value, unknown_name(f"field of {table.name}", column, table.order)
                )
            if column in cells:
                raise self._wrong(value, f"the field {column!r} is there more than once")
            lines[column] = line
            if text := _clean(self._path, line, self._text(table, column, value)):
                cells[column] = text
        line = _line(start) or 0
        return Record(table, self._path.name, line, cells, lines, self._document, is_paper)

    def _pairs(self) -> Iterator[tuple[str, int, Any]]:
        """Yield the keys of a mapping, with their lines and the first events of their values."""
        while not isinstance(key := next(self._events), self._kinds.MappingEndEvent):
            if not isinstance(key, self._kinds.ScalarEvent):
                raise self._wrong(key, "a name must be plain text")
            value = next(self._events)
            if isinstance(value, self._kinds.AliasEvent):
                raise self._wrong(value, "aliases (*name) are not taken; write the value out")
            yield key.value, _line(key) or 0, value

    def _text(self, table: ImportTable, column: str, value: Any) -> str:
        if isinstance(value, self._kinds.ScalarEvent):
            return "" if _is_nothing(value) else str(value.value)
        separator = table.lists.get(column)
        if separator is None or not isinstance(value, self._kinds.SequenceStartEvent):
            raise self._wrong(value, f"{column} must be one value")
        parts = []
        while not isinstance(event := next(self._events), self._kinds.SequenceEndEvent):
            if isinstance(event, self._kinds.ScalarEvent):
                parts.append(str(event.value))
            elif isinstance(event, self._kinds.MappingStartEvent):
                for name, _, part in self._pairs():
                    if not isinstance(part, self._kinds.ScalarEvent):
                        raise self._wrong(part, f"{column} takes plain values")
                    parts.append(f"{name}={part.value}")
            else:
                raise self._wrong(event, f"{column} takes plain values")
        return separator.join(parts)

    def _wrong(self, event: Any, reason: str) -> FileError:
        return _error(self._path, _line(event), reason)


def _line(event: Any) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None


def _is_nothing(scalar: Any) -> bool:
    """Whether a plain scalar is empty or null."""
    return not scalar.style and scalar.value in ("", "null", "~")
