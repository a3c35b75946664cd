"""Rows as they should read: with corrections in place of what is printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.tables import ReferencesRow, Row
from pvkdb.store.models.reviewed import Correction

RowT = TypeVar("RowT", bound=Row)
#: Corrections of a row by its columns.
Cells = Mapping[str, Correction]


def corrections(session: Session) -> Mapping[str, Cells]:
    """Return all corrections by row; of a row without any an empty mapping."""
    found: defaultdict[str, dict[str, Correction]] = defaultdict(dict)
    for each in session.scalars(select(Correction)):
        found[each.row][each.column] = each
    return found


def corrected(row: RowT, cells: Cells) -> RowT:
    """Return a row with its corrected cells, their source, and an erratum that says so."""
    if not cells:
        return row
    values = row.model_dump() | {name: each.value or None for name, each in cells.items()}
    if "erratum" in values:
        listed = dict.fromkeys(f"corrected: {each.why}" for each in cells.values())
        values["erratum"] = "; ".join(filter(None, (*listed, values["erratum"])))
        values["source"] = "; ".join(dict.fromkeys(each.source for each in cells.values()))
    return type(row).model_validate(values)


def corrected_references(session: Session, rows: Iterable[Any]) -> Iterator[ReferencesRow]:
    """Yield references with their corrected cells."""
    right = corrections(session)
    return (corrected(row, right[row.key]) for row in rows)
