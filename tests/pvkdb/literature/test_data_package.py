"""``datapackage.json`` describes the curated files; the files are what it says."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pvkdb.errors import InputError
from pvkdb.literature.loader import FILES
from pvkdb.schemas.tables import ConductionRow

from ...each import for_each

FOLDER = Path(__file__).resolve().parents[3] / "pvkdb" / "literature"
PACKAGE = json.loads((FOLDER / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in PACKAGE["resources"]}

#: How Table Schema spells values. Its E of an exponent is written small in the curated files, as
#: readers of the standard accept.
SPELLING = {
    "string": r"(?s).+",
    "integer": r"[+-]?\d+",
    "number": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    "boolean": r"true|false",
}
Rows = list[dict[str, str]]


def rows_of(name: str) -> Rows:
    with (FOLDER / RESOURCES[name]["path"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def faults(name: str, rows: Rows) -> list[str]:
    """What Table Schema finds wrong with the rows of a resource."""
    schema = RESOURCES[name]["schema"]
    fields = {field["name"]: field for field in schema["fields"]}
    found = [f"header {list(row)}" for row in rows[:1] if list(row) != list(fields)]
    found += [
        f"row {line}, {column}: {cell!r} breaks {broken}"
        for line, row in enumerate(rows, start=1)
        for column, cell in row.items()
        if (broken := _broken(fields[column], cell))
    ]
    for columns in [
        schema.get("primaryKey", []),
        *([field] for field in fields if fields[field].get("constraints", {}).get("unique")),
    ]:
        keys = [tuple(row[column] for column in columns) for row in rows]
        if columns and len(set(keys)) < len(keys):
            found.append(f"{columns} repeat")
    for foreign in schema.get("foreignKeys", []):
        (column,), (key,) = foreign["fields"], foreign["reference"]["fields"]
        known = {row[key] for row in rows_of(foreign["reference"]["resource"])}
        found += [
            f"{column}: {row[column]!r} is unknown" for row in rows if row[column] not in known
        ]
    return found


def _broken(field: dict[str, Any], cell: str) -> str | None:
    constraints = field.get("constraints", {})
    if cell in RESOURCES["references"]["schema"]["missingValues"]:
        return "required" if constraints.get("required") else None
    if not re.fullmatch(SPELLING[field["type"]], cell):
        return f"type {field['type']}"
    if not re.fullmatch(constraints.get("pattern", r"(?s).*"), cell):
        return "pattern"
    if "enum" in constraints and cell not in constraints["enum"]:
        return "enum"
    if "minimum" in constraints and float(cell) < constraints["minimum"]:
        return "minimum"
    if "maximum" in constraints and float(cell) > constraints["maximum"]:
        return "maximum"
    return None


def test_the_package_holds_every_curated_file_and_nothing_else() -> None:
    assert list(RESOURCES) == [file.replace("/", "-") for file in FILES]
    assert {entry["path"] for entry in PACKAGE["resources"]} == {
        str(path.relative_to(FOLDER))
        for path in FOLDER.rglob("*.csv")
        if "templates" not in path.parts
    }
    assert "10.1039/d5cs01222h" in PACKAGE["sources"][0]["path"]
    assert PACKAGE["licenses"][0]["name"] == "MIT"


@for_each("name", RESOURCES)
def test_size_and_hash_are_those_of_the_file(name: str) -> None:
    content = (FOLDER / RESOURCES[name]["path"]).read_bytes()
    stale = "run: python docs/reference/generate.py"
    assert RESOURCES[name]["bytes"] == len(content), stale
    assert RESOURCES[name]["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}", stale
    assert RESOURCES[name]["rows"] == len(rows_of(name)), stale


@for_each("name", RESOURCES)
def test_encoding_and_line_ends(name: str) -> None:
    raw = (FOLDER / RESOURCES[name]["path"]).read_bytes()
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\n")
    for row in rows_of(name):
        assert all(cell == cell.strip() for cell in row.values()), row


@for_each("name", RESOURCES)
def test_a_file_conforms_to_its_schema(name: str) -> None:
    assert faults(name, rows_of(name)) == []


@for_each("name", RESOURCES)
def test_every_key_of_a_cell_is_in_the_bibliography(name: str) -> None:
    """Table Schema cannot declare this where a cell holds several keys."""
    known = {row["key"] for row in rows_of("references") + rows_of("open_pages-references")}
    for row in rows_of(name):
        assert set(row.get("references", "").split()) <= known


@for_each("name", RESOURCES)
def test_fields_say_what_a_reader_needs(name: str) -> None:
    for field in RESOURCES[name]["schema"]["fields"]:
        assert field["description"]
        assert field["source"]
        assert field.get("constraints", {}).get("required") or field["empty"]
        if field["type"] in ("number", "integer"):
            assert ("unit" in field) != ("unit_column" in field)


def _set(line: int, column: str, cell: str) -> Callable[[Rows], Any]:
    return lambda rows: rows[line].__setitem__(column, cell)


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("energetics", _set(0, "value_min_ev", "low"), "breaks type number"),
        ("energetics", _set(0, "id", ""), "breaks required"),
        ("energetics", _set(0, "method", "guess"), "breaks enum"),
        ("energetics", _set(0, "references", "r36,r70 "), "breaks pattern"),
        ("energetics", _set(1, "id", "e-t1-r01-dfe"), "repeat"),
        ("devices", _set(3, "references", "r9999"), "is unknown"),
        ("devices", _set(3, "retention_s", "-1"), "breaks minimum"),
        ("benchmark_datasets", _set(2, "accuracy_percent", "890"), "breaks maximum"),
        ("energetics", lambda rows: rows[0].pop("erratum"), "header"),
    ],
)
def test_the_check_finds_what_is_wrong(name: str, spoil: Callable[[Rows], Any], found: str) -> None:
    rows = rows_of(name)
    spoil(rows)
    assert any(found in fault for fault in faults(name, rows))


def test_a_column_that_no_model_declares_is_refused() -> None:
    generate = runpy.run_path(str(FOLDER.parents[1] / "docs" / "reference" / "generate.py"))
    with pytest.raises(InputError, match=r"conduction\.csv .* ConductionRow .*: colour"):
        generate["_schema"]("conduction", ConductionRow, ["mechanism", "colour"])
