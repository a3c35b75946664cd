"""Rows of the exported tables. Field order is column order; names carry units.

The same rows come from ``pvkdb export``, from ``GET /api/v1/export/NAME`` and from the client.
None, an empty cell in CSV, means "not reported".
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pvkdb.schemas.calculations import CalculationState, FailureKind


class Row(BaseModel):
    """One row of an exported table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def columns(cls) -> list[str]:
        """Column names, in order."""
        return list(cls.model_fields)


class EnergeticsRow(Row):
    """One statement on an activation energy (E_A) or a defect formation energy (DFE)."""

    id: str
    material: str = Field(description="Canonical formula.")
    family: str
    phase: str | None = None
    direction: str | None = None
    defect: str = Field(description="Kröger-Vink label without charge, e.g. V_I.")
    species: str = Field(description="Ion that the defect is made of, or that moves.")
    charge: int | None = None
    quantity: Literal["E_A", "DFE"]
    scope: Literal["reported", "hop", "percolation"]
    value_min_ev: float | None = None
    value_max_ev: float | None = None
    bound: Literal["lower", "upper"] | None = None
    approximate: bool
    method: Literal["DFT", "experiment", "MLIP", "mixed", "unknown"]
    functional: str | None = None
    soc: bool | None = None
    conditions: str | None = None
    references: str = Field(description="Space-separated reference keys, e.g. 'r36 r70'.")
    source: str = Field(description="'Table 1 row 3', 'section 2.3' or 'calculation <id>'.")
    as_printed: str | None = None
    erratum: str | None = None


class DevicesRow(Row):
    """One device with its stack and the metrics reported for it."""

    id: str
    group: str
    structure: str
    absorber: str
    form: str | None = None
    bottom_electrode: str | None = None
    top_electrode: str | None = None
    other_layers: str | None = None
    on_off_ratio: float | None = None
    on_off_qualifier: str | None = None
    v_set_min_v: float | None = None
    v_set_max_v: float | None = None
    v_reset_min_v: float | None = None
    v_reset_max_v: float | None = None
    v_qualifier: str | None = None
    endurance_cycles: float | None = Field(default=None, description="Tested; a lower bound.")
    retention_s: float | None = None
    retention_qualifier: str | None = None
    stability_days: float | None = None
    stability_qualifier: str | None = None
    references: str
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class DeviceClaimsRow(Row):
    """One performance figure of a device in the running text or a caption."""

    id: str
    device: str = Field(description="The device as the text names it.")
    metric: str = Field(description="Metric with its unit as suffix, e.g. switching_time_s.")
    value: float
    value_max: float | None = Field(default=None, description="Upper end of a printed range.")
    unit: str
    qualifier: str | None = None
    references: str
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class ConductionRow(Row):
    """A conduction mechanism of semiconducting devices (Table 3 of the review)."""

    mechanism: str
    origin: str
    iv_relationship: str
    temperature_dependence: str
    as_printed: str | None = None
    erratum: str | None = None


class ProcessingRow(Row):
    """A technique of making perovskite films (Table 5 of the review)."""

    technique: str
    route: str
    advantages: str | None = None
    film_quality: str | None = None
    scalability: str | None = None
    process: str | None = None
    challenges: str | None = None
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class ArrayChallengesRow(Row):
    """One aspect of a challenge of memristor arrays (Table 6 of the review)."""

    challenge: str
    aspect: str
    statement: str
    spacing_to_thickness_ratio: float | None = None
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class TestProtocolsRow(Row):
    """How a synaptic or nociceptive function is tested (Tables 7 to 9 of the review)."""

    table: int
    function: str
    device_requirement: str | None = None
    pulse_protocol: str | None = None
    measured: str | None = None
    application: str | None = None
    memristor_type: str | None = None
    references: str
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class BenchmarkDatasetsRow(Row):
    """A neural-network task shown with perovskite devices (Table 10 of the review)."""

    dataset: str
    description: str | None = None
    classes: int | None = None
    image_width_px: int | None = None
    image_height_px: int | None = None
    color: str | None = None
    network: str | None = None
    material: str | None = None
    structure: str | None = None
    material_source: str | None = None
    accuracy_percent: float | None = None
    conditions: str | None = None
    on_chip: str | None = None
    references: str
    source: str
    as_printed: str | None = None
    accuracy_source: str | None = None
    accuracy_as_printed: str | None = None
    erratum: str | None = None


