"""Write the data dictionary: ``python docs/reference/generate.py``.

It makes ``tables.md`` here and ``datapackage.json`` beside the curated files (a Data Package,
version 2, https://datapackage.org), both from the row models, and ``failures.md`` from the kinds of
failure; run it after every change of a model, of a kind or of a curated file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import inspect
import json
from importlib import resources
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError
from pvkdb.literature.loader import FILES
from pvkdb.schemas.tables import TABLES
from pvkdb.schemas.tables.columns import SOURCES, Column, Row, table_schema
from pvkdb_api.explorer.computing.jobs import FAILURES

PAGE = Path(__file__).with_name("tables.md")
FAILURES_PAGE = PAGE.with_name("failures.md")
PACKAGE = Path(str(resources.files("pvkdb.literature"))) / "datapackage.json"

HEAD = """# Data dictionary

Every table that pvkdb gives out, with every column. `pvkdb export NAME`, \
`GET /api/v1/export/NAME` and the client give the same rows. Made by \
`docs/reference/generate.py` from `pvkdb/schemas`; do not edit.

"""
LEGEND = """
How to read the columns:

- **type**: {types}. Words in code style are the only values allowed.
- **unit**: names carry it as suffix; 1 is a pure number, count or ordinal.
- **empty**: what an empty cell (CSV), `null` (JSON, Parquet) or `None` (client) means; — where a \
cell is never empty.
- **values are**: {sources}.
- **CSV**: a text that a spreadsheet would run as a formula has an apostrophe in front: one that \
begins with `=`, `@`, a tab or a carriage return, or with `+` or `-` and not merely a number or a \
range of two (`-0.6 V`, but neither `-3.6` nor `-0.078 to -3.6`). `pvkdb import` removes it. \
`pvkdb export --raw` and `?raw=true` leave it out; numbers, JSON and Parquet never have it.

The files in `pvkdb/literature` hold the curated tables; `datapackage.json` beside them says the \
same as this page to programs, in the form of a [Data Package](https://datapackage.org).
"""
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "datetime": "time",
}


def render() -> str:
    """The page as Markdown."""
    index = "".join(f"- [{name}](#{name}): {row.purpose}\n" for name, row in TABLES.items())
    legend = LEGEND.format(
        types=", ".join(f"{word}" for word in TYPES.values()),
        sources="; ".join(f"*{word}*, {meaning}" for word, meaning in SOURCES.items()),
    )
    return HEAD + index + legend + "".join(_table(*entry) for entry in TABLES.items())


def _table(name: str, row: type[Row]) -> str:
    key = ", ".join(f"`{column}`" for column in row.primary_key)
    files = [file for file in FILES if _table_of(file) == name]
    kept = " and ".join(f"`pvkdb/literature/{file}.csv`" for file in files)
    kept = f"; curated in {kept}" if kept else ""
    lines = [
        f"\n## {name}\n",
        f"{row.purpose}\n",
        f"Each row is {_lower(inspect.getdoc(row) or '')} Key: {key}{kept}.\n",
        "| column | meaning | type | unit | empty | values are |",
        "|---|---|---|---|---|---|",
        *(_line(column) for column in row.dictionary().values()),
    ]
    return "\n".join(lines) + "\n"


def _line(column: Column) -> str:
    cells = (
        f"`{column.name}`",
        column.meaning,
        ", ".join(f"`{value}`" for value in column.values) or TYPES[column.type],
        f"see `{column.unit_column}`" if column.unit_column else column.unit or "",
        column.empty or "—",
        column.source,
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _table_of(file: str) -> str:
    return "references" if file == "dois_seen" else file.rpartition("/")[2]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def render_package() -> str:
    """The text of ``datapackage.json``.

    Raises:
        InputError: a file has a column that its row model does not declare.
    """
    return json.dumps(package(), ensure_ascii=False, indent=2) + "\n"


def package() -> dict[str, Any]:
    """The package: whose data it is, and one resource for each curated file."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "pvkdb-literature",
        "title": "Halide-perovskite memristors: curated literature",
        "description": (
            "Energetics, devices, their figures, requirements of applications and the bibliography "
            "behind them, transcribed from one review and read on open pages of further papers.\n\n"
            "Only facts are taken, each with its place; a printed number stays as printed, and a "
            "doubt is recorded beside it in `erratum`. README.md holds the rules of curation, "
            "pvkdb's NOTICE says what is taken from the review. Additions to the standard: `unit` "
            "(1 is a pure number), `unit_column`, `empty` (what an empty cell means) and `source` "
            "of a field, `rows` of a resource."
        ),
        "keywords": ["halide perovskite", "memristor", "ion migration", "neuromorphic computing"],
        "licenses": [
            {
                "name": "MIT",
                "title": "MIT License",
                "path": "https://opensource.org/license/mit",
            }
        ],
        "sources": [
            {
                "title": (
                    "N. Yantara, X. Xing, D. Sharma, D. J. J. Tay, S. Varku and N. Mathews, From "
                    "solar cells to memristors: halide perovskites as a platform for neuromorphic "
                    "electronics, Chem. Soc. Rev., 2026, 55, 2145"
                ),
                "path": "https://doi.org/10.1039/d5cs01222h",
            }
        ],
        "contributors": [{"title": "The pvkdb developers", "roles": ["dataCurator"]}],
        "resources": [_resource(name) for name in FILES],
    }


def _resource(file: str) -> dict[str, Any]:
    name = _table_of(file)
    content = (resources.files("pvkdb.literature") / f"{file}.csv").read_bytes()
    header, *rows = csv.reader(content.decode().splitlines())
    return {
        "name": file.replace("/", "-"),
        "type": "table",
        "path": f"{file}.csv",
        "description": f"{TABLES[name].purpose} A row: {inspect.getdoc(TABLES[name])}",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "rows": len(rows),
        "schema": _schema(file, TABLES[name], header),
    }


def _schema(file: str, row: type[Row], header: list[str]) -> dict[str, Any]:
    name = _table_of(file)
    declared = row.dictionary()
    unknown = [column for column in header if column not in declared]
    if unknown:
        raise InputError(
            f"{file}.csv has columns that {row.__name__} does not declare: {', '.join(unknown)}; "
            "declare them in pvkdb/schemas"
        )
    # Rows of further files cite both lists of references, which Table Schema cannot say.
    return table_schema(name, row, header, "references" if file == name else None)


def render_failures() -> str:
    """The page of the kinds of failure."""
    lines = [
        "# Failures of calculations\n",
        "A failure is a result: it is kept with its kind and numbers, and counted. `pvkdb jobs "
        "--state failed` lists them. Made by `docs/reference/generate.py`; do not edit.\n",
        "| kind | meaning | what to do |",
        "|---|---|---|",
        *(
            f"| {kind.value} | {meaning} | {remedy} |"
            for kind, (meaning, remedy) in FAILURES.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the three files."""
    FAILURES_PAGE.write_text(render_failures(), encoding="utf-8")
    PAGE.write_text(render(), encoding="utf-8")
    PACKAGE.write_text(render_package(), encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
