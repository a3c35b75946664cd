"""Rows of exported tables; :mod:`pvkdb.store.files.table_files` writes them to files."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry.factors.tolerance import DEFINED
from pvkdb.compositions.tolerance import tolerance_row
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.tables import TABLES, CorrectionsRow, Row, ToleranceRow
from pvkdb.store.collections import LISTED
from pvkdb.store.collections.small import ion_rows
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.reviewed import Correction
from pvkdb.store.rows.from_models import document_of


def table_rows(session: Session, name: str) -> Iterator[Row]:
    """Return the rows of an exported table, in order; rankings are in ``pvkdb.suitability``.

    Raises:
        InputError: the table is unknown.
    """
    if name == "ions":
        return ion_rows()
    if name in LISTED:
        return LISTED[name].iterate(session, {})
    if name == "corrections":
        entries = session.scalars(select(Correction).order_by(Correction.id))
        return (document_of(CorrectionsRow, entry) for entry in entries)
    if name == "tolerance":
        return tolerance_rows(session)
    raise InputError(unknown_name("table", name, TABLES))


def tolerance_rows(session: Session) -> Iterator[ToleranceRow]:
    """Yield tolerance factors of the ABX3 and A2BB'X6 compositions with known radii."""
    formulas = session.scalars(
        select(Composition.formula)
        .join(Material)
        .where(Material.family.in_(DEFINED))
        .distinct()
        .order_by(Composition.formula)
    ).all()
    for formula in formulas:
        try:
            yield tolerance_row(formula)
        except InputError:
            continue
