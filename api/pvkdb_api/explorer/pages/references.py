"""References: the table, one of them with everything taken from it, and the errata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.collections import REFERENCES
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.explorer.references import citing
from pvkdb_api.explorer.references.contents import counts_of, errata, material_of, taken_from
from pvkdb_api.explorer.site.numbers import UNKNOWN, number
from pvkdb_api.explorer.site.rendering import page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import (
    Cell,
    anchor,
    device_link,
    field_cell,
    material_link,
    reference_links,
)
from pvkdb_api.explorer.tables.table import Bounds, Choice, Table
from pvkdb_api.listing.parameters import Text

router = APIRouter(include_in_schema=False)

_HEADINGS = {
    "number": "No.",
    "authors": "Authors",
    "title": "Title",
    "journal": "Journal",
    "volume": "Volume",
    "pages": "Pages",
}
_TAKEN = {
    "energetics": ("Energies", "Statements on energies that cite it."),
    "devices": ("Devices", "Devices that cite it."),
    "claims": ("Figures", "Figures of devices in running text that cite it."),
}


class CountedReference(ReferencesRow):
    """A reference with how many rows of which table cite it."""

    taken: Mapping[str, int]


def with_counts(
    _: QueryCache, session: Session, rows: list[ReferencesRow]
) -> list[CountedReference]:
    """The references of a page with what was taken from each."""
    taken = counts_of(session, [row.key for row in rows])
    return [CountedReference.model_construct(**dict(row), taken=taken[row.key]) for row in rows]


def _taken_cell(name: str, heading: str, meaning: str) -> Cell:
    def render(row: Any) -> Markup:
        return number(row.taken.get(name, 0))

    return Cell(heading, render, None, None, True, meaning)


def _doi_link(doi: str | None) -> Markup:
    if not doi:
        return UNKNOWN
    return Markup('<a rel="noreferrer" href="{}">{}</a>').format(citing.doi_address(doi), doi)


TABLE = Table(
    collection=REFERENCES,
    path="/references",
    title="References",
    lead="The publications that every statement cites, and how many rows rest on each.",
    cells={
        "key": Cell("Key", lambda row: reference_links(row.key), "key"),
        **{
            name: field_cell(ReferencesRow, name, heading, REFERENCES.sortable)
            for name, heading in _HEADINGS.items()
        },
        # A year is no quantity: no thousands, no digits to save.
        "year": Cell("Year", lambda row: UNKNOWN if row.year is None else str(row.year), "year"),
        "doi": Cell("DOI", lambda row: _doi_link(row.doi), "doi"),
        **{name: _taken_cell(name, *entry) for name, entry in _TAKEN.items()},
    },
    shown=("key", "authors", "title", "journal", "year", "energetics", "devices", "claims"),
    choices=(
        Choice(
            "cited_by",
            "Cited by",
            (
                ("energetics", "energies"),
                ("devices", "devices"),
                ("device_claims", "figures of devices"),
            ),
            counted=True,
        ),
    ),
    bounds=(Bounds("year", "Year"),),
    placeholder="title, author, journal",
    beside=with_counts,
    template="references.html",
)


@router.get(TABLE.path)
def get_references(request: Request, session: ReadSession) -> Response:
    """The table of references."""
    return browse(request, session, TABLE)


@router.get("/references/{key}")
def get_reference(
    request: Request, session: ReadSession, version: DatasetVersion, key: Text
) -> Response:
    """A reference, what was taken from it, and how to cite it.

    Raises:
        NotFoundError: there is none.
    """
    reference = REFERENCES.get(session, key)
    return page(
        request,
        "reference.html",
        reference=reference,
        taken=taken_from(session, reference),
        doi_link=_doi_link,
        material_of=material_of,
        material_link=material_link,
        device_link=device_link,
        anchor=anchor,
        cited=citing.reference_text(reference),
        dataset=citing.dataset_text(version),
        bibtex=f"{citing.reference_bibtex(reference)}\n\n{citing.dataset_bibtex(version)}",
        sources=citing.sources(),
    )


@router.get("/errata")
def get_errata(request: Request, session: ReadSession) -> Response:
    """Every row that doubts its source."""
    return page(
        request,
        "errata.html",
        groups=errata(session),
        material_of=material_of,
        material_link=material_link,
        device_link=device_link,
    )
