"""Loading the curated tables into a store: all of them in one transaction, or nothing."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError, PvkdbError
from pvkdb.schemas.tables import TABLES, Row
from pvkdb.store.applications import ApplicationRequirement
from pvkdb.store.base import Base, utc_now
from pvkdb.store.claims import DeviceClaim, DeviceClaimReference
from pvkdb.store.database import SCHEMA_REVISION
from pvkdb.store.devices import Device, DeviceLayer, DeviceMetric, DeviceReference
from pvkdb.store.energetics import Energetic, EnergeticReference
from pvkdb.store.materials import Material
from pvkdb.store.migrate import lock_curation
from pvkdb.store.references import DatasetVersion, Reference
from pvkdb.store.registration import register_material
from pvkdb.store.reviewed import REVIEWED
from pvkdb.store.rows import (
    applications_row,
    device_claims_row,
    devices_row,
    energetics_row,
    references_row,
    reviewed_row,
)

CuratedRow = dict[str, str]

#: The curated files, in the order in which they are loaded.
FILES = ("references", "energetics", "devices", "device_claims", "applications", *REVIEWED)

#: Columns of the curated device table that become one metric each: name, minimum, maximum,
#: qualifier.
_METRIC_COLUMNS = (
    ("on_off_ratio", "on_off_ratio", "on_off_ratio", "on_off_qualifier"),
    ("v_set_v", "v_set_min_v", "v_set_max_v", "v_qualifier"),
    ("v_reset_v", "v_reset_min_v", "v_reset_max_v", "v_qualifier"),
    ("endurance_cycles", "endurance_cycles", "endurance_cycles", None),
    ("retention_s", "retention_s", "retention_s", "retention_qualifier"),
    ("stability_days", "stability_days", "stability_days", "stability_qualifier"),
)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load added; zero where the store already held the curated rows."""

    dataset_version: str
    references: int
    energetics: int
    devices: int
    device_claims: int
    requirements: int
    reviewed_rows: int
    materials: int


@dataclass(frozen=True, slots=True)
class _CuratedTable:
    """A curated file: its key column, its model, and the way from a row of it to the model."""

    name: str
    key: str
    model: type[Reference | Energetic | Device | DeviceClaim]
    build: Callable[[Session, CuratedRow], Any]
    to_row: Callable[[Any], Row]


@cache
def dataset_version() -> str:
    """Version of the curated data: a hash over the files and the schema revision."""
    digest = hashlib.sha256(SCHEMA_REVISION.encode())
    for name in FILES:
        digest.update(_file(name).encode())
    return f"review2026-{digest.hexdigest()[:10]}"


def load_literature(session: Session) -> LoadReport:
    """Add every curated row that the store lacks.

    Raises:
        InputError: a curated row cannot be used; names the file, the line, the column and why.
    """
    lock_curation(session)
    report = LoadReport(
        dataset_version=dataset_version(),
        references=_load(session, _REFERENCES),
        energetics=_load(session, _ENERGETICS),
        devices=_load(session, _DEVICES),
        device_claims=_load(session, _DEVICE_CLAIMS),
        requirements=_load_requirements(session),
        reviewed_rows=sum(_load_reviewed(session, name) for name in REVIEWED),
        materials=session.scalar(select(func.count()).select_from(Material)) or 0,
    )
    if session.get(DatasetVersion, report.dataset_version) is None:
        session.add(DatasetVersion(version=report.dataset_version, loaded_at=utc_now()))
    return report


def read_curated(name: str) -> list[CuratedRow]:
    """The rows of a curated file, cells as text, '' for what is not reported."""
    return list(csv.DictReader(_file(name).splitlines()))


@cache
def _file(name: str) -> str:
    return (resources.files("pvkdb.literature") / f"{name}.csv").read_text(encoding="utf-8")


def _load(session: Session, table: _CuratedTable) -> int:
    """Add the rows that the store lacks; the others must say what this version's file says.

    Otherwise the store would be given a dataset version whose data it does not hold.
    """
    added = 0
    for line, row in enumerate(read_curated(table.name), start=2):
        key = row[table.key]
        try:
            known = session.get(table.model, key)
            built = table.build(session, row)
            if known is None:
                session.add(built)
                added += 1
            elif table.to_row(known) != table.to_row(built):
                raise InputError(
                    "the store holds another version of this row; load this version's data into "
                    "a new database"
                )
        except (PvkdbError, ValueError) as error:
            raise InputError(f"{table.name}.csv line {line} ({key}): {error}") from error
    session.flush()
    return added


def _reference(session: Session, row: CuratedRow) -> Reference:
    return Reference(
        key=row["key"],
        number=_integer(row, "number"),
        authors=row["authors"] or None,
        title=row["title"] or None,
        journal=row["journal"] or None,
        year=_integer(row, "year"),
        volume=row["volume"] or None,
        pages=row["pages"] or None,
        doi=row["doi"] or None,
    )


def _energetic(session: Session, row: CuratedRow) -> Energetic:
    material = register_material(session, parse_composition(row["material"]), row["phase"] or None)
    return Energetic(
        id=row["id"],
        material=material,
        direction=row["direction"] or None,
        defect=row["defect"],
        species=row["species"],
        charge=_integer(row, "charge"),
        quantity=row["quantity"],
        scope=row["scope"],
        value_min_ev=_number(row, "value_min_ev"),
        value_max_ev=_number(row, "value_max_ev"),
        bound=row["bound"] or None,
        approximate=_boolean(row, "approximate") or False,
        method=row["method"],
        functional=row["functional"] or None,
        soc=_boolean(row, "soc"),
        conditions=row["conditions"] or None,
        source=row["source"],
        as_printed=row["as_printed"] or None,
        erratum=row["erratum"] or None,
        references=[
            EnergeticReference(reference_key=key, position=position)
            for position, key in enumerate(row["references"].split())
        ],
    )


