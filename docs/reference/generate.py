"""Write the table reference from the row models: ``python docs/reference/generate.py``."""

from __future__ import annotations

import re
from pathlib import Path

from pvkdb.schemas.tables import TABLES

PAGE = Path(__file__).with_name("tables.md")
HEAD = """# Exported tables

`pvkdb export NAME`, `GET /api/v1/export/NAME` and the client give these rows. Column names carry
units. An empty cell means "not reported". Made by `docs/reference/generate.py`; do not edit.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for name, row in TABLES.items():
        parts.append(f"\n## {name}\n\n{(row.__doc__ or '').strip()}\n")
        parts.append("| column | type | meaning |\n|---|---|---|")
        for column, field in row.model_fields.items():
            parts.append(f"| `{column}` | {_type(field.annotation)} | {field.description or ''} |")
    return "\n".join(parts) + "\n"


def _type(annotation: object) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    text = re.sub(r"\b(typing|datetime|pvkdb\.schemas\.\w+)\.", "", text)
    text = re.sub(r"Literal\[([^\]]*)\]", lambda found: found[1].replace("'", "`"), text)
    return text.replace("| None", "or empty").replace("|", "or")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
