"""The page with the table of materials."""

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
from pvkdb_api.explorer.tables.cells import (
    TableColumn,
    energy,
    field_columns,
    material_link,
    phase_text,
)
from pvkdb_api.explorer.tables.table import ChoiceFilter, RangeFilter, TablePage

router = APIRouter(include_in_schema=False)

_HEADINGS = {
    "formula": "Formula",
    "family": "Family",
    "phase": "Phase",
    "dimensionality": "Dimensionality",
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
    "e_a": ("E_A", "literature", _E_A, "Activation energies in the literature"),
    "e_a_computed": (
        *("E_A", "computed", _E_A + " computed"),
        "Computed activation energies of the easiest path through the crystal",
    ),
    "dfe": ("DFE", "literature", "DFE", "Defect formation energies in the literature"),
    "dfe_computed": ("DFE", "computed", "DFE computed", "Computed defect formation energies"),
}


class MaterialWithEnergies(MaterialsRow):
    """A row of the table with the ranges of its energies."""

    energies: Mapping[tuple[Quantity, Origin], EnergyRange]


def with_energies(
    counts: QueryCache, session: Session, rows: list[MaterialsRow]
) -> list[MaterialWithEnergies]:
    """Return the rows with their energies; one query finds the energies of all materials."""
    found = counts.get(session, "materials/ranges", {}, lambda: energy_ranges(session))
    return [
        MaterialWithEnergies.model_construct(**dict(row), energies=found.get(row.id, {}))
        for row in rows
    ]


def _energy_column(quantity: Quantity, origin: Origin, heading: str, meaning: str) -> TableColumn:
    def render(row: Any) -> Markup:
        return energy(row.energies.get((quantity, origin)))

    meaning = f"{meaning}, as a range over all ions and defects."
    return TableColumn(heading, render, None, "eV", True, meaning)


TABLE = TablePage(
    collection=MATERIALS,
    path="/materials",
    title="Materials",
    lead="Compositions with their structure family and, if known, their phase. Each energy is the "
    "range of all reported or computed values of a material, for any ion or defect.",
    columns={
        "id": TableColumn("Material", lambda row: material_link(row.id), "id"),
        **field_columns(MaterialsRow, _HEADINGS, MATERIALS.sortable, **_HEADINGS),
        "phase": TableColumn("Phase", lambda row: phase_text(row.phase), "phase"),
        **{name: _energy_column(*entry) for name, entry in _ENERGIES.items()},
    },
    default_columns="id,family,phase,lead_free,e_a,e_a_computed,dfe,energetics_count,devices_count",
    choices=(
        ChoiceFilter("family", "Family"),
        ChoiceFilter(
            "halide",
            "Halide",
            (*((ion, ion) for ion in HALIDES), ("X", "not specified (X)")),
            counted=True,
        ),
        ChoiceFilter("dimensionality", "Dimensionality"),
        ChoiceFilter(
            "has",
            "Available data",
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
        ChoiceFilter("phase", "Phase"),
    ),
    ranges=(
        RangeFilter("e_a", "Activation energy E_A", "eV"),
        RangeFilter("dfe", "Defect formation energy", "eV"),
        RangeFilter("t", "Tolerance factor t"),
        RangeFilter("mu", "Octahedral factor µ"),
        RangeFilter("tau", "Tolerance factor τ"),
    ),
    switches=(("lead_free", "Lead-free"),),
    texts=(("ion", "Contains the ion"),),
    placeholder="formula or name",
    extend_rows=with_energies,
)


@router.get(TABLE.path)
def get_materials(request: Request, session: ReadSession) -> Response:
    """Return the table of materials."""
    return browse(request, session, TABLE)
