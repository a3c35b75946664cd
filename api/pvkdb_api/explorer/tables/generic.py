"""Tables shown as their row models declare them, without a design of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from pvkdb.schemas.tables import Row
from pvkdb.store.collections.collection import Collection
from pvkdb_api.explorer.site.numbers import UNKNOWN
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import Cell, field_cell, reference_links
from pvkdb_api.explorer.tables.table import Bounds, Choice, Table

#: Columns that a table shows only where they are asked for: long, or seldom filled.
_ASIDE = {"as_printed", "erratum", "conditions", "soc", "charge", "direction", "position"}

_CODE = re.compile(r"`([^`]+)`")


#: Units at the end of names, which stand beside a heading.
_SUFFIXES = ("_ev_per_ang", "_ev", "_ang", "_px", "_percent")

_WORDS = {"id": "Name", "iv": "I–V", "doi": "DOI", "smiles": "SMILES", "tau": "τ", "mu": "μ"}


def heading(name: str) -> str:
    """A column's name in words; the unit at its end stands beside it."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    first, *rest = name.split("_")
    return " ".join([_WORDS.get(first, first if len(first) == 1 else first.capitalize()), *rest])


def sentence(text: str) -> Markup:
    """A text of the dictionary, its `code` marked as such."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def plain_cells(row: type[Row], sortable: Iterable[str] = ()) -> dict[str, Cell]:
    """A cell for each column; references and the table's rows are links."""
    cells = {name: field_cell(row, name, heading(name), sortable) for name in row.columns()}
    for name, column in row.dictionary().items():
        if column.type == "string":  # whole texts: no other page has them
            cells[name] = replace(cells[name], render=partial(_whole, name))
    if "references" in cells:
        cells["references"] = Cell("References", lambda shown: reference_links(shown.references))
    return cells


def searchable(collection: Collection[Any], path: str) -> Table:
    """A collection with boxes for what it counts, ranges and switches for its other filters."""
    row, filters = collection.row, collection.filters
    name = collection.name.replace("_", " ")
    choices = [
        Choice(facet, heading(facet))
        for facet in collection.facets
        if facet in filters and filters[facet].many
    ]
    stems = [each.rpartition("_") for each in filters]
    ranges = dict.fromkeys(stem for stem, _, end in stems if stem and end in ("min", "max"))
    columns = row.columns()
    cells = plain_cells(row, collection.sortable)
    if "family" in columns:  # a statement on a material leads to it
        cells["material"] = Cell("Material", _material, "material")
    return Table(
        collection=collection,
        path=path,
        title=heading(collection.name),
        lead=f"{row.purpose} Its columns are explained in the data dictionary; a file of all of "
        f"{name} is below the table.",
        cells=cells,
        shown=tuple(column for column in columns if column not in _ASIDE),
        choices=tuple(choices),
        bounds=tuple(Bounds(stem, heading(stem)) for stem in ranges),
        switches=tuple(
            (each, heading(each)) for each, entry in filters.items() if entry.type is bool
        ),
        placeholder="words",
    )


def _whole(name: str, row: Any) -> Markup | str:
    value = getattr(row, name)
    return UNKNOWN if value in (None, "") else str(value)


def _material(row: Any) -> Markup:
    name = f"{row.material}-{row.phase}" if row.phase else row.material
    return Markup('<a href="{}">{}</a>').format(link("/materials", name), name)
