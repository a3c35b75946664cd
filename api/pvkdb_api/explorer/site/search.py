"""Looking something up by whatever a person types: materials, devices, references."""

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

#: Rows of a group that are shown; its table shows all.
SHOWN = 20

_DOI = "https://doi.org/"


@dataclass(frozen=True, slots=True)
class Group:
    """What was found in a collection: rows, how many there are, the address of all of them."""

    rows: list[Any]
    total: int
    address: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; ``exact`` is the address of the only one that is meant literally."""

    materials: Group
    devices: Group
    references: Group
    exact: str | None

    @property
    def total(self) -> int:
        """How many rows were found."""
        return self.materials.total + self.devices.total + self.references.total


def find(session: Session, text: str) -> Found:
    """Look a text up.

    Materials are found by any spelling of their formula, by the abbreviation or the name of an ion
    and by their public name; devices by their id, stack or absorber; references by key, DOI, and
    words of title, authors and journal.
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
    return Found(
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
    session: Session, collection: Collection[Any], text: str, meant: ColumnElement[bool]
) -> Group:
    """Rows that are meant, or that hold the words."""
    either = collection.current().where(or_(meant, collection.condition("q", text)))
    return Group(
        collection.find(session, either, SHOWN).rows,
        collection.count(session, either),
        link(f"/{collection.name}", q=text),
    )