class ReferencesRow(Row):
    """One entry of the bibliography."""

    key: str
    number: int | None = None
    authors: str | None = None
    title: str | None = None
    journal: str | None = None
    year: int | None = None
    volume: str | None = None
    pages: str | None = None
    doi: str | None = None


class ApplicationsRow(Row):
    """A requirement that an application puts on a device metric."""

    application: str
    metric: str
    comparator: Literal[">", "<", ">=", "<=", "between"]
    value: float
    value_max: float | None = None
    unit: str
    source: str
    as_printed: str | None = None
    erratum: str | None = None


class MaterialsRow(Row):
    """A composition with its structure family and, where known, its phase."""

    id: str
    formula: str
    family: str
    phase: str | None = None
    dimensionality: int | None = None
    layers: int | None = Field(default=None, description="n of a layered phase.")
    lead_free: bool
    a_site: str
    b_site: str
    x_site: str
    energetics_count: int
    devices_count: int
    structures_count: int


class ToleranceRow(Row):
    """Tolerance factors of an ABX3 composition with the radii they were made from."""

    formula: str
    r_a_ang: float
    r_b_ang: float
    r_x_ang: float
    t: float
    mu: float
    tau: float | None = None
    p_perovskite: float | None = Field(default=None, description="Not computed yet.")
    radii_source: str


class IonsRow(Row):
    """One radius of one ion; ions without a sourced radius have one row without it."""

    ion: str
    charge: int
    name: str | None = None
    formula: str | None = None
    smiles: str | None = None
    radius_ang: float | None = None
    kind: str | None = None
    coordination: int | None = None
    spin: str | None = None
    geometry: str | None = None
    source: str


class CalculationsRow(Row):
    """The queue and the record of calculations, without the arrays of a result."""

    id: str
    kind: str
    material: str | None = None
    potential: str | None = None
    state: CalculationState
    barrier_forward_ev: float | None = None
    barrier_reverse_ev: float | None = None
    residual_force_ev_per_ang: float | None = None
    failure_kind: FailureKind | None = None
    failure_message: str | None = None
    attempts: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class StructuresRow(Row):
    """A structure without its coordinates; ask for one structure to get those."""

    id: str
    material: str
    phase: str | None = None
    space_group: str | None = None
    role: str = Field(description="host, saddle (the highest image), or image N from 0.")
    origin: str
    parent: str | None = None
    calculation: str | None = None
    atoms: int
    energy_ev: float | None = None


class StructureDocument(StructuresRow):
    """A structure with its coordinates: cell 3 × 3 in Å (rows a, b, c), positions n × 3 in Å."""

    cell_ang: list[list[float]]
    symbols: list[str]
    positions_ang: list[list[float]]


class RankingsRow(Row):
    """One line of ``pvkdb export rankings``: one device under one application."""

    application: str
    rank: int
    device: str
    structure: str
    absorber: str
    met: int
    unknown: int
    criteria: int
    shortfall_decades: float
    references: str


#: Every exported table by its public name.
TABLES: dict[str, type[Row]] = {
    "applications": ApplicationsRow,
    "array_challenges": ArrayChallengesRow,
    "benchmark_datasets": BenchmarkDatasetsRow,
    "calculations": CalculationsRow,
    "conduction": ConductionRow,
    "device_claims": DeviceClaimsRow,
    "devices": DevicesRow,
    "energetics": EnergeticsRow,
    "ions": IonsRow,
    "materials": MaterialsRow,
    "processing": ProcessingRow,
    "rankings": RankingsRow,
    "references": ReferencesRow,
    "structures": StructuresRow,
    "test_protocols": TestProtocolsRow,
    "tolerance": ToleranceRow,
}
