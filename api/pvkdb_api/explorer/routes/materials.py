"""Materials: the table, and one of them with everything known of it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pvkdb.schemas.tables import MaterialsRow
from pvkdb.store.collections import MATERIALS
from pvkdb_api.explorer.browse import Bounds, Choice, Table, browse
from pvkdb_api.explorer.cells import Cell, field_cell, material_link
from pvkdb_api.sessions import ReadSession

router = APIRouter(include_in_schema=False)

_HEADINGS = {
    "formula": "Formula",
    "family": "Family",
    "phase": "Phase",
    "dimensionality": "Dimensions",
    "layers": "Layers n",
    "lead_free": "Lead-free",
    "a_site": "A site",
    "b_site": "B site",
    "x_site": "X site",
    "energetics_count": "Energies",
    "devices_count": "Devices",
    "structures_count": "Structures",
}

TABLE = Table(
    collection=MATERIALS,
    path="/materials",
    title="Materials",
    lead="Compositions with their structure family and, where known, their phase.",
    cells={
        "id": Cell("Material", lambda row: material_link(row.id), "id"),
        **{
            name: field_cell(MaterialsRow, name, heading, MATERIALS.sortable)
            for name, heading in _HEADINGS.items()
        },
    },
    shown=(
        "id",
        "family",
        "phase",
        "dimensionality",
        "lead_free",
        "energetics_count",
        "devices_count",
    ),
    choices=(Choice("family", "Family"),),
    bounds=(
        Bounds("e_a", "Activation energy E_A", "eV"),
        Bounds("dfe", "Defect formation energy", "eV"),
        Bounds("t", "Tolerance factor t"),
        Bounds("tau", "Tolerance factor τ"),
    ),
    switches=(("lead_free", "Lead-free"),),
    texts=(("ion", "Ion on any site"),),
    placeholder="formula, abbreviation, name",
)


@router.get(TABLE.path)
def get_materials(request: Request, session: ReadSession) -> Response:
    """The table of materials."""
    return browse(request, session, TABLE)
