"""The entry type ``references``: publications."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, case, cast, literal, select

from pvkdb.store.models.references import DatasetVersion, Reference
from pvkdb_api.optimade.entries.lists import Made
from pvkdb_api.optimade.entries.properties import Nothing, Property, Scalar
from pvkdb_api.optimade.entries.search import EntryType


def _authors(row: Any) -> list[dict[str, str]] | None:
    if row.authors is None:
        return None
    return [{"name": name.strip()} for name in row.authors.split(";") if name.strip()]


def _text(name: str, expression: Any, nullable: bool = True) -> Scalar:
    return Scalar(name, "string", sortable=True, expression=expression, nullable=nullable)


_PROPERTIES: tuple[Property, ...] = (
    _text("id", Reference.key, nullable=False),
    Scalar("type", "string", expression=literal("references"), nullable=False),
    _text("immutable_id", Reference.key, nullable=False),
    Scalar(
        "last_modified", "timestamp", sortable=True, expression=DatasetVersion.loaded_at.expression
    ),
    Made(
        "authors",
        "list",
        loads={"authors": Reference.authors.expression},
        made=_authors,
        is_known=Reference.authors.is_not(None),
    ),
    _text("title", Reference.title),
    _text("journal", Reference.journal),
    _text("year", cast(Reference.year, String)),
    _text("volume", Reference.volume),
    _text("pages", Reference.pages),
    _text("doi", Reference.doi),
    _text("url", literal("https://doi.org/") + Reference.doi),
    _text("bib_type", case((Reference.journal.is_not(None), "article"), else_=None)),
    *(
        Nothing(name, "list" if name == "editors" else "string")
        for name in (
            *("editors", "address", "annote", "booktitle", "chapter", "crossref", "edition"),
            *("howpublished", "institution", "key", "month", "note", "number", "organization"),
            *("publisher", "school", "series"),
        )
    ),
)

REFERENCES = EntryType(
    name="references",
    description="Publications that pvkdb's literature data and imported papers come from.",
    source=(
        select()
        .select_from(Reference)
        .outerjoin(DatasetVersion, DatasetVersion.version == Reference.recorded_in)
    ),
    key=Reference.key,
    properties={each.name: each for each in _PROPERTIES},
)
