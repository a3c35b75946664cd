"""Rows of exported tables; :mod:`pvkdb.store.files.table_files` writes them to files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import radii
from pvkdb.chemistry.ions import ions_without_radius, molecular_ions
from pvkdb.chemistry.tolerance import DEFINED
from pvkdb.compositions.tolerance import tolerance_row
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.tables import TABLES, IonsRow, Row, ToleranceRow
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.reviewed import REPLACED
from pvkdb.store.rows.from_models import document_of


def table_rows(session: Session, name: str) -> Iterator[Row]:
    """Return the rows of an exported table, in order; rankings are in ``pvkdb.suitability``.

    Raises:
        InputError: the table is unknown.
    """
    if name in COLLECTIONS:
        return COLLECTIONS[name].iterate(session, {})
    if name in REPLACED:
        model: Any = REPLACED[name]
        entries = session.scalars(select(model).order_by(*inspect(model).primary_key))
        return (document_of(TABLES[name], entry) for entry in entries)
    if name == "ions":
        return ion_rows()
    if name == "tolerance":
        return tolerance_rows(session)
    raise InputError(unknown_name("table", name, TABLES))


def ion_rows() -> Iterator[IonsRow]:
    """Yield every radius of the registry, then the ions without a known radius."""
    known = set()
    for radius in radii():
        known.add(radius.ion.symbol)
        ion = {"ion": radius.ion.symbol, "charge": radius.ion.charge}
        yield document_of(IonsRow, radius, **ion, **_molecule(radius.ion.symbol))
    for entry in molecular_ions().values():
        if entry.symbol not in known:
            ion = {"ion": entry.symbol, "charge": entry.charge, "source": entry.source}
            yield IonsRow.model_validate({**ion, **_molecule(entry.symbol)})
    for ion_, source in ions_without_radius().items():
        row = {"ion": ion_.symbol, "charge": ion_.charge, "source": source}
        yield IonsRow.model_validate(row)


def _molecule(symbol: str) -> dict[str, str | None]:
    """Return name, formula and SMILES of a molecular ion; None for an element."""
    entry = molecular_ions().get(symbol)
    return {name: getattr(entry, name, None) for name in ("name", "formula", "smiles")}


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
