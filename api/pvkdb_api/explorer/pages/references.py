"""The pages of references: the table, a single reference, and the errata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.literature.loader import transcribed_from
from pvkdb.operations.fields import Text
from pvkdb.schemas.profiles import SUBJECTS
from pvkdb.schemas.tables import TABLES, ReferencesRow
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, REFERENCES
from pvkdb.store.collections.export import table_rows
from pvkdb.store.collections.references import CITING
from pvkdb.store.files import bibliography
from pvkdb.store.models.reviewed import REVIEWED
from pvkdb.store.rows.corrected import corrected_references
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
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


def with_counts(session: Session, rows: list[ReferencesRow]) -> list[CountedReference]:
    """Return references, each with the number of rows that cite it by table; a query a table."""
    found: dict[str, dict[str, int]] = {row.key: {} for row in rows}
    for name, (cited, owner, model) in CITING.items():
        counted = (
            select(cited.reference_key, func.count())
            .where(cited.reference_key.in_(found), owner.not_in(model.replaced()))
            .group_by(cited.reference_key)
        )
        for key, count in session.execute(counted):
            found[key][name] = count
    return [CountedReference.model_construct(**dict(row), citations=found[row.key]) for row in rows]


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
        "claims": _count_column("device_claims", "Device values", "Values from text that cite it."),
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
        cited=bibliography.reference_text(right),
        note=bibliography.page_note(reference),
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


#: The number of a reference in text such as ``one demonstration (ref. 381)``.
_CITED = re.compile(r"\bref\. (\d+)")


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


def rows_citing(session: Session, reference: ReferencesRow) -> dict[str, list[Any]]:
    """Return the rows of the store and the requirements of profiles that cite a reference."""
    by = {"reference": (reference.key,)}
    return {
        "energetics": [*ENERGETICS.iterate(session, by)],
        "devices": [*DEVICES.iterate(session, by)],
        "claims": [*DEVICE_CLAIMS.iterate(session, by)],
        "reviewed": [
            each
            for each in _descriptive_rows(session)
            if reference.key in getattr(each.row, "references", "").split()
        ],
        "requirements": [each for number, each in _requirements() if number == reference.number],
    }


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
    for place, row in enumerate(table_rows(session, table), 1):
        yield NumberedRow(table, place, row)


@cache
def _requirements() -> list[tuple[int, dict[str, str]]]:
    """Return the requirements of all profiles with the numbers of the references they cite."""
    found = []
    for name in suitability.shipped_profiles():
        profile = suitability.shipped_profile(name)
        listed = [
            (each.metric, each.source, "; ".join(filter(None, (each.quoted, each.note))))
            for subject in SUBJECTS
            for each in profile.criteria(subject)
        ]
        listed += [("not judged", each.source, each.asks) for each in profile.not_judged]
        for metric, source, text in listed:
            shown = {"application": name, "title": profile.title, "metric": metric}
            requirement = {**shown, "source": source, "text": text}
            found += [(int(number), requirement) for number in _CITED.findall(f"{source} {text}")]
    return found
