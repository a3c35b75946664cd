"""Energetics and figures of devices in running text: every statement as a row."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from pvkdb.schemas.tables import DeviceClaimsRow, EnergeticsRow
from pvkdb.store.collections import DEVICE_CLAIMS, ENERGETICS
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.references.contents import material_of
from pvkdb_api.explorer.site.numbers import interval
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import (
    Cell,
    anchor,
    field_cell,
    material_link,
    phase_text,
    reference_links,
)
from pvkdb_api.explorer.tables.table import Bounds, Choice, Table

router = APIRouter(include_in_schema=False)

_CALCULATION = "calculation "


def _source(row: Any) -> Markup | str:
    """The place in the source, or the calculation."""
    if row.source.startswith(_CALCULATION):
        return anchor(link("/jobs", row.source.removeprefix(_CALCULATION)), row.source)
    return str(row.source)


def _name(row: Any) -> Markup | str:
    """The name of a row, with a mark where it doubts its source."""
    if not row.erratum:
        return str(row.id)
    mark = Markup('{} <span class="tag open" title="{}">erratum</span>')
    return mark.format(row.id, row.erratum)


def _energy(row: Any) -> Markup:
    return interval(row.value_min_ev, row.value_max_ev, approximate=row.approximate)


def _figure(row: Any) -> Markup:
    shown = interval(row.value, row.value if row.value_max is None else row.value_max)
    return Markup("{} {}").format(row.qualifier, shown) if row.qualifier else shown


ENERGIES = Table(
    collection=ENERGETICS,
    path="/tables/energetics",
    title="Energies of ions and defects",
    lead="Statements on activation energies E_A and defect formation energies DFE: what the "
    "literature reports and what was computed, each with its method and its source.",
    cells={
        "id": Cell("Statement", _name, "id"),
        "material": Cell("Material", lambda row: material_link(material_of(row)), "material"),
        "phase": Cell("Phase", lambda row: phase_text(row.phase)),
        **{
            name: field_cell(EnergeticsRow, name, heading, ENERGETICS.sortable)
            for name, heading in {
                "family": "Family",
                "quantity": "Quantity",
                "defect": "Defect",
                "species": "Ion",
                "charge": "Charge",
                "scope": "Covers",
                "direction": "Direction",
            }.items()
        },
        "value": Cell("Value", _energy, "value_min_ev", "eV", True, "The energy, as a range."),
        **{
            name: field_cell(EnergeticsRow, name, heading, ENERGETICS.sortable)
            for name, heading in {
                "method": "Method",
                "functional": "Functional",
                "soc": "Spin–orbit coupling",
                "conditions": "Conditions",
            }.items()
        },
        "source": Cell("Place or calculation", _source),
        "references": Cell("References", lambda row: reference_links(row.references)),
        "as_printed": field_cell(EnergeticsRow, "as_printed", "As printed"),
        "erratum": field_cell(EnergeticsRow, "erratum", "Erratum"),
    },
    shown=(
        *("id", "material", "quantity", "defect", "scope", "value", "method", "functional"),
        *("source", "references"),
    ),
    choices=(
        Choice("quantity", "Quantity"),
        Choice("method", "Method"),
        Choice("scope", "Covers"),
        Choice("family", "Family"),
        Choice("defect", "Defect"),
        Choice("species", "Ion"),
    ),
    bounds=(
        Bounds("e_a", "Activation energy E_A", "eV"),
        Bounds("dfe", "Defect formation energy", "eV"),
    ),
    switches=(("lead_free", "Lead-free"), ("has_erratum", "With an erratum")),
    texts=(("material", "Material"), ("reference", "Reference")),
    placeholder="material or ion",
)

FIGURES = Table(
    collection=DEVICE_CLAIMS,
    path="/tables/device_claims",
    title="Device figures in text",
    lead="What the source says of devices outside its tables: in running text and captions.",
    cells={
        "id": Cell("Figure", _name, "id"),
        **{
            name: field_cell(DeviceClaimsRow, name, heading, DEVICE_CLAIMS.sortable)
            for name, heading in {"device": "Device", "metric": "Metric"}.items()
        },
        "value": Cell("Value", _figure, "value", None, True, "The figure, or its range."),
        "unit": field_cell(DeviceClaimsRow, "unit", "Unit", DEVICE_CLAIMS.sortable),
        "source": Cell("Place", _source),
        "references": Cell("References", lambda row: reference_links(row.references)),
        "as_printed": field_cell(DeviceClaimsRow, "as_printed", "As printed"),
        "erratum": field_cell(DeviceClaimsRow, "erratum", "Erratum"),
    },
    shown=("id", "device", "metric", "value", "unit", "source", "references", "as_printed"),
    choices=(Choice("metric", "Metric"),),
    bounds=(Bounds("value", "Value, in the metric's unit"),),
    switches=(("has_erratum", "With an erratum"),),
    texts=(("reference", "Reference"),),
    placeholder="device or metric",
)


@router.get(ENERGIES.path)
def get_energies(request: Request, session: ReadSession) -> Response:
    """The table of energetics."""
    return browse(request, session, ENERGIES)


@router.get(FIGURES.path)
def get_figures(request: Request, session: ReadSession) -> Response:
    """The table of device figures."""
    return browse(request, session, FIGURES)
