"""Table pages that are made from the declaration of a row model alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from pvkdb.schemas.tables import Row
from pvkdb.store.collections.collection import Collection
from pvkdb_api.explorer.site.markup import UNKNOWN
from pvkdb_api.explorer.tables.cells import (
    MATERIAL_COLUMN,
    REFERENCES_COLUMN,
    TableColumn,
    field_columns,
)
from pvkdb_api.explorer.tables.table import ChoiceFilter, RangeFilter, TablePage

#: Columns that are hidden by default: long, or rarely filled.
_HIDDEN = {"as_printed", "erratum", "conditions", "soc", "charge", "direction", "position"}

_CODE = re.compile(r"`([^`]+)`")


#: Units at the end of names, which are shown beside the heading.
_SUFFIXES = ("_ev_per_ang", "_ev", "_ang", "_px", "_percent")

_WORDS = {"id": "Name", "iv": "I–V", "doi": "DOI", "smiles": "SMILES", "tau": "τ", "mu": "μ"}


def heading(name: str) -> str:
    """Return the name of a column in words, without its unit."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    first, *rest = name.split("_")
    return " ".join([_WORDS.get(first, first if len(first) == 1 else first.capitalize()), *rest])


def sentence(text: str) -> Markup:
    """Return a text of the data dictionary as HTML, with `code` marked up."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def plain_columns(row: type[Row], sortable: Iterable[str] = ()) -> dict[str, TableColumn]:
    """Return a column for each field of a row model; references are links."""
    columns = field_columns(row, {name: heading(name) for name in row.columns()}, sortable)
    for name, column in row.dictionary().items():
        if column.type == "string":  # the whole text, because no other page has it
            columns[name] = replace(columns[name], render=partial(_whole_text, name))
    if "references" in columns:
        columns["references"] = REFERENCES_COLUMN
    return columns


def searchable(collection: Collection[Any], path: str) -> TablePage:
    """Return the table page of a collection, with a control for each of its filters."""
    row, filters = collection.row, collection.filters
    choices = [
        ChoiceFilter(facet, heading(facet))
        for facet in collection.facets
        if facet in filters and filters[facet].many
    ]
    stems = [each.rpartition("_") for each in filters]
    ranges = dict.fromkeys(stem for stem, _, end in stems if stem and end in ("min", "max"))
    columns = plain_columns(row, collection.sortable)
    if "family" in columns:  # rows about a material link to it
        columns["material"] = MATERIAL_COLUMN
    return TablePage(
        collection=collection,
        path=path,
        title=heading(collection.name),
        lead=f"{row.purpose} The data dictionary explains the columns. The table can be "
        "downloaded as a file below.",
        columns=columns,
        default_columns=",".join(name for name in columns if name not in _HIDDEN),
        choices=tuple(choices),
        ranges=tuple(RangeFilter(stem, heading(stem)) for stem in ranges),
        switches=tuple(
            (each, heading(each)) for each, entry in filters.items() if entry.type is bool
        ),
    )


def _whole_text(name: str, row: Any) -> Markup | str:
    value = getattr(row, name)
    return UNKNOWN if value in (None, "") else str(value)
