"""Materials: the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.schemas.tables import MaterialsRow
from pvkdb.store.collections import MATERIALS
from pvkdb.store.curation.energy_ranges import EnergyRange, Origin, Quantity, energy_ranges
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import Cell, energy, field_cell, material_link, phase_text
from pvkdb_api.explorer.tables.table import Bounds, Choice, Table

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

_E_A = Markup("E<sub>A</sub>")

_ENERGIES: dict[str, tuple[Quantity, Origin, str, str]] = {
    "e_a": ("E_A", "literature", _E_A, "Activation energies that the literature reports"),
    "e_a_computed": (
        *("E_A", "computed", _E_A + " computed"),
        "Activation energy of the easiest path through the crystal, by each potential",
    ),
    "dfe": ("DFE", "literature", "DFE", "Defect formation energies that the literature reports"),
    "dfe_computed": ("DFE", "computed", "DFE computed", "Computed defect formation energies"),
}


class MaterialWithEnergies(MaterialsRow):
    """A row with the ranges of its energies, which the table shows beside it."""

    energies: Mapping[tuple[Quantity, Origin], EnergyRange]


def with_energies(
    counts: QueryCache, session: Session, rows: list[MaterialsRow]
) -> list[MaterialWithEnergies]:
    """The rows of a page with their energies, which one query finds for all materials, once."""
    found = counts.get(session, "materials/ranges", {}, lambda: energy_ranges(session))
    return [
        MaterialWithEnergies.model_construct(**dict(row), energies=found.get(row.id, {}))
        for row in rows
    ]


def _energy_cell(quantity: Quantity, origin: Origin, heading: str, meaning: str) -> Cell:
    def render(row: Any) -> Markup:
        return energy(row.energies.get((quantity, origin)))

    return Cell(heading, render, None, "eV", True, f"{meaning}, of any ion or defect, as a range.")


TABLE = Table(
    collection=MATERIALS,
    path="/materials",
    title="Materials",
    lead="Compositions with their structure family and, where known, their phase. Energies are "
    "ranges over all statements on a material, whatever ion or defect they are about.",
    cells={
        "id": Cell("Material", lambda row: material_link(row.id), "id"),
        **{
            name: field_cell(MaterialsRow, name, heading, MATERIALS.sortable)
            for name, heading in _HEADINGS.items()
        },
        "phase": Cell("Phase", lambda row: phase_text(row.phase), "phase"),
        **{name: _energy_cell(*entry) for name, entry in _ENERGIES.items()},
    },
    shown=(
        "id",
        "family",
        "phase",
        "lead_free",
        "e_a",
        "e_a_computed",
        "dfe",
        "energetics_count",
        "devices_count",
    ),
    choices=(
        Choice("family", "Family"),
        Choice(
            "halide",
            "Halide",
            (*((ion, ion) for ion in HALIDES), ("X", "left open (X)")),
            counted=True,
        ),
        Choice("dimensionality", "Dimensions of the octahedra"),
        Choice(
            "has",
            "Known of it",
            (
                ("e_a", "activation energy"),
                ("dfe", "formation energy"),
                ("devices", "devices"),
                ("structures", "structures"),
                ("computed", "computed energies"),
            ),
            counted=True,
            every=True,
        ),
        Choice("phase", "Phase"),
    ),
    bounds=(
        Bounds("e_a", "Activation energy E_A", "eV"),
        Bounds("dfe", "Defect formation energy", "eV"),
        Bounds("t", "Tolerance factor t"),
        Bounds("mu", "Octahedral factor µ"),
        Bounds("tau", "Tolerance factor τ"),
    ),
    switches=(("lead_free", "Lead-free"),),
    texts=(("ion", "Ion on any site"),),
    placeholder="formula or name",
    beside=with_energies,
)


@router.get(TABLE.path)
def get_materials(request: Request, session: ReadSession) -> Response:
    """The table of materials."""
    return browse(request, session, TABLE)
