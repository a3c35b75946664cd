"""The search for materials, devices and references by any text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import Session

from pvkdb.store.collections import DEVICES, MATERIALS, REFERENCES
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.filters import is_material
from pvkdb.store.models.devices import Device
from pvkdb.store.models.references import Reference
from pvkdb_api.explorer.site.rendering import link

#: Most rows of a group on the page; its table shows all.
SHOWN = 20

_DOI = "https://doi.org/"


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """The first rows found in a collection, their total number, and the address of all of them."""

    rows: list[Any]
    total: int
    address: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search; ``exact`` is the page of the only exact match, if there is one."""

    materials: ResultGroup
    devices: ResultGroup
    references: ResultGroup
    exact: str | None

    @property
    def total(self) -> int:
        """Number of rows found."""
        return self.materials.total + self.devices.total + self.references.total


def find(session: Session, text: str) -> SearchResult:
    """Return the materials, devices and references that match a text.

    Materials match by any spelling of their formula, by the abbreviation or name of an ion, and by
    their name; devices by name, stack or absorber; references by key, DOI, and words of title,
    authors and journal.
    """
    material = is_material((text,))
    doi = text.removeprefix(_DOI).lower()
    device = func.lower(Device.id) == text.lower()
    reference = or_(func.lower(Reference.key) == text.lower(), func.lower(Reference.doi) == doi)
    exact = [
        *(link("/materials", row.id) for row in _rows(session, MATERIALS, material)),
        *(link("/devices", row.id) for row in _rows(session, DEVICES, device)),
        *(link("/references", row.key) for row in _rows(session, REFERENCES, reference)),
    ]
    absorber = DEVICES.condition("absorber", (text,))
    return SearchResult(
        _group(session, MATERIALS, text, material),
        _group(session, DEVICES, text, or_(device, absorber)),
        _group(session, REFERENCES, text, reference),
        exact[0] if len(exact) == 1 else None,
    )


def _rows(
    session: Session, collection: Collection[Any], condition: ColumnElement[bool]
) -> list[Any]:
    return collection.find(session, collection.current().where(condition), SHOWN).rows


def _group(
    session: Session, collection: Collection[Any], text: str, exact: ColumnElement[bool]
) -> ResultGroup:
    """Return the rows that match exactly or contain the words."""
    either = collection.current().where(or_(exact, collection.condition("q", text)))
    return ResultGroup(
        collection.find(session, either, SHOWN).rows,
        collection.count(session, either),
        link(f"/{collection.name}", q=text),
    )
