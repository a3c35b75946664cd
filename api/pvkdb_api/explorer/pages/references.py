"""The pages of references: the table, a single reference, and the errata."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from pvkdb.literature.loader import transcribed_from
from pvkdb.operations.fields import Text
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.collections import REFERENCES
from pvkdb.store.files import bibliography
from pvkdb.store.rows.corrected import corrected_references
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.explorer.references.contents import citation_counts, errata, rows_citing
from pvkdb_api.explorer.site.markup import UNKNOWN, number
from pvkdb_api.explorer.site.rendering import link, page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import TableColumn, anchor, field_columns
from pvkdb_api.explorer.tables.table import ChoiceFilter, RangeFilter, TablePage

router = APIRouter(include_in_schema=False)

_FIELDS = ("number", "authors", "title", "journal", "volume", "pages")


class CountedReference(ReferencesRow):
    """A reference with the number of rows of each table that cite it."""

    citations: Mapping[str, int]


def with_counts(
    _: QueryCache, session: Session, rows: list[ReferencesRow]
) -> list[CountedReference]:
    """Return references, each with the number of rows that cite it, by table."""
    counts = citation_counts(session, [row.key for row in rows])
    return [
        CountedReference.model_construct(**dict(row), citations=counts[row.key]) for row in rows
    ]


def _count_column(name: str, heading: str, meaning: str) -> TableColumn:
    def render(row: Any) -> Markup:
        return number(row.citations.get(name, 0))

    return TableColumn(heading, render, None, None, True, meaning)


def doi_link(reference: ReferencesRow) -> Markup:
    """Return a link to the DOI of a reference, or to a search for it by its title."""
    doi = reference.doi or reference.doi_seen
    address = bibliography.doi_address(doi) if doi else bibliography.search_address(reference)
    shown = doi or "search by title"
    return Markup('<a rel="noreferrer" href="{}">{}</a>').format(address, shown)


TABLE = TablePage(
    collection=REFERENCES,
    path="/references",
    title="References",
    lead="All cited publications, with the number of energies, devices and other device values "
    "that cite them.",
    columns={
        "key": TableColumn("Key", lambda row: anchor(link("/references", row.key), row.key), "key"),
        **field_columns(ReferencesRow, _FIELDS, REFERENCES.sortable, number="No."),
        # A year is shown as it is, not as a quantity with separators.
        "year": TableColumn(
            "Year", lambda row: UNKNOWN if row.year is None else str(row.year), "year"
        ),
        "doi": TableColumn("DOI", doi_link, "doi"),
        "energetics": _count_column("energetics", "Energies", "Energies that cite it."),
        "devices": _count_column("devices", "Devices", "Devices that cite it."),
        "claims": _count_column("claims", "Device values", "Values from text that cite it."),
    },
    default_columns="key,authors,title,journal,year,energetics,devices,claims",
    choices=(
        ChoiceFilter(
            "cited_by",
            "Cited by",
            (
                ("energetics", "energies"),
                ("devices", "devices"),
                ("device_claims", "device values in text"),
            ),
            counted=True,
        ),
    ),
    ranges=(RangeFilter("year", "Year"),),
    placeholder="title, author, journal",
    extend_rows=with_counts,
    template="references.html",
)


@router.get(TABLE.path)
def get_references(request: Request, session: ReadSession) -> Response:
    """Return the table of references."""
    return browse(request, session, TABLE)


@router.get("/references/{key}")
def get_reference(
    request: Request, session: ReadSession, version: DatasetVersion, key: Text
) -> Response:
    """Return the page of a reference: the rows that cite it, and how to cite it."""
    reference = REFERENCES.get(session, key)
    (right,) = corrected_references(session, [reference])
    return page(
        request,
        "reference.html",
        reference=reference,
        citing=rows_citing(session, reference),
        doi_link=doi_link,
        cited=bibliography.reference_text(right),
        dataset=bibliography.dataset_text(version),
        bibtex="\n\n".join(
            (bibliography.reference_bibtex(right), bibliography.dataset_bibtex(version))
        ),
        sources=[] if reference.number is None else transcribed_from(),
    )


@router.get("/errata")
def get_errata(request: Request, session: ReadSession) -> Response:
    """Return the page of all rows with an erratum."""
    return page(request, "errata.html", groups=errata(session))
