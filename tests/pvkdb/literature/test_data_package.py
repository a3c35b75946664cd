"""``datapackage.json`` describes the curated files; the files are what it says."""

from __future__ import annotations

import csv
import hashlib
import json
import runpy
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

Rows = list[dict[str, str]]


def rows_of(name: str) -> Rows:
    with (FOLDER / RESOURCES[name]["path"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


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
def test_a_file_is_what_the_package_says(name: str) -> None:
    content, rows = (FOLDER / RESOURCES[name]["path"]).read_bytes(), rows_of(name)
    stale = "run: python docs/reference/generate.py"
    assert RESOURCES[name]["bytes"] == len(content), stale
    assert RESOURCES[name]["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}", stale
    assert RESOURCES[name]["rows"] == len(rows), stale
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\n")
    # The values are checked by whoever loads the file.
    assert list(rows[0]) == [each["name"] for each in RESOURCES[name]["schema"]["fields"]]
    # Table Schema cannot declare this where a cell holds several keys.
    known = {row["key"] for each in RESOURCES if "references" in each for row in rows_of(each)}
    for row in rows:
        assert all(cell == cell.strip() for cell in row.values()), row
        assert set(row.get("references", "").split()) <= known


@for_each("name", RESOURCES)
def test_fields_say_what_a_reader_needs(name: str) -> None:
    for field in RESOURCES[name]["schema"]["fields"]:
        assert field["description"]
        assert field["source"]
        assert field.get("constraints", {}).get("required") or field["empty"]
        if field["type"] in ("number", "integer"):
            assert ("unit" in field) != ("unit_column" in field)


def test_a_column_that_no_model_declares_is_refused() -> None:
    generate = runpy.run_path(str(FOLDER.parents[1] / "docs" / "reference" / "generate.py"))
    with pytest.raises(InputError, match=r"conduction\.csv .* ConductionRow .*: colour"):
        generate["_schema"]("conduction", ConductionRow, ["mechanism", "colour"])
