"""Rows of devices: their stacks and figures, and figures that only the running text reports."""

from __future__ import annotations

from typing import Any, ClassVar

from pvkdb.schemas.tables.columns import (
    NOT_REPORTED,
    Row,
    as_printed_column,
    column,
    erratum_column,
    optional,
    references_column,
    review_column,
    source_column,
)

#: Switching mechanisms, as sections 3.2.1 to 3.2.3 of the review divide them.
MECHANISMS = (
    "metal filament",
    "halide-vacancy filament",
    "mixed filament",
    "filament",
    "metal-ion migration",
    "halide-vacancy migration",
    "ion migration",
    "interface",
    "self-doping",
    "interfacial reaction",
    "charge trapping",
    "polarization",
)

_FROM_LAYERS = "computed: taken from `layers`"


def _qualifier(number: str, *more: str, verb: str = "has") -> Any:
    """Declare a column for what precedes a printed number: ``>``, ``~`` and ``more``."""
    meaning, empty = f"What the source puts before {number}", f"{number} {verb} no sign in front"
    best = "; `up to` is a best value" if "up to" in more else ""
    return optional(f"{meaning}{best}.", "printed", values=("~", ">", ">=", *more), empty=empty)


def _volts(meaning: str) -> Any:
    """Declare a column of a printed voltage."""
    return optional(meaning, "printed", unit="V", minimum=-100, maximum=100)


def _condition(
    meaning: str, imported_as: str, unit: str, bounds: tuple[float, float], example: float
) -> Any:
    """Declare a column of a number under which a device was measured."""
    facts: dict[str, Any] = {"minimum": bounds[0], "maximum": bounds[1], "filter_by": example}
    return optional(meaning, "printed", unit=unit, imported_as=imported_as, **facts)


def _condition_word(meaning: str, name: str, *values: str) -> Any:
    """Declare a column of a word on how a device was measured."""
    facts: dict[str, Any] = {"values": values, "filter_by": values[0], "facet": True}
    return optional(meaning, "curated", imported_as=name, **facts)


