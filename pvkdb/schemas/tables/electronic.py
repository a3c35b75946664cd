"""Rows on electrons: band gaps, measured and computed."""

from __future__ import annotations

from typing import ClassVar, Literal

from pvkdb.schemas.tables.columns import (
    PHASE_SOURCE,
    Row,
    as_printed_column,
    column,
    optional,
    references_column,
    source_column,
)

#: Units of ``ElectronicRow.quantity``.
UNITS = {
    "gap": "eV",
    "static_dielectric": "1",
    "high_frequency_dielectric": "1",
    "absorption_onset_nm": "nm",
}


class ElectronicRow(Row):
    """One value of a gap, an absorption onset or a dielectric constant."""

    purpose: ClassVar[str] = "What electrons do: band gaps, as measured and as computed."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = ("material", "phase", "references")

    id: str = column("Name of the value, e.g. `g-001` or `g-<calculation>`.", "curated")
    material: str = column("Formula; in exports in its canonical spelling.", "curated")
    phase: str | None = optional(
        "Phase: space group or name, e.g. `Pnma`, `γ`.", PHASE_SOURCE, empty="not named"
    )
    quantity: Literal[
        "gap", "static_dielectric", "high_frequency_dielectric", "absorption_onset_nm"
    ] = column("What the value is of.", "curated", filter_by="gap", facet=True)
    value: float | None = optional(
        "The value near 300 K.",
        "printed; where it was computed, calibrated to what `conditions` names",
        unit_column="unit",
        minimum=0,
        filter_by=1.5,
        empty="a range is printed, or what was computed is not calibrated",
    )
    value_low: float | None = optional(
        "Lower end: of the printed range, or of the interval of 95 % of the calibration.",
        "printed, or computed: a prediction by the calibration of its family",
        unit_column="unit",
        minimum=0,
        empty="not calibrated",
    )
    value_high: float | None = optional(
        "Upper end, as `value_low`.",
        "printed, or computed: a prediction by the calibration of its family",
        unit_column="unit",
        minimum=0,
        empty="not calibrated",
    )
    unit: Literal["eV", "1", "nm"] = column("Unit of the values.", "curated")
    as_computed: float | None = optional(
        "What the calculation found, without calibration: of a gap, the distance of the edges of "
        "its bands. PBE's are mostly too small, and can be too large without spin–orbit coupling.",
        "computed: levels of a self-consistent field on the grid of k-points "
        "(Quantum ESPRESSO, doi 10.1088/1361-648X/aa8f79)",
        unit_column="unit",
        minimum=0,
        empty="measured",
    )
    method: Literal["experiment", "DFT", "model"] = column(
        "How the value was found.", "curated", filter_by="experiment", facet=True
    )
    functional: str | None = optional(
        "Functional of a calculation, e.g. `PBE`.", "recorded", facet=True, empty="measured"
    )
    soc: bool | None = optional(
        "Whether spin–orbit coupling was included.", "recorded", empty="measured"
    )
    temperature_k: float | None = optional(
        "Temperature of the measurement.", "printed", unit="K", minimum=0
    )
    conditions: str | None = optional(
        "How and on what it was measured, or what was computed, in a few words.",
        "curated, or recorded",
    )
    references: str = references_column(empty="the row was computed")
    source: str = source_column()
    as_printed: str | None = as_printed_column(empty="the row was computed")
