"""The rows that cite a reference, and the rows with an erratum."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
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
)
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS
from pvkdb.store.collections.export import table_rows
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceClaimReference, DeviceReference
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.reviewed import REVIEWED
from pvkdb_api.explorer.site.rendering import link

#: The number of a reference in text such as ``one demonstration (ref. 381)``.
_CITED = re.compile(r"\bref\. (\d+)")


@dataclass(frozen=True, slots=True)
class CitingRequirement:
    """A requirement of an application whose text cites a reference."""

    application: str
    title: str
    subject: Subject
    metric: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row of a descriptive table of the review, with its number there (from 1)."""

    table: str
    number: int
    row: Any

    @property
    def address(self) -> str:
        """Address of the row on the page of its table."""
        return f"{link('/tables', self.table)}#row-{self.number}"

    @property
    def name(self) -> str:
        """The values of the row's primary key, joined by commas."""
        key = TABLES[self.table].primary_key
        values = (getattr(self.row, column) for column in key if column != "references")
        return ", ".join(str(value) for value in values if value not in (None, ""))


@dataclass(frozen=True, slots=True)
class CitingRows:
    """All rows and requirements that cite a reference."""

    energetics: list[EnergeticsRow]
    devices: list[DevicesRow]
    claims: list[DeviceClaimsRow]
    reviewed: list[NumberedRow]
    requirements: list[CitingRequirement]

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def rows_citing(session: Session, reference: ReferencesRow) -> CitingRows:
    """Return the rows of the store and the requirements of profiles that cite a reference."""
    by = {"reference": (reference.key,)}
    return CitingRows(
        [*ENERGETICS.iterate(session, by)],
        [*DEVICES.iterate(session, by)],
        [*DEVICE_CLAIMS.iterate(session, by)],
        [
            each
            for each in _descriptive_rows(session)
            if reference.key in getattr(each.row, "references", "").split()
        ],
        [requirement for number, requirement in _requirements() if number == reference.number],
    )


_COUNTED = (
    ("energetics", EnergeticReference, EnergeticReference.energetic_id, Energetic),
    ("devices", DeviceReference, DeviceReference.device_id, Device),
    ("claims", DeviceClaimReference, DeviceClaimReference.claim_id, DeviceClaim),
)


def citation_counts(session: Session, keys: list[str]) -> dict[str, dict[str, int]]:
    """Return for each reference the number of citing rows by table; one query per table."""
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


def errata(session: Session) -> dict[str, list[Any]]:
    """Return the rows with an erratum by table; tables without errata are left out."""
    with_erratum = {"has_erratum": True}
    found: dict[str, list[Any]] = {
        collection.name: [*collection.iterate(session, with_erratum)]
        for collection in (ENERGETICS, DEVICES, DEVICE_CLAIMS)
    }
    for each in (*_numbered(session, "applications"), *_descriptive_rows(session)):
        if each.row.erratum:
            found.setdefault(each.table, []).append(each)
    return {table: rows for table, rows in found.items() if rows}


def _descriptive_rows(session: Session) -> Iterator[NumberedRow]:
    for table in REVIEWED:
        yield from _numbered(session, table)


def _numbered(session: Session, table: str) -> Iterator[NumberedRow]:
    for number, row in enumerate(table_rows(session, table), 1):
        yield NumberedRow(table, number, row)


@cache
def _requirements() -> tuple[tuple[int, CitingRequirement], ...]:
    """Return the requirements of all profiles with the numbers of the references they cite."""
    found = []
    for name in suitability.shipped_profiles():
        profile = suitability.shipped_profile(name)
        listed: list[tuple[Subject, str, str, str]] = [
            (subject, each.metric, each.source, "; ".join(filter(None, (each.quoted, each.note))))
            for subject in SUBJECTS
            for each in profile.criteria(subject)
        ]
        listed += [("devices", "not judged", each.source, each.asks) for each in profile.not_judged]
        for subject, metric, source, text in listed:
            requirement = CitingRequirement(name, profile.title, subject, metric, source, text)
            found += [(int(number), requirement) for number in _CITED.findall(f"{source} {text}")]
    return tuple(found)
