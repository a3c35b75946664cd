"""What the store holds of a reference, and where its rows doubt their source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.schemas.profiles import SUBJECTS, Subject
from pvkdb.schemas.tables import (
    TABLES,
    DeviceClaimsRow,
    DevicesRow,
    EnergeticsRow,
    ReferencesRow,
    Row,
)
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS
from pvkdb.store.collections.export import table_rows
from pvkdb.store.models.claims import DeviceClaim, DeviceClaimReference
from pvkdb.store.models.devices import Device, DeviceReference
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.reviewed import REVIEWED
from pvkdb_api.explorer.site.rendering import link

#: The number of a reference in words such as ``one demonstration (ref. 381)``.
_CITED = re.compile(r"\bref\. (\d+)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an application asks of a metric, in words that name a reference."""

    application: str
    title: str
    subject: Subject
    metric: str
    source: str
    said: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A row of a descriptive table, with its number there."""

    table: str
    number: int
    row: Any

    @property
    def address(self) -> str:
        """Where the row is shown."""
        return f"{link('/tables', self.table)}#row-{self.number}"

    @property
    def name(self) -> str:
        """What tells the row apart, in words."""
        key = TABLES[self.table].primary_key
        values = (getattr(self.row, column) for column in key if column != "references")
        return ", ".join(str(value) for value in values if value not in (None, ""))


@dataclass(frozen=True, slots=True)
class Taken:
    """Everything that was taken from a reference."""

    energetics: list[EnergeticsRow]
    devices: list[DevicesRow]
    claims: list[DeviceClaimsRow]
    reviewed: list[Placed]
    requirements: list[Requirement]

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(
            len(rows)
            for rows in (
                *(self.energetics, self.devices, self.claims),
                *(self.reviewed, self.requirements),
            )
        )


def taken_from(session: Session, reference: ReferencesRow) -> Taken:
    """What the store and the profiles take from a reference."""
    by = {"reference": (reference.key,)}
    return Taken(
        [*ENERGETICS.iterate(session, by)],
        [*DEVICES.iterate(session, by)],
        [*DEVICE_CLAIMS.iterate(session, by)],
        [
            placed
            for placed in _reviewed(session)
            if reference.key in getattr(placed.row, "references", "").split()
        ],
        [requirement for number, requirement in _requirements() if number == reference.number],
    )


_COUNTED = (
    ("energetics", EnergeticReference, EnergeticReference.energetic_id, Energetic),
    ("devices", DeviceReference, DeviceReference.device_id, Device),
    ("claims", DeviceClaimReference, DeviceClaimReference.claim_id, DeviceClaim),
)


def counts_of(session: Session, keys: list[str]) -> dict[str, dict[str, int]]:
    """How many rows of each table cite each reference; one query a table."""
    found: dict[str, dict[str, int]] = {key: {} for key in keys}
    for name, cited, owner, model in _COUNTED:
        replaced = select(model.supersedes_id).where(model.supersedes_id.is_not(None))
        counted = (
            select(cited.reference_key, func.count())
            .where(cited.reference_key.in_(keys), owner.not_in(replaced))
            .group_by(cited.reference_key)
        )
        for key, number in session.execute(counted):
            found[key][name] = number
    return found


@dataclass(frozen=True, slots=True)
class Errata:
    """The rows of a table that doubt their source."""

    table: str
    rows: list[Any]


def errata(session: Session) -> list[Errata]:
    """Every row of the store with an erratum, by table; tables without one are left out."""
    doubted = {"has_erratum": True}
    found: list[Errata] = [
        Errata(collection.name, [*collection.iterate(session, doubted)])
        for collection in (ENERGETICS, DEVICES, DEVICE_CLAIMS)
    ]
    requirements = (
        Placed("applications", number, row)
        for number, row in enumerate(table_rows(session, "applications"), 1)
    )
    others: dict[str, list[Placed]] = {}
    for placed in (*requirements, *_reviewed(session)):
        if placed.row.erratum:
            others.setdefault(placed.table, []).append(placed)
    found += [Errata(table, rows) for table, rows in others.items()]
    return [each for each in found if each.rows]


def material_of(row: EnergeticsRow) -> str:
    """The public name of the material of a statement."""
    return f"{row.material}-{row.phase}" if row.phase else row.material


def _reviewed(session: Session) -> Iterator[Placed]:
    for table in REVIEWED:
        row: Row
        for number, row in enumerate(table_rows(session, table), 1):
            yield Placed(table, number, row)


@cache
def _requirements() -> tuple[tuple[int, Requirement], ...]:
    """What profiles ask, with the numbers of the references that they name in doing so."""
    found = []
    for name in suitability.shipped_profiles():
        profile = suitability.shipped_profile(name)
        asked: list[tuple[Subject, str, str, tuple[str | None, ...]]] = [
            (subject, each.metric, each.source, (each.quoted, each.note))
            for subject in SUBJECTS
            for each in profile.criteria(subject)
        ]
        for ask in profile.not_judged:
            asked.append(("devices", "not judged", ask.source, (ask.asks,)))
        for subject, metric, source, said in asked:
            words = "; ".join(filter(None, said))
            found += [
                (int(number), Requirement(name, profile.title, subject, metric, source, words))
                for number in _CITED.findall(f"{source} {words}")
            ]
    return tuple(found)