def _device(session: Session, row: CuratedRow) -> Device:
    material = None
    if row["material"]:
        material = register_material(session, parse_composition(row["material"]))
    return Device(
        id=row["id"],
        group=row["group"],
        structure=row["structure"],
        absorber=row["absorber"],
        material=material,
        form=row["form"] or None,
        configuration=row["configuration"] or None,
        source=row["source"],
        as_printed=row["as_printed"] or None,
        erratum=row["erratum"] or None,
        layers=[
            DeviceLayer(position=position, role=role, material=name)
            for position, (role, name) in enumerate(
                layer.strip().split("=", 1) for layer in row["layers"].split("|")
            )
        ],
        metrics=list(_metrics(row)),
        references=[
            DeviceReference(reference_key=key, position=position)
            for position, key in enumerate(row["references"].split())
        ],
    )


@cache
def _claim_positions() -> dict[str, int]:
    return {row["id"]: place for place, row in enumerate(read_curated("device_claims"))}


def _device_claim(session: Session, row: CuratedRow) -> DeviceClaim:
    return DeviceClaim(
        id=row["id"],
        position=_claim_positions()[row["id"]],
        device=row["device"],
        metric=row["metric"],
        value=_number(row, "value"),
        value_max=_number(row, "value_max"),
        unit=row["unit"],
        qualifier=row["qualifier"] or None,
        source=row["source"],
        as_printed=row["as_printed"] or None,
        erratum=row["erratum"] or None,
        references=[
            DeviceClaimReference(reference_key=key, position=position)
            for position, key in enumerate(row["references"].split())
        ],
    )


def _load_reviewed(session: Session, name: str) -> int:
    """Load a descriptive table, whole or not at all."""
    model = REVIEWED[name]
    # Reference columns are text that may be empty; elsewhere an empty cell is "not reported".
    wanted = [
        TABLES[name].model_validate(
            {
                column: cell or ("" if column == "references" else None)
                for column, cell in row.items()
            }
        )
        for row in read_curated(name)
    ]
    held = list(map(reviewed_row, session.scalars(select(model).order_by(model.position))))
    models = (model(position=position, **row.model_dump()) for position, row in enumerate(wanted))
    return _add_whole(session, name, held, wanted, models)


def _metrics(row: CuratedRow) -> list[DeviceMetric]:
    return [
        DeviceMetric(
            metric=metric,
            value_min=_number(row, low),
            value_max=_number(row, high),
            qualifier=(row[qualifier] or None) if qualifier else None,
        )
        for metric, low, high, qualifier in _METRIC_COLUMNS
        if row[low] or row[high]
    ]


def _load_requirements(session: Session) -> int:
    """Load the requirements, whole or not at all; their order in the file is their order."""
    wanted = [
        ApplicationRequirement(
            application=row["application"],
            metric=row["metric"],
            comparator=row["comparator"],
            value=_number(row, "value"),
            value_max=_number(row, "value_max"),
            unit=row["unit"],
            source=row["source"],
            as_printed=row["as_printed"] or None,
            erratum=row["erratum"] or None,
        )
        for row in read_curated("applications")
    ]
    statement = select(ApplicationRequirement).order_by(ApplicationRequirement.id)
    held = list(map(applications_row, session.scalars(statement)))
    return _add_whole(session, "applications", held, list(map(applications_row, wanted)), wanted)


def _add_whole(
    session: Session, name: str, held: Sequence[Row], wanted: Sequence[Row], models: Iterable[Base]
) -> int:
    """Add a table that the store lacks; refuse one that says something else.

    Otherwise the store would be given a dataset version whose data it does not hold.
    """
    if held and held != wanted:
        raise InputError(
            f"{name}.csv: the store holds another version of this table; load this version's data "
            "into a new database"
        )
    if held:
        return 0
    session.add_all(models)
    session.flush()
    return len(wanted)


def _number(row: CuratedRow, column: str) -> float | None:
    if not row[column]:
        return None
    try:
        return float(row[column])
    except ValueError as error:
        raise InputError(f"column {column}: {row[column]!r} is not a number") from error


def _integer(row: CuratedRow, column: str) -> int | None:
    if not row[column]:
        return None
    try:
        return int(row[column])
    except ValueError as error:
        raise InputError(f"column {column}: {row[column]!r} is not a whole number") from error


def _boolean(row: CuratedRow, column: str) -> bool | None:
    value = row[column]
    if value not in ("", "true", "false"):
        raise InputError(f"column {column}: {value!r} is neither true nor false")
    return {"": None, "true": True, "false": False}[value]


_REFERENCES = _CuratedTable("references", "key", Reference, _reference, references_row)
_ENERGETICS = _CuratedTable("energetics", "id", Energetic, _energetic, energetics_row)
_DEVICES = _CuratedTable("devices", "id", Device, _device, devices_row)
_DEVICE_CLAIMS = _CuratedTable("device_claims", "id", DeviceClaim, _device_claim, device_claims_row)
