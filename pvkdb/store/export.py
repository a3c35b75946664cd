"""Exporting tables: the rows of a table, and writing them as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition, radii, tolerance_factors
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.chemistry.tolerance import DEFINED
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.columns import ColumnType
from pvkdb.schemas.tables import TABLES, IonsRow, Row, ToleranceRow
from pvkdb.store.applications import ApplicationRequirement
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.materials import Composition, Material
from pvkdb.store.reviewed import REVIEWED
from pvkdb.store.rows import applications_row, reviewed_row

Format = Literal["csv", "json", "parquet"]
FORMATS: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def table_rows(session: Session, name: str) -> Iterator[Row]:
    """The rows of an exported table, in order. Rankings are made in ``pvkdb.suitability``.

    Raises:
        InputError: no table has this name.
    """
    if name in COLLECTIONS:
        return COLLECTIONS[name].iterate(session, {})
    if name == "applications":
        statement = select(ApplicationRequirement).order_by(ApplicationRequirement.id)
        return (applications_row(requirement) for requirement in session.scalars(statement))
    if name in REVIEWED:
        model = REVIEWED[name]
        return map(reviewed_row, session.scalars(select(model).order_by(model.position)))
    if name == "ions":
        return ion_rows()
    if name == "tolerance":
        return tolerance_rows(session)
    raise InputError(unknown_name("table", name, TABLES))


def ion_rows() -> Iterator[IonsRow]:
    """Every radius of the registry, then the ions for which no radius is known."""
    known = set()
    for radius in radii():
        known.add(radius.ion.symbol)
        entry = molecular_ions().get(radius.ion.symbol)
        yield IonsRow(
            ion=radius.ion.symbol,
            charge=radius.ion.charge,
            name=entry.name if entry else None,
            formula=entry.formula if entry else None,
            smiles=entry.smiles if entry else None,
            radius_ang=radius.radius_ang,
            kind=radius.kind,
            coordination=radius.coordination,
            spin=radius.spin,
            geometry=radius.geometry,
            source=radius.source,
        )
    for entry in molecular_ions().values():
        if entry.symbol not in known:
            yield IonsRow(
                ion=entry.symbol,
                charge=entry.charge,
                name=entry.name,
                formula=entry.formula,
                smiles=entry.smiles,
                source=entry.source,
            )


def tolerance_rows(session: Session) -> Iterator[ToleranceRow]:
    """Tolerance factors of the ABX3 and A2BB'X6 compositions with numbers and sourced radii."""
    formulas = session.scalars(
        select(Composition.formula)
        .join(Material)
        .where(Material.family.in_(DEFINED))
        .distinct()
        .order_by(Composition.formula)
    )
    for formula in formulas:
        try:
            yield tolerance_row(formula)
        except InputError:
            continue


def tolerance_row(formula: str) -> ToleranceRow:
    """Tolerance factors of one formula.

    Raises:
        FormulaError: the formula cannot be used.
        InputError: it is neither ABX3 nor A2BB'X6.
        MissingRadiusError: an ion has no radius with a source.
    """
    factors = tolerance_factors(parse_composition(formula))
    return ToleranceRow(
        formula=factors.formula,
        r_a_ang=factors.r_a_ang,
        r_b_ang=factors.r_b_ang,
        r_x_ang=factors.r_x_ang,
        t=factors.t,
        mu=factors.mu,
        tau=factors.tau,
        p_perovskite=factors.p_perovskite,
        radii_source=factors.radii_source,
    )


def write_table(name: str, rows: Iterable[Row], format: Format) -> bytes:
    """A table as the bytes of a file."""
    columns = TABLES[name].columns()
    records = (row.model_dump(mode="json") for row in rows)
    if format == "json":
        return json.dumps(list(records), ensure_ascii=False, indent=1).encode() + b"\n"
    if format == "csv":
        return _csv(columns, records)
    return _parquet(columns, name, records)


def _csv(columns: list[str], records: Iterable[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([_cell(record[column]) for column in columns])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _parquet(columns: list[str], name: str, records: Iterable[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    declared = TABLES[name].dictionary()
    schema = pa.schema(
        [pa.field(column, _arrow_type(pa, declared[column].type)) for column in columns]
    )
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(r) for r in records], schema=schema), sink)
    return sink.getvalue()


def _arrow_type(pa: Any, kind: ColumnType) -> Any:
    """Arrow type of a column; times travel as ISO text, like in JSON."""
    known = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    return known.get(kind, pa.string())
