"""Files of instruments as tables: delimited text of any kind, EasyEXPERT and Excel.

The separator, the decimal sign, the heading and its units are recognised; rows keep their lines.
Headings that mean a quantity are in ``headings.csv``; units are those of ``chemistry/units.py``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pvkdb.chemistry.units import unit_of as read_unit
from pvkdb.errors import InputError, MissingExtraError, unknown_name
from pvkdb.measurements.forms import shipped
from pvkdb.store.curation.sources import Source

if TYPE_CHECKING:
    import pandas as pd

#: Lines and characters that are looked at to find separator, heading and first row of numbers.
_SNIFFED, _SNIFFED_SIZE = 400, 40_000
#: Most bytes that a workbook may unpack to: about a million cells.
_MOST_UNPACKED = 100_000_000
#: Units that a heading may name.
_UNITS = ("V", "A", "s", "S", "ohm", "K", "degC", "arbitrary")
_Layout: TypeAlias = tuple[str | None, str]  # separator (None: white space) and decimal sign
_LAYOUTS = (("\t", "."), (";", "."), (",", "."), (None, "."), ("\t", ","), (";", ","))
_WITH_UNIT = r"(.*?)\s*(?:[(\[{]([^()\[\]{}]*)[)\]}]|(?:/|, | in )\s*(\S+))"
_SUFFIX = r"(.+?)[\s_:-]+([munpfkMGµμ]?(?:[vVaAsS]|[oO]hm|[ΩΩ])|[kKcC]|min|h)"
#: Most cells that a sheet may span: as many as fit into the bytes above at their shortest.
_MOST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Heading:
    """What a column's heading says; empty: not stated, or not understood."""

    text: str
    quantity: str
    unit: str  # one of _UNITS, or one that is unknown
    scale: float  # to that unit


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers or text, indexed by line from 1; headings are empty without header."""

    file: str
    headings: tuple[Heading, ...]
    frame: pd.DataFrame
    label: str  # of the sheet or repetition
    sha256: str = ""  # of the file

    def number(self, index: int) -> int:
        """Return the number of a column in its file, from 1."""
        return int(self.frame.columns[index]) + 1

    def name(self, index: int) -> str:
        """Return the heading of a column in quotes, or its number."""
        text = self.headings[index].text
        return repr(text) if text else str(self.number(index))


def unit_of(text: str) -> tuple[str, float] | None:
    """Return the base unit and the factor to it, None if the text is not a unit of a measurement.

    Example:
        >>> unit_of("mA"), unit_of("kΩ"), unit_of("Second"), unit_of("1")
        (('A', 0.001), ('ohm', 1000.0), ('s', 1.0), None)
    """
    found = read_unit("°C" if text.strip() == "C" else text, _UNITS)
    return (found[0], float(found[1])) if found else None


def expected_unit(quantity: str) -> str:
    """Return the SI unit of a quantity, empty for counts and names. Raises InputError."""
    if quantity and quantity not in shipped("headings.csv"):
        raise InputError(unknown_name("quantity", quantity, shipped("headings.csv")))
    return shipped("headings.csv")[quantity]["unit"] if quantity else ""


def understand(text: str, unit: str = "") -> Heading:
    """Return what a heading says; ``unit`` is that of a second heading row, if there is one.

    Example:
        >>> understand("WE(1).Current (mA)").quantity, understand("Smu1.V[1][1]").quantity
        ('current', 'voltage')
    """
    name, found = text, unit_of(unit)
    if found is None and (match := re.fullmatch(_WITH_UNIT, text)):
        inner = match[2] or match[3] or ""
        # An unknown unit is kept, so that it is not taken for none; "[1]" counts channels.
        kept = inner and not inner.isdigit() and match[3] is None
        found = unit_of(inner) or ((inner, 1.0) if kept else None)
        name = match[1] if found else text
    elif found is None and (match := re.fullmatch(_SUFFIX, text)):
        # "V_a" is a name, "voltage_v" one with its unit; "ms" after a conductance are millisiemens.
        given = map(unit_of, (match[2], match[2][:-1] + match[2][-1].upper()))
        expected = expected_unit(_quantity(match[1]))
        found = next((u for u in given if u and {"degC": "K"}.get(u[0], u[0]) == expected), None)
        name = match[1] if found else text
    base, scale = found or ("", 1.0)
    temperature = name.strip().lower() == "t" and base in ("K", "degC")
    return Heading(text, "temperature" if temperature else _quantity(name), base, scale)


def _quantity(name: str) -> str:
    rows, key = shipped("headings.csv").items(), name.strip().lower()
    return next((q for q, row in rows if re.fullmatch(row["pattern"], key)), "")


def clock_seconds(column: pd.Series[Any]) -> pd.Series[float] | None:
    """Return seconds since the first of the stamps of a clock, None where it has others.

    A time of day that falls by more than half a day has passed midnight.
    """
    import pandas as pd

    text = column.dropna()
    of_day = re.fullmatch(r"\d{1,2}:\d\d:\d\d([.,]\d+)?", str(text.iloc[0]))
    if not of_day and not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", str(text.iloc[0])):
        return None
    stamps = "2000-01-01T" * bool(of_day) + text.astype(str).str.replace(",", ".")
    times = pd.to_datetime(stamps, format="ISO8601", utc=True, errors="coerce")
    seconds = (times - times.iloc[0]).dt.total_seconds()
    days = (seconds.diff() < -43200).cumsum() if of_day else 0
    return (seconds + 86400.0 * days).reindex(column.index)


def read_tables(path: Source) -> list[Table]:
    """Return the tables of a file: one, or one for each sheet or repetition.

    Raises:
        InputError: the file cannot be read, or holds no table of numbers.
        MissingExtraError: the library for Excel files is not installed.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    texts = _texts(path.name, content)
    tables = [table for label, text in texts.items() for table in _tables(path.name, text, label)]
    tables = [table for table in tables if table.headings]
    # Sheets of settings have no columns that are known.
    known = [t for t in tables if sum(bool(h.quantity) for h in t.headings) > 1] or tables
    if not known:
        text = "give a row for each point, with tab, comma, semicolon or space between columns"
        raise InputError(f"{path.name} has no table of numbers: {text}")
    digest = hashlib.sha256(content).hexdigest()
    return [replace(table, sha256=digest) for table in known]


