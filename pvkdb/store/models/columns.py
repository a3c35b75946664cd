"""Columns of the store. Made by docs/reference/store_columns.py; do not edit.

They are those of the exported tables; the models add keys, indexes and relations.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped


class ApplicationsColumns:
    """Columns of ``applications``."""

    application: Mapped[str]
    metric: Mapped[str]
    comparator: Mapped[str]
    value: Mapped[float]
    value_max: Mapped[float | None]
    unit: Mapped[str]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
    basis: Mapped[str]
    upper_limit: Mapped[bool | None]


class ArrayChallengesColumns:
    """Columns of ``array_challenges``."""

    challenge: Mapped[str]
    aspect: Mapped[str]
    statement: Mapped[str]
    spacing_to_thickness_ratio: Mapped[float | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class BenchmarkDatasetsColumns:
    """Columns of ``benchmark_datasets``."""

    dataset: Mapped[str]
    description: Mapped[str | None]
    classes: Mapped[int | None]
    image_width_px: Mapped[int | None]
    image_height_px: Mapped[int | None]
    color: Mapped[str | None]
    network: Mapped[str | None]
    material: Mapped[str | None]
    structure: Mapped[str | None]
    material_source: Mapped[str | None]
    accuracy_percent: Mapped[float | None]
    conditions: Mapped[str | None]
    on_chip: Mapped[str | None]
    references: Mapped[str]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    accuracy_source: Mapped[str | None]
    accuracy_as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class CalculationsColumns:
    """Columns of ``calculations``."""

    id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    failure_kind: Mapped[str | None]
    failure_message: Mapped[str | None]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class CompositionsColumns:
    """Columns of ``compositions``."""

    formula: Mapped[str]
    known: Mapped[int]
    families: Mapped[str]
    lead_free: Mapped[bool]
    phases_count: Mapped[int]
    lowest_phase: Mapped[str | None]
    lowest_phase_potential: Mapped[str | None]
    phases_compared: Mapped[int]
    decomposition_ev_per_atom: Mapped[float | None]
    decomposition_source: Mapped[str | None]
    e_a_literature_min_ev: Mapped[float | None]
    e_a_literature_max_ev: Mapped[float | None]
    e_a_computed_min_ev: Mapped[float | None]
    e_a_computed_max_ev: Mapped[float | None]
    dfe_literature_min_ev: Mapped[float | None]
    dfe_literature_max_ev: Mapped[float | None]
    dfe_computed_min_ev: Mapped[float | None]
    dfe_computed_max_ev: Mapped[float | None]
    t: Mapped[float | None]
    mu: Mapped[float | None]
    tau: Mapped[float | None]
    p_perovskite: Mapped[float | None]
    devices_count: Mapped[int]
    energetics_reported_count: Mapped[int]
    energetics_computed_count: Mapped[int]
    structures_count: Mapped[int]


class ConductionColumns:
    """Columns of ``conduction``."""

    mechanism: Mapped[str]
    origin: Mapped[str]
    iv_relationship: Mapped[str]
    temperature_dependence: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class CorrectionsColumns:
    """Columns of ``corrections``."""

    row: Mapped[str]
    column: Mapped[str]
    value: Mapped[str]
    source: Mapped[str]
    why: Mapped[str]


class DeviceClaimsColumns:
    """Columns of ``device_claims``."""

    id: Mapped[str]
    device: Mapped[str]
    metric: Mapped[str]
    value: Mapped[float]
    value_max: Mapped[float | None]
    unit: Mapped[str]
    qualifier: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class DevicesColumns:
    """Columns of ``devices``."""

    id: Mapped[str]
    group: Mapped[str]
    structure: Mapped[str]
    absorber: Mapped[str]
    form: Mapped[str | None]
    on_off_ratio: Mapped[float | None]
    on_off_qualifier: Mapped[str | None]
    v_set_min_v: Mapped[float | None]
    v_set_max_v: Mapped[float | None]
    v_reset_min_v: Mapped[float | None]
    v_reset_max_v: Mapped[float | None]
    v_qualifier: Mapped[str | None]
    endurance_cycles: Mapped[float | None]
    retention_s: Mapped[float | None]
    retention_qualifier: Mapped[str | None]
    stability_days: Mapped[float | None]
    stability_qualifier: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
    configuration: Mapped[str | None]
    mechanism: Mapped[str | None]
    volatility: Mapped[str | None]
    text_source: Mapped[str | None]
    raw_files: Mapped[str | None]
    quality: Mapped[str | None]


class EnergeticsColumns:
    """Columns of ``energetics``."""

    id: Mapped[str]
    direction: Mapped[str | None]
    defect: Mapped[str]
    species: Mapped[str]
    charge: Mapped[int | None]
    quantity: Mapped[str]
    scope: Mapped[str]
    value_min_ev: Mapped[float | None]
    value_max_ev: Mapped[float | None]
    bound: Mapped[str | None]
    approximate: Mapped[bool]
    method: Mapped[str]
    functional: Mapped[str | None]
    soc: Mapped[bool | None]
    conditions: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class MaterialsColumns:
    """Columns of ``materials``."""

    id: Mapped[str]
    family: Mapped[str]
    phase: Mapped[str | None]
    dimensionality: Mapped[int | None]


class ProcessingColumns:
    """Columns of ``processing``."""

    technique: Mapped[str]
    route: Mapped[str]
    advantages: Mapped[str | None]
    film_quality: Mapped[str | None]
    scalability: Mapped[str | None]
    process: Mapped[str | None]
    challenges: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class ReferencesColumns:
    """Columns of ``references``."""

    key: Mapped[str]
    number: Mapped[int | None]
    authors: Mapped[str | None]
    title: Mapped[str | None]
    journal: Mapped[str | None]
    year: Mapped[int | None]
    volume: Mapped[str | None]
    pages: Mapped[str | None]
    doi: Mapped[str | None]


class StructuresColumns:
    """Columns of ``structures``."""

    id: Mapped[str]
    space_group: Mapped[str | None]
    role: Mapped[str]
    origin: Mapped[str]
    atoms: Mapped[int]
    energy_ev: Mapped[float | None]


class TestProtocolsColumns:
    """Columns of ``test_protocols``."""

    table: Mapped[int]
    function: Mapped[str]
    device_requirement: Mapped[str | None]
    pulse_protocol: Mapped[str | None]
    measured: Mapped[str | None]
    application: Mapped[str | None]
    memristor_type: Mapped[str | None]
    references: Mapped[str]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
