"""Collection of references: the publications that rows of other tables cite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.keyset import Sortable
from pvkdb.store.collections.shared_filters import several, words
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceClaimReference, DeviceReference
from pvkdb.store.models.energetics import (
    Electronic,
    ElectronicReference,
    Energetic,
    EnergeticReference,
)
from pvkdb.store.models.references import Reference, dois_seen, seen_doi
from pvkdb.store.rows.among import among
from pvkdb.store.rows.reading import Derived, Made, TableRows

#: Tables whose rows cite references, with the tables that hold the citations.
CITING: dict[str, tuple[Any, Any, Any]] = {
    "energetics": (EnergeticReference, EnergeticReference.energetic_id, Energetic),
    "electronic": (ElectronicReference, ElectronicReference.electronic_id, Electronic),
    "devices": (DeviceReference, DeviceReference.device_id, Device),
    "device_claims": (DeviceClaimReference, DeviceClaimReference.claim_id, DeviceClaim),
}


def _cited_by(values: Sequence[str]) -> ColumnElement[bool]:
    """Condition for references cited by a current row of one of the tables."""
    return or_(
        false(),
        *(
            Reference.key.in_(
                select(cited.reference_key).join(model, owner == model.id).where(model.current())
            )
            for cited, owner, model in (CITING[value] for value in values)
        ),
    )


def _cited_in(values: Sequence[str]) -> ColumnElement[bool]:
    """Condition for references cited by one of the rows with these ids."""
    return or_(
        *(
            Reference.key.in_(select(cited.reference_key).where(owner.in_(values)))
            for cited, owner, _ in CITING.values()
        )
    )


def _has_doi(values: Sequence[str]) -> ColumnElement[bool]:
    """Condition for references with one of these DOIs, printed or seen on a page."""
    seen = [key for key, (doi, _) in dois_seen().items() if doi in values]
    return or_(Reference.doi.in_(values), and_(Reference.doi.is_(None), Reference.key.in_(seen)))


def _seen(found: Iterable[Any]) -> Made:
    return {key: dict(zip(_NOT_SEEN, seen_doi(key, doi), strict=True)) for key, doi in found}


_NOT_SEEN = {"doi_seen": None, "doi_seen_at": None}

_NUMBER = func.coalesce(Reference.number, 2**31 - 1)

REFERENCES = Collection(
    name="references",
    rows=TableRows(
        ReferencesRow,
        Reference.key,
        select(Reference),
        derived=(
            Derived(
                select(Reference.key, Reference.doi).where(among(Reference.key)), _seen, _NOT_SEEN
            ),
        ),
    ),
    source=select().select_from(Reference),
    order=(("number", False),),
    filters={
        "doi": several("Digital object identifier.", _has_doi, "10.1002/aelm.201600100"),
        "cited_by": several(
            "References that a row of any of these tables cites.",
            _cited_by,
            "energetics",
            tuple(CITING),
        ),
        "row": several(
            "References that these rows cite: ids of energetics, devices or device claims.",
            _cited_in,
            "d-t4-r14",
        ),
        "year_min": Filter("First year.", int, lambda v: Reference.year >= v, example=2015),
        "year_max": Filter("Last year.", int, lambda v: Reference.year <= v, example=2024),
        "q": words(
            "Words in title, authors or journal.",
            Reference.title,
            Reference.authors,
            Reference.journal,
            example="memristor",
        ),
    },
    sortable={"number": Sortable(_NUMBER, int)},  # references without a number come last
)
