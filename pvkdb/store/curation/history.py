"""Versions of a row: the chain of corrections, and the columns that each one changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.operations import Reading
from pvkdb.schemas.imports import (
    ChangesRequest,
    Difference,
    History,
    NewRow,
    RowVersion,
    TableChanges,
)
from pvkdb.schemas.tables import Row
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, REFERENCES
from pvkdb.store.collections.collection import Collection
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.references import DatasetVersion

#: Rows of a table that changes name.
MOST_ROWS = 10_000

_COLLECTIONS: tuple[Collection[Any], ...] = (ENERGETICS, DEVICES, DEVICE_CLAIMS)


def differences(before: Row, after: Row) -> tuple[Difference, ...]:
    """Return the columns in which two rows differ, ids and reviews aside."""
    return tuple(
        Difference(column=column, before=_text(old), after=_text(new))
        for column in type(before).columns()
        if column not in ("id", "review")
        and (old := getattr(before, column)) != (new := getattr(after, column, None))
    )


def changes(request: ChangesRequest, reading: Reading) -> list[TableChanges]:
    """Return what came into the tables after a dataset version.

    Raises:
        NotFoundError: the store has never had this version; names the nearest one.
    """
    with reading() as session:
        then = session.get(DatasetVersion, request.since)
        if then is None:
            known = session.scalars(select(DatasetVersion.version))
            raise NotFoundError(unknown_name("dataset version", request.since, [*known]))
        every = [_came(session, each, then.loaded_at) for each in (*_COLLECTIONS, REFERENCES)]
        return [each for each in every if each.rows]


def _came(session: Session, collection: Collection[Any], after: datetime) -> TableChanges:
    model: Any = collection.key.class_
    version: Any = model.recorded_in
    at: Any = DatasetVersion.loaded_at
    supersedes = getattr(model, "supersedes_id", null())
    computed = (Calculation, Calculation.id == model.calculation_id) if model is Energetic else None
    if computed:
        version = func.coalesce(version, Calculation.recorded_in)
        at = func.coalesce(at, Calculation.finished_at)
    found = select(collection.key, supersedes, version).select_from(model)
    found = found.outerjoin(*computed) if computed else found
    found = found.outerjoin(DatasetVersion, DatasetVersion.version == version).where(at > after)
    counts = found.with_only_columns(func.count(), func.count(supersedes))
    every, superseding = session.execute(counts).one()
    rows = session.execute(found.order_by(at, collection.key).limit(MOST_ROWS))
    return TableChanges(
        table=collection.name,
        added=every - superseding,
        superseding=superseding,
        rows=[NewRow(id=key, supersedes=old, version=brought) for key, old, brought in rows],
    )


def history(session: Session, key: str) -> History:
    """Return every version of a row, oldest first, whichever version ``key`` names.

    Raises:
        NotFoundError: no energetics, devices or device claims have this id.
    """
    for collection in _COLLECTIONS:
        model: Any = collection.key.class_
        found: Any = session.get(model, key)
        if found is not None:
            return History(
                id=key,
                versions=_versions(session, collection, found),
                dataset_version=current_version(session),
            )
    raise NotFoundError(
        f"no energetics, devices or device_claims have the id {key!r}; the first column of "
        "`pvkdb export energetics` holds the ids"
    )


def _versions(session: Session, collection: Collection[Any], found: Any) -> list[RowVersion]:
    model: Any = collection.key.class_
    chain = [found]
    while chain[0].supersedes_id is not None:
        chain.insert(0, session.get_one(model, chain[0].supersedes_id))
    newer = select(model)
    while (after := session.scalar(newer.where(model.supersedes_id == chain[-1].id))) is not None:
        chain.append(after)
    rows = collection.load(session, [entry.id for entry in chain])
    counts = select(model.id).where(model.id.in_([entry.id for entry in chain]), model.counted())
    current = {*session.scalars(counts)}
    versions = []
    for place, (entry, row) in enumerate(zip(chain, rows, strict=True)):
        brought = session.get(DatasetVersion, entry.recorded_in) if entry.recorded_in else None
        versions.append(
            RowVersion(
                id=entry.id,
                table=collection.name,
                current=entry.id in current,
                recorded_in=entry.recorded_in,
                recorded_by=brought.description if brought else None,
                supersedes=entry.supersedes_id,
                row=row.model_dump(mode="json"),
                differences=differences(rows[place - 1], row) if place else (),
            )
        )
    return versions


def _text(value: object) -> str | None:
    """Return a value as exports write it, with every digit."""
    if value is None:
        return None
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
