"""Write the columns of the store's models: ``python docs/reference/store_columns.py``.

They are those of the exported tables (``pvkdb/schemas/tables``), in a plain file, so that editors
and mypy see them. Run it after a change of a column; a test fails as long as the file is old.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pvkdb.schemas.tables import TABLES
from pvkdb.schemas.tables.columns import Column, Row

FILE = Path(__file__).parents[2] / "pvkdb" / "store" / "models" / "columns.py"
HEAD = '''"""Columns of the store. Made by docs/reference/store_columns.py; do not edit.

They are those of the exported tables; the models add keys, indexes and relations.
"""

from datetime import datetime

from sqlalchemy.orm import Mapped
'''
#: Tables whose models code names; those of others are made from the declarations when they load.
TABLES_WITH_MODELS = (
    *("calculations", "compositions", "corrections", "device_claims", "devices"),
    *("electronic", "energetics", "materials", "references", "structures"),
)
TYPES = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}


def render(tables: Mapping[str, type[Row]] | None = None) -> str:
    """Return the text of the file."""
    wanted = {name: TABLES[name] for name in TABLES_WITH_MODELS} if tables is None else tables
    return HEAD + "".join(_table(*each) for each in wanted.items())


def _table(name: str, row: type[Row]) -> str:
    others = {*row.elsewhere, *row.primary_key}
    stored = (each for each in row.dictionary().values() if each.name not in others)
    return "\n".join(
        [
            f"\n\nclass {name.title().replace('_', '')}Columns:",
            f'    """Columns of ``{name}``."""\n',
            *(f"    {column.name}: Mapped[{_type(row, column)}]" for column in stored),
            "",
        ]
    )


def _type(row: type[Row], column: Column) -> str:
    kind = TYPES.get(column.type, column.type)
    return f"{kind} | None" if row.model_fields[column.name].default is None else kind


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FILE.write_text(render(), encoding="utf-8")
