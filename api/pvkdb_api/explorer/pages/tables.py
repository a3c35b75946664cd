"""The data dictionary, and the pages of tables that have no section of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup, escape

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.operations.fields import Text
from pvkdb.schemas.tables import TABLES, DeviceClaimsRow, EnergeticsRow, Row
from pvkdb.schemas.tables.columns import SOURCES
from pvkdb.store.collections import COLLECTIONS, DEVICE_CLAIMS, ENERGETICS
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.export import table_rows
from pvkdb.store.files.table_files import FORMATS
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.markup import UNKNOWN, interval
from pvkdb_api.explorer.site.rendering import link, page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import (
    MATERIAL_COLUMN,
    REFERENCES_COLUMN,
    TableColumn,
    calculation_of,
    field_columns,
    heading,
    marked,
    phase_text,
    source_link,
)
from pvkdb_api.explorer.tables.table import (
    ORIGIN,
    ChoiceFilter,
    RangeFilter,
    TablePage,
    choice_filters,
)

router = APIRouter(include_in_schema=False)

#: Tables with a section of their own.
SECTIONS = {
    "compositions": "/compositions",
    "materials": "/compositions",
    "devices": "/devices",
    "references": "/references",
    "calculations": "/jobs",
    "rankings": "/applications",
    "series": "/series",
}

#: Most rows of a table without filters; its file has all.
MOST = 1000

#: Columns that are hidden by default: long, or rarely filled.
_HIDDEN = {"as_printed", "erratum", "conditions", "soc", "charge", "direction", "position"}

_CODE = re.compile(r"`([^`]+)`")

TYPES = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "datetime": "time",
    "array": "list",
}


def _name(row: Any) -> Markup | str:
    """Return the name of a row, with marks of its review and its erratum."""
    name = marked(str(row.id), row)
    if not row.erratum:
        return name
    mark = Markup('{} <span class="tag open" title="{}">erratum</span>')
    return mark.format(name, row.erratum)


def _energy(row: Any) -> Markup:
    ends, computed = (row.value_min_ev, row.value_max_ev), calculation_of(row) is not None
    return interval(*ends, approximate=row.approximate, computed=computed)


def _claimed(row: Any) -> Markup:
    high = row.value if row.value_max is None else row.value_max
    return interval(row.value, high, qualifier=row.qualifier)


_PRINTED = ("as_printed", "erratum")

ENERGIES = TablePage(
    collection=ENERGETICS,
    path="/tables/energetics",
    title="Energies of ions and defects",
    lead="Activation energies E_A and defect formation energies DFE from the literature and from "
    "calculations, each with its method and its source.",
    columns={
        "id": TableColumn("Entry", _name, "id"),
        "material": MATERIAL_COLUMN,
        "phase": TableColumn("Phase", lambda row: phase_text(row.phase)),
        **field_columns(
            EnergeticsRow,
            (
                *("family", "quantity", "defect", "species", "charge", "scope", "direction"),
                *("method", "functional", "soc", "conditions"),
            ),
            ENERGETICS.sortable,
            species="Ion",
            soc="Spin–orbit coupling",
        ),
        "value": TableColumn("Value", _energy, "value_min_ev", "eV", True, "Energy, as a range."),
        "source": TableColumn("Source", source_link),
        "references": REFERENCES_COLUMN,
        **field_columns(EnergeticsRow, _PRINTED),
    },
    default_columns="id,material,quantity,defect,scope,value,method,functional,source,references",
    choices=(
        ORIGIN,
        *choice_filters("quantity", "method", "scope", "family", "defect"),
        ChoiceFilter("species", "Ion"),
    ),
    ranges=(
        RangeFilter("e_a", "Activation energy E_A", "eV"),
        RangeFilter("dfe", "Defect formation energy", "eV"),
    ),
    switches=(("lead_free", "Lead-free"), ("has_erratum", "Has an erratum")),
    texts=(("material", "Material"), ("reference", "Reference")),
    placeholder="material or ion",
)

CLAIMS = TablePage(
    collection=DEVICE_CLAIMS,
    path="/tables/device_claims",
    title="Device values in text",
    lead="Values of devices that the source gives in running text and captions, not in its tables.",
    columns={
        "id": TableColumn("Entry", _name, "id"),
        **field_columns(DeviceClaimsRow, ("device", "metric", "unit"), DEVICE_CLAIMS.sortable),
        "value": TableColumn("Value", _claimed, "value", None, True, "The value or its range."),
        "source": TableColumn("Source", source_link),
        "references": REFERENCES_COLUMN,
        **field_columns(DeviceClaimsRow, _PRINTED),
    },
    default_columns="id,device,metric,value,unit,source,references,as_printed",
    choices=choice_filters("metric"),
    ranges=(RangeFilter("value", "Value, in the unit of the metric"),),
    switches=(("has_erratum", "Has an erratum"),),
    texts=(("reference", "Reference"),),
    placeholder="device or metric",
)


@router.get("/dictionary")
def get_dictionary(request: Request, session: ReadSession) -> Response:
    """Return the data dictionary: the meaning of every column of every table."""
    return page(
        request,
        "dictionary.html",
        tables=TABLES,
        formats=[*FORMATS],
        sources=SOURCES,
        types=TYPES,
        sentence=_sentence,
    )


@router.get("/tables")
def get_tables() -> Response:
    """Redirect to the dictionary, which begins with the list of tables."""
    return RedirectResponse("/dictionary", HTTPStatus.SEE_OTHER)


@router.get("/tables/{name}")
def get_table(request: Request, session: ReadSession, name: Text) -> Response:
    """Return the page of a table.

    Raises:
        NotFoundError: The table does not exist; the message suggests the nearest name.
    """
    if name not in TABLES:
        raise NotFoundError(unknown_name("table", name, TABLES))
    if name in SECTIONS:
        return RedirectResponse(SECTIONS[name], HTTPStatus.SEE_OTHER)
    if name in COLLECTIONS:
        return browse(request, session, _table_page(name))
    rows = [*itertools.islice(table_rows(session, name), MOST + 1)]
    return page(
        request,
        "rows.html",
        name=name,
        row=TABLES[name],
        rows=rows[:MOST],
        more=len(rows) > MOST,
        columns=_plain_columns(TABLES[name]),
        formats=[*FORMATS],
    )


@cache
def _table_page(name: str) -> TablePage:
    designed = {table.collection.name: table for table in (ENERGIES, CLAIMS)}
    return designed.get(name) or _searchable(COLLECTIONS[name], link("/tables", name))


def _sentence(text: str) -> Markup:
    """Return a text of the data dictionary as HTML, with `code` marked up."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def _plain_columns(row: type[Row], sortable: Iterable[str] = ()) -> dict[str, TableColumn]:
    """Return a column for each field of a row model; references are links."""
    columns = field_columns(row, row.columns(), sortable)
    for name, column in row.dictionary().items():
        if column.type == "string":  # the whole text, because no other page has it
            columns[name] = replace(columns[name], render=partial(_whole_text, name))
    if "references" in columns:
        columns["references"] = REFERENCES_COLUMN
    return columns


def _searchable(collection: Collection[Any], path: str) -> TablePage:
    """Return the table page of a collection, with a control for each of its filters."""
    row, filters = collection.row, collection.filters
    facets = [name for name in collection.facets if name in filters and filters[name].many]
    stems = [each.rpartition("_") for each in filters]
    ranges = dict.fromkeys(stem for stem, _, end in stems if stem and end in ("min", "max"))
    columns = _plain_columns(row, collection.sortable)
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
        choices=choice_filters(*facets),
        ranges=tuple(RangeFilter(stem, heading(stem)) for stem in ranges),
        switches=tuple(
            (each, heading(each)) for each, entry in filters.items() if entry.type is bool
        ),
    )


def _whole_text(name: str, row: Any) -> Markup | str:
    value = getattr(row, name)
    return UNKNOWN if value in (None, "") else str(value)