class DevicesRow(Row):
    """One device: its stack and the metrics reported for it."""

    purpose: ClassVar[str] = "Which stacks were built, and how they performed."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = (
        "material",
        "layers",
        "bottom_electrode",
        "top_electrode",
        "other_layers",
        "references",
        "review",
    )

    id: str = column(
        "Name of the device, e.g. `d-t4-r01`: table and row.", "curated", filter_by="d-t4-r01"
    )
    group: str = column(
        "Heading in the table of the device; `imported` for an imported paper.",
        "printed",
        filter_by="3D all-inorganic perovskite",
        facet=True,
    )
    structure: str = column("Stack, subscripts as plain digits.", "printed")
    absorber: str = column("Perovskite layer, misprints included.", "printed", facet=True)
    form: str | None = optional(
        "Shape of the perovskite, e.g. `quantum dots`, `fibre`.",
        "printed",
        empty="a plain film",
        facet=True,
    )
    bottom_electrode: str | None = optional(
        "Bottom electrode; several layers separated by `/`.", _FROM_LAYERS
    )
    top_electrode: str | None = optional(
        "Top electrode; several layers separated by `/`.", _FROM_LAYERS
    )
    other_layers: str | None = optional(
        "Layers that are neither electrode nor absorber, separated by `; `.",
        _FROM_LAYERS,
        empty="the stack has no other layer",
    )
    on_off_ratio: float | None = optional(
        "Current in the low-resistance over the high-resistance state; below 1 only where it is "
        "printed so, with an `erratum`.",
        "printed",
        unit="1",
        minimum=0,
        maximum=1e15,
    )
    on_off_qualifier: str | None = _qualifier("the ratio", "up to")
    v_set_min_v: float | None = _volts("Lowest SET voltage (algebraic, signs as printed).")
    v_set_max_v: float | None = _volts("Highest SET voltage (algebraic).")
    v_reset_min_v: float | None = _volts(
        "Lowest RESET voltage (algebraic): −3.6 of “−0.078 to −3.6”."
    )
    v_reset_max_v: float | None = _volts(
        "Highest RESET voltage (algebraic): −0.078 of “−0.078 to −3.6”."
    )
    v_qualifier: str | None = _qualifier("the voltages", verb="have")
    endurance_cycles: float | None = optional(
        "Switching cycles that were tested; a lower bound.",
        "printed",
        unit="cycles",
        minimum=1,
        maximum=1e15,
    )
    retention_s: float | None = optional(
        "Time for which a state was held; where it is the length of a test, a lower bound.",
        "printed",
        unit="s",
        minimum=1e-9,
        maximum=1e10,
    )
    retention_qualifier: str | None = _qualifier("the retention", "up to")
    stability_days: float | None = optional(
        "Time in storage after which the device still worked; a month is 30 days.",
        "printed",
        unit="d",
        minimum=1e-3,
        maximum=1e5,
    )
    stability_qualifier: str | None = optional(
        "What the source puts before the stability; `up to` is a best value; `film` where the "
        "film, not the device, was stored.",
        "printed",
        values=("~", ">", ">=", "up to", "film"),
        empty="the stability has no sign in front",
    )
    references: str = references_column(empty="the source cites nothing")
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()
    layers: str | None = optional(
        "The stack from bottom to top as `role=material`, separated by ` | `. Roles: `substrate`, "
        "`adhesion`, `bottom_electrode`, `transport`, `buffer`, `interlayer`, `absorber`, "
        "`top_electrode`; the purpose of an `interlayer` is not reported.",
        "curated",
    )
    material: str | None = optional(
        "Formula of the absorber that is meant; in exports in its canonical spelling.",
        "curated",
        empty="the composition is not known",
    )
    configuration: str | None = optional(
        "Terminals, and for two of them the direction of the current.",
        "curated",
        values=("2T vertical", "2T lateral", "3T"),
        facet=True,
    )
    mechanism: str | None = optional(
        "What switches; `filament` if its kind, `ion migration` if the ion is not reported. "
        "The README of the curated files explains each word.",
        "curated",
        values=MECHANISMS,
        filter_by="metal filament",
        facet=True,
    )
    volatility: str | None = optional(
        "Whether the state lasts without voltage.",
        "curated",
        values=("non-volatile", "volatile", "both"),
        filter_by="volatile",
        facet=True,
    )
    text_source: str | None = optional(
        "Places behind configuration, mechanism and volatility, e.g. `mechanism: section 2.4`.",
        "curated",
        empty="none of the three is reported",
    )
    raw_files: str | None = optional(
        "Files of the instrument behind the values, as `SHA-256 name`, separated by ` | `; the "
        "store holds their content.",
        "curated",
        empty="the values are those of a publication",
    )
    quality: str | None = optional(
        "Questions of good practice (section 3.1) by their answers, of `pvkdb measure`.",
        "curated",
        empty="the values were not measured by pvkdb",
    )

    thickness_nm: float | None = _condition(
        "Thickness of the perovskite layer.", "thickness", "nm", (0.1, 1e8), 300.0
    )
    area_um2: float | None = _condition(
        "Area in which both electrodes overlap; of a printed side its square.",
        *("area", "um2", (1e-8, 1e10), 1e4),
    )
    sweep_rate_v_per_s: float | None = _condition(
        "Rate of the voltage sweeps.", "sweep_rate", "V/s", (1e-9, 1e12), 0.1
    )
    pulse_width_s: float | None = _condition(
        "Width of the pulses that switch.", "pulse_width", "s", (1e-15, 1e6), 1e-3
    )
    pulse_voltage_v: float | None = _condition(
        "Height of the pulses that switch; of a SET and a RESET pulse that of SET.",
        *("pulse_voltage", "V", (-100, 100), 1.0),
    )
    compliance_a: float | None = _condition(
        "Current to which the instrument limits SET.", "compliance", "A", (1e-15, 100), 1e-3
    )
    read_voltage_v: float | None = _condition(
        "Voltage at which the states are read.", "read_voltage", "V", (-100, 100), 0.1
    )
    temperature_k: float | None = _condition(
        "Temperature of the measurements; a printed °C plus 273.15. “Room temperature” is no "
        "number.",
        *("temperature", "K", (0, 2000), 300.0),
    )
    humidity_percent: float | None = _condition(
        "Relative humidity of the air during the measurements.", "humidity", "%", (0, 100), 50.0
    )
    atmosphere: str | None = _condition_word(
        "Gas around the device during the measurements, not in storage.",
        *("atmosphere", "air", "nitrogen", "argon", "oxygen", "vacuum"),
    )
    endurance_counted: str | None = _condition_word(
        "What a cycle of the endurance is: `sweeps` of the voltage through SET and RESET, or a SET "
        "and a RESET by `pulses`.",
        *("endurance_counted", "sweeps", "pulses"),
    )
    endurance_end: str | None = _condition_word(
        "What ended the test of endurance: it was `stopped` while the device worked, or the device "
        "had `failed`.",
        *("endurance_end", "stopped", "failed"),
    )
    retention_end: str | None = _condition_word(
        "What ended the test of retention: it was `stopped` while the states lasted, or a state "
        "had `failed`.",
        *("retention_end", "stopped", "failed"),
    )
    conditions_source: str | None = optional(
        "Sentence and place behind each condition: `area_um2: “…” (place)`, separated by ` | `.",
        "curated",
        empty="no condition is reported, or they stand at `source`",
    )
    review: str | None = review_column()


#: Conditions of a device's measurements by the columns of an import that take them.
CONDITIONS = {
    name: column
    for column in DevicesRow.dictionary().values()
    if (name := column.imported_as) is not None
}


class DeviceClaimsRow(Row):
    """One performance figure of a device in the running text or a caption."""

    purpose: ClassVar[str] = "What a source says of devices outside its tables."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = ("references", "review")

    id: str = column(
        "Name of the figure, e.g. `c-s5.2-001`: section and place in it.",
        "curated",
        filter_by="c-s5.2-001",
    )
    device: str = column("The device as the text names it, conditions in brackets.", "curated")
    metric: str = column(
        "What is measured, with its unit as suffix, e.g. `switching_time_s`; a metric without one "
        "is a pure number.",
        "curated",
        filter_by="switching_time_s",
        facet=True,
    )
    value: float = column("The figure; the lower end of a range.", "printed", unit_column="unit")
    value_max: float | None = optional(
        "Upper end of a printed range.", "printed", unit_column="unit", empty="a single figure"
    )
    unit: str = column(
        "Unit of the figure; `1` for a pure number.", "curated", empty=NOT_REPORTED, facet=True
    )
    qualifier: str | None = optional(
        "What the source puts before the figure; `up to` is as high as, `down to` as low as (best "
        "values), `±` an amplitude.",
        "printed",
        values=(">", ">=", "<", "<=", "~", "up to", "down to", "±"),
        empty="the figure has no sign in front",
    )
    references: str = references_column(empty="a general statement without a citation")
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()
    review: str | None = review_column()
