"""The data dictionary, and the pages of tables that have no section of their own."""

from __future__ import annotations

import itertools
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.tables import TABLES, DeviceClaimsRow, EnergeticsRow
from pvkdb.schemas.tables.columns import SOURCES
from pvkdb.store.collections import COLLECTIONS, DEVICE_CLAIMS, ENERGETICS
from pvkdb.store.collections.export import table_rows
from pvkdb.store.files.table_files import FORMATS
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.markup import interval
from pvkdb_api.explorer.site.rendering import link, page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import (
    MATERIAL_COLUMN,
    REFERENCES_COLUMN,
    TableColumn,
    field_columns,
    phase_text,
    source_link,
)
from pvkdb_api.explorer.tables.generic import plain_columns, searchable, sentence
from pvkdb_api.explorer.tables.table import ChoiceFilter, RangeFilter, TablePage
from pvkdb_api.listing.parameters import Text

router = APIRouter(include_in_schema=False)

#: Tables with a section of their own.
SECTIONS = {
    "materials": "/materials",
    "devices": "/devices",
    "references": "/references",
    "calculations": "/jobs",
    "rankings": "/applications",
}

#: Most rows of a table without filters; its file has all.
MOST = 1000

TYPES = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "datetime": "time",
    "array": "list",
}


def _name(row: Any) -> Markup | str:
    """Return the name of a row, with a mark if it has an erratum."""
    if not row.erratum:
        return str(row.id)
    mark = Markup('{} <span class="tag open" title="{}">erratum</span>')
    return mark.format(row.id, row.erratum)


def _energy(row: Any) -> Markup:
    return interval(row.value_min_ev, row.value_max_ev, approximate=row.approximate)


def _claimed(row: Any) -> Markup:
    shown = interval(row.value, row.value if row.value_max is None else row.value_max)
    return Markup("{} {}").format(row.qualifier, shown) if row.qualifier else shown


_PRINTED = {"as_printed": "As printed", "erratum": "Erratum"}

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
            {
                "family": "Family",
                "quantity": "Quantity",
                "defect": "Defect",
                "species": "Ion",
                "charge": "Charge",
                "scope": "Scope",
                "direction": "Direction",
                "method": "Method",
                "functional": "Functional",
                "soc": "Spin–orbit coupling",
                "conditions": "Conditions",
            },
            ENERGETICS.sortable,
        ),
        "value": TableColumn("Value", _energy, "value_min_ev", "eV", True, "Energy, as a range."),
        "source": TableColumn("Source", source_link),
        "references": REFERENCES_COLUMN,
        **field_columns(EnergeticsRow, _PRINTED),
    },
    default_columns="id,material,quantity,defect,scope,value,method,functional,source,references",
    choices=(
        ChoiceFilter("quantity", "Quantity"),
        ChoiceFilter("method", "Method"),
        ChoiceFilter("scope", "Scope"),
        ChoiceFilter("family", "Family"),
        ChoiceFilter("defect", "Defect"),
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
        **field_columns(
            DeviceClaimsRow,
            {"device": "Device", "metric": "Metric", "unit": "Unit"},
            DEVICE_CLAIMS.sortable,
        ),
        "value": TableColumn("Value", _claimed, "value", None, True, "The value or its range."),
        "source": TableColumn("Source", source_link),
        "references": REFERENCES_COLUMN,
        **field_columns(DeviceClaimsRow, _PRINTED),
    },
    default_columns="id,device,metric,value,unit,source,references,as_printed",
    choices=(ChoiceFilter("metric", "Metric"),),
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
        sentence=sentence,
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
        columns=plain_columns(TABLES[name]),
        formats=[*FORMATS],
    )


@cache
def _table_page(name: str) -> TablePage:
    designed = {table.collection.name: table for table in (ENERGIES, CLAIMS)}
    return designed.get(name) or searchable(COLLECTIONS[name], link("/tables", name))
