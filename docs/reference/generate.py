"""Write the data dictionary: ``python docs/reference/generate.py``.

It makes ``tables.md`` here and ``datapackage.json`` beside the curated files, both from the row
models; run it after every change of a model or of a curated file.
"""

from __future__ import annotations

import inspect
from importlib import resources
from pathlib import Path

from pvkdb.literature import datapackage
from pvkdb.literature.loader import FILES
from pvkdb.schemas.tables import TABLES
from pvkdb.schemas.tables.columns import SOURCES, Column, Row

PAGE = Path(__file__).with_name("tables.md")
PACKAGE = Path(str(resources.files("pvkdb.literature"))) / datapackage.PACKAGE

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
    kept = f"; curated in `pvkdb/literature/{name}.csv`" if name in FILES else ""
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


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def main() -> None:
    """Write both files."""
    PAGE.write_text(render(), encoding="utf-8")
    PACKAGE.write_text(datapackage.render(), encoding="utf-8")


if __name__ == "__main__":
    main()
