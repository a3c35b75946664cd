"""Versions of a row: what superseded what, and in which columns they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.imports import Difference, History, RowVersion
from pvkdb.schemas.tables import Row
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.models.claims import DeviceClaim
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.references import DatasetVersion
from pvkdb.store.rows.from_models import device_claims_row, devices_row, energetics_row


class _Versioned(NamedTuple):
    """A table whose rows supersede one another."""

    name: str
    model: type[Energetic] | type[Device] | type[DeviceClaim]
    to_row: Callable[[Any], Row]


_TABLES = (
    _Versioned("energetics", Energetic, energetics_row),
    _Versioned("devices", Device, devices_row),
    _Versioned("device_claims", DeviceClaim, device_claims_row),
)


def differences(before: Row, after: Row) -> tuple[Difference, ...]:
    """The columns in which two rows differ, their names and ids aside."""
    return tuple(
        Difference(column=column, before=_text(old), after=_text(new))
        for column in type(before).columns()
        if column != "id"
        and (old := getattr(before, column)) != (new := getattr(after, column, None))
    )


def history(session: Session, key: str) -> History:
    """Every version of the row with this id, oldest first, whichever version is named.

    Raises:
        NotFoundError: no energetics, devices or device claims have this id.
    """
    for table in _TABLES:
        found: Any = session.get(table.model, key)
        if found is not None:
            return History(
                id=key,
                versions=_versions(session, table, found),
                dataset_version=current_version(session),
            )
    raise NotFoundError(
        f"no energetics, devices or device_claims have the id {key!r}; ids stand in the first "
        "column of: pvkdb export energetics"
    )


def _versions(session: Session, table: _Versioned, found: Any) -> list[RowVersion]:
    chain = [found]
    while chain[0].supersedes_id is not None:
        chain.insert(0, session.get_one(table.model, chain[0].supersedes_id))
    newer = select(table.model)
    while (
        after := session.scalar(newer.where(table.model.supersedes_id == chain[-1].id))
    ) is not None:
        chain.append(after)
    rows = [table.to_row(entry) for entry in chain]
    versions = []
    for place, (entry, row) in enumerate(zip(chain, rows, strict=True)):
        brought = session.get(DatasetVersion, entry.recorded_in) if entry.recorded_in else None
        versions.append(
            RowVersion(
                id=entry.id,
                table=table.name,
                current=place == len(chain) - 1,
                recorded_in=entry.recorded_in,
                recorded_by=brought.description if brought else None,
                supersedes=entry.supersedes_id,
                row=row.model_dump(mode="json"),
                differences=differences(rows[place - 1], row) if place else (),
            )
        )
    return versions


def _text(value: object) -> str | None:
    """As an export writes it, so that the last digit shows."""
    if value is None:
        return None
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
