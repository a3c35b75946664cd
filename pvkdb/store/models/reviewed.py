"""Tables 3 and 5 to 10 of the review in their printed order, requirements, and corrections.

``position`` is the place in the curated file; ``references`` is text here, since these tables are
read as a whole and never searched by publication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CheckConstraint, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.schemas.tables import TABLES
from pvkdb.store.base import Base
from pvkdb.store.models.columns import CorrectionsColumns

_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


class Correction(CorrectionsColumns, Base):
    """What a cell of another table should read; the cell keeps the printed value."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("row_key", "column_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[str] = mapped_column("row_key")
    column: Mapped[str] = mapped_column("column_name")


class ReviewedRow(Base):
    """A row of a descriptive table of the review."""

    __abstract__ = True

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


def _model(name: str, table: str, base: type[Base], special: Mapping[str, Any]) -> type[Base]:
    """Return a model with the columns that the rows of a table declare, some of them special."""
    columns: dict[str, Any] = {}
    for each in TABLES[name].dictionary().values():
        kind: Any = _TYPES[each.type]
        empty = TABLES[name].model_fields[each.name].default is None
        columns[each.name] = Mapped[kind | None] if empty else Mapped[kind]
    facts = {"__tablename__": table, "__module__": __name__, "__annotations__": columns}
    return type(TABLES[name].__name__.removesuffix("Row"), (base,), {**facts, **special})


#: Descriptive tables by public name.
REVIEWED: dict[str, type[Base]] = {
    name: _model(name, table, ReviewedRow, special)
    for name, table, special in (
        ("array_challenges", "array_challenges", {}),
        ("benchmark_datasets", "benchmark_datasets", {}),
        ("conduction", "conduction_mechanisms", {"mechanism": mapped_column(unique=True)}),
        ("processing", "processing_techniques", {"technique": mapped_column(unique=True)}),
        ("test_protocols", "test_protocols", {"table": mapped_column("printed_table")}),
    )
}
_REQUIREMENTS = {
    "id": mapped_column(Integer, primary_key=True),
    "application": mapped_column(index=True),
    "__table_args__": (
        UniqueConstraint(
            *("application", "metric", "comparator", "source"),
            name="uq_application_requirements_row",
        ),
        CheckConstraint("comparator IN ('>', '<', '>=', '<=', 'between')", name="comparator"),
        CheckConstraint("comparator <> 'between' OR value_max IS NOT NULL", name="window"),
        CheckConstraint("basis IN ('printed', 'reading', 'working point', 'offer')", name="basis"),
    ),
}
#: Every table that a release replaces as a whole, by public name.
REPLACED: dict[str, type[Base]] = {
    "applications": _model("applications", "application_requirements", Base, _REQUIREMENTS),
    "corrections": Correction,
    **REVIEWED,
}