def _texts(name: str, content: bytes) -> dict[str, str]:
    """The text of a file, or of each sheet of a workbook, by its label."""
    # An Excel file is a ZIP archive or an OLE container, whatever its name.
    import pandas as pd

    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        try:
            packed = content.startswith(b"PK") and zipfile.ZipFile(io.BytesIO(content)).infolist()
            if packed and (size := sum(entry.file_size for entry in packed)) > _MOST_UNPACKED:
                raise ValueError(f"it unpacks to {size / 1e6:.0f} MB; export the sheets as CSV")
            if packed:
                from openpyxl import load_workbook

                book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
                sheets = {each.title: pd.DataFrame(_rows(each), dtype=object) for each in book}
            else:
                book = io.BytesIO(content)
                sheets = pd.read_excel(book, sheet_name=None, header=None, dtype=object)
        except ImportError as error:
            package = "openpyxl" if content.startswith(b"PK") else "xlrd"
            raise MissingExtraError(package, "measurements") from error
        # The libraries raise errors of many kinds on a broken file, which share no base class.
        except Exception as error:
            raise InputError(f"{name} cannot be read as a workbook: {error}") from error
        return {f"{k}": v.to_csv(sep="\t", header=False, index=False) for k, v in sheets.items()}
    head = content[:4096]  # of UTF-16 without a mark of its order, every other byte is mostly 0
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    for code, half in (("utf-16", b""), ("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if marked or half.count(0) > 0.8 * len(half):
            return {"": content.decode(code, errors="replace")}
    if b"\0" in head:
        raise InputError(f"{name} is neither text nor Excel: export it as CSV")
    try:
        return {"": content.decode("utf-8-sig")}
    except UnicodeDecodeError:
        return {"": content.decode("latin-1")}


def _rows(sheet: Any) -> list[list[Any]]:
    """Return the cells of a sheet, read row by row; errors (#N/A) and empty ends are left out."""
    from openpyxl.cell.cell import ERROR_CODES

    sheet.reset_dimensions()  # what the file says of its size
    rows: list[list[Any]] = []
    errors, width, last = {*ERROR_CODES}, 0, 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        rows.append([None if cell in errors else cell for cell in cells])
        while rows[-1] and rows[-1][-1] is None:
            rows[-1].pop()
        width, last = max(width, len(rows[-1])), number if rows[-1] else last
        if last * width > _MOST_CELLS:
            text = "delete what stands far outside its table, or export it as CSV"
            raise ValueError(f"sheet {sheet.title!r} spans {last:,} × {width:,} cells; {text}")
    return [[*row, *[None] * (width - len(row))] for row in rows[:last]]


def _tables(file: str, text: str, label: str) -> Iterator[Table]:
    """The tables of a text: each block of EasyEXPERT, or the only one, cut into repetitions."""
    lines = text.splitlines()
    blocks = [n for n, line in enumerate(lines) if line.startswith("DataName")]
    for start, stop in itertools.pairwise([*blocks, len(lines)]):
        rows = {n + 1: lines[n] for n in range(start, stop) if lines[n].startswith("DataValue")}
        if rows:
            yield _filled(file, label, rows, (",", "."), [_cells(lines[start], ",")])
    size = np.cumsum([len(line) for line in lines[:_SNIFFED]])
    head = lines[: max(20, int(np.searchsorted(size, _SNIFFED_SIZE)))]
    found = None if blocks else _layout(head)
    if found is None:
        return
    layout, first, width = found
    above = [_cells(line, layout[0]) for line in lines[:first] if line.strip()][-4:]
    names = [cells for cells in above if abs(len(cells) - width) <= 1]
    bare = [[re.sub(r"(?i)units?|[()\[\]{}]", "", cell) for cell in cells] for cells in names]
    of_units = [any(cells) and all(map(unit_of, filter(None, cells))) for cells in bare]
    units = next((bare[n] for n in range(len(names)) if len(names) > 1 and of_units[n]), [])
    if units:  # of several rows of names the one with most quantities; the last if none has two
        names = [cells for cells, found in zip(names, of_units, strict=True) if not found]
        names.sort(key=lambda row: max(1, len({understand(cell).quantity for cell in row} - {""})))
    names = names[-1:]
    if not names and above and 2 * len(above[-1]) == width and layout[0] == ",":
        text = f"{len(above[-1])} names for {width} columns; if commas are decimal signs, too, "
        raise InputError(f"{file} line {first + 1}: {text}separate the columns by semicolons")
    # Settings may follow behind an empty line.
    last = next(n for n in reversed(range(len(lines))) if lines[n].strip() and _layout([lines[n]]))
    stop = next((n for n in range(last, len(lines)) if not lines[n].strip()), len(lines))
    body = dict(enumerate(lines[first:stop], start=first + 1))
    table = _filled(file, label, body, layout, [*names[:1], units])
    runs = [re.search(r"\[\d+\](\[\d+\])$", heading.text) for heading in table.headings]
    marks = list(dict.fromkeys(found[1] for found in runs if found))
    for mark in marks if len(marks) > 1 else [""]:  # V[1][1], V[1][2], … side by side
        chosen = [i for i, run in enumerate(runs) if not mark or (run and run[1] == mark)]
        part = table.frame.iloc[:, chosen].dropna(how="all")
        headings = tuple(table.headings[i] for i in chosen)
        yield replace(table, frame=part, headings=headings, label=f"{label} {mark}".strip())


def _cells(line: str, separator: str | None) -> list[str]:
    cells = line.split(separator)
    if separator and '"' in line:  # quotes may hold a separator
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    return [cell.strip().strip('"').strip() for cell in cells]


def _layout(head: Sequence[str]) -> tuple[_Layout, int, int] | None:
    """Separator and decimal sign under which most lines are rows of numbers; first row, width."""
    found = []
    for separator, decimal in _LAYOUTS:
        number = re.compile(rf"[-+]?(\d+[{decimal}]?\d*|[{decimal}]\d+)([eE][-+]?\d+)?|(?i:nan)|")
        kinds: dict[tuple[bool, ...], list[int]] = {}
        for row, line in enumerate(head):
            # A tag or a status may stand beside the numbers, in every row.
            cells = _cells(line, separator)
            kind = tuple(bool(number.fullmatch(cell)) for cell in cells)
            several = sum(good and cell != "" for good, cell in zip(kind, cells, strict=True)) > 1
            if several or (2 * sum(kind) > len(kind) and any(cells) and separator == ","):
                kinds.setdefault(kind, []).append(row)
        for kind, rows in kinds.items():
            width = len(kind)
            rank = (len(rows), sum(kind) / width, width)
            found.append((rank, ((separator, decimal), rows[0], width)))
    return max(found, key=lambda item: item[0])[1] if found else None


def _filled(
    file: str, label: str, rows: dict[int, str], layout: _Layout, header: list[list[str]]
) -> Table:
    """The table of some lines; columns and rows that are wholly empty are left out."""
    import pandas as pd

    settings: Any = {"header": None, "skip_blank_lines": False, "skipinitialspace": True}
    text, separator, numbers = io.StringIO("\n".join(rows.values())), layout[0] or r"\s+", [*rows]
    try:
        frame = pd.read_csv(text, sep=separator, decimal=layout[1], low_memory=False, **settings)
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        expected, row, seen = found.groups() if found else ("fewer", "1", "other")
        problem = f"{seen} cells where the rows before have {expected}; remove the row or mend it"
        raise InputError(f"{file} line {numbers[int(row) - 1]}: {problem}") from error
    frame.index = pd.Index(numbers[: len(frame)])
    frame = frame.dropna(how="all").dropna(axis=1, how="all")
    names, units = (dict(enumerate(cells)) for cells in (*header, [], [])[:2])
    headings = tuple(understand(names.get(i, ""), units.get(i, "")) for i in frame)
    return Table(file, headings, frame, label)
