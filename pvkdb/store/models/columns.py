"""Columns of the store. Made by docs/reference/store_columns.py; do not edit.

They are those of the exported tables; the models add keys, indexes and relations.
"""

from datetime import datetime

from sqlalchemy.orm import Mapped


class CalculationsColumns:
    """Columns of ``calculations``."""

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

    known: Mapped[int]
    families: Mapped[str]
    lead_free: Mapped[bool]
    phases_count: Mapped[int]
    lowest_phase: Mapped[str | None]
    lowest_phase_potential: Mapped[str | None]
    phases_compared: Mapped[int]
    above_hull_ev_per_atom: Mapped[float | None]
    above_hull_source: Mapped[str | None]
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


class CorrectionsColumns:
    """Columns of ``corrections``."""

    value: Mapped[str]
    source: Mapped[str]
    why: Mapped[str]


class DeviceClaimsColumns:
    """Columns of ``device_claims``."""

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
    thickness_nm: Mapped[float | None]
    area_um2: Mapped[float | None]
    sweep_rate_v_per_s: Mapped[float | None]
    pulse_width_s: Mapped[float | None]
    pulse_voltage_v: Mapped[float | None]
    compliance_a: Mapped[float | None]
    read_voltage_v: Mapped[float | None]
    temperature_k: Mapped[float | None]
    humidity_percent: Mapped[float | None]
    atmosphere: Mapped[str | None]
    endurance_counted: Mapped[str | None]
    endurance_end: Mapped[str | None]
    retention_end: Mapped[str | None]
    conditions_source: Mapped[str | None]


class ElectronicColumns:
    """Columns of ``electronic``."""

    quantity: Mapped[str]
    value: Mapped[float | None]
    value_low: Mapped[float | None]
    value_high: Mapped[float | None]
    unit: Mapped[str]
    as_computed: Mapped[float | None]
    method: Mapped[str]
    functional: Mapped[str | None]
    soc: Mapped[bool | None]
    temperature_k: Mapped[float | None]
    conditions: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]


class EnergeticsColumns:
    """Columns of ``energetics``."""

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

    family: Mapped[str]
    phase: Mapped[str | None]
    dimensionality: Mapped[int | None]


class ReferencesColumns:
    """Columns of ``references``."""

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

    space_group: Mapped[str | None]
    role: Mapped[str]
    origin: Mapped[str]
    atoms: Mapped[int]
    energy_ev: Mapped[float | None]
