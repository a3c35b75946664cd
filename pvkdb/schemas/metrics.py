"""The registry of metrics: properties of devices and materials that profiles may require.

An entry is the one place that describes a metric. The device table, its filters, the import of
papers, the pages, the plots and the rankings are made from it. To add a metric that devices
report, see "Adding things" in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pvkdb.display.units import with_unit
from pvkdb.schemas.profiles import Scale, Subject


@dataclass(frozen=True, slots=True)
class TableColumns:
    """How the table ``devices`` holds a metric, and how it is imported and searched.

    ``low`` and ``high`` are the columns of the ends of an interval; a metric without ``high`` is
    one number. ``imported_as`` is the column of an import that takes a value with its unit, such
    as ``3 months``. ``at_least`` and ``at_most`` describe the filters ``LOW_min`` and ``LOW_max``,
    each with an example.
    """

    low: str
    imported_as: str
    high: str | None = None
    qualifier: str | None = None
    at_least: tuple[str, float] | None = None
    at_most: tuple[str, float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the table that hold the metric's values: one, or minimum and maximum."""
        return (self.low,) if self.high is None else (self.low, self.high)

    @property
    def column(self) -> str:
        """The metric's name where a page shows it in a single column."""
        return self.low if self.high is None else self.imported_as


@dataclass(frozen=True, slots=True)
class Metric:
    """A property of devices or of materials.

    ``least`` and ``most`` are the ends of the possible values; ``open_end`` excludes ``least``.
    ``says`` is a phrase with a place for the value. A metric with ``words`` has one of those
    words for a value instead of a number. A ``modelled`` metric is an interval that a model
    predicts for a material. A ``tested`` value shows how far a test went: the true value may be
    larger. A ``magnitude`` compares the absolute values of what is reported.
    """

    name: str
    unit: str
    subject: Subject
    says: str
    scale: Scale = "linear"
    least: float | None = None
    most: float | None = None
    open_end: bool = False
    words: tuple[str, ...] = ()
    modelled: bool = False
    tested: bool = False
    magnitude: bool = False
    #: The name within a sentence: ``endurance``. By default the name without its unit.
    label: str = ""
    #: The name in the store and in the table ``device_claims``; None: never reported there.
    reported_as: str | None = None
    #: The columns of the table ``devices``, for a metric that it has.
    table: TableColumns | None = None

    def __post_init__(self) -> None:
        if not self.label:
            unit = {"%": "percent", "d": "days"}.get(self.unit, self.unit.lower())
            label = self.name.removesuffix(f"_{unit}").replace("_", " ")
            object.__setattr__(self, "label", label)

    @property
    def heading(self) -> str:
        """The label with a capital, for headings and axes."""
        return f"{self.label[0].upper()}{self.label[1:]}"


def _positive(name: str, unit: str, says: str, subject: Subject = "devices", **more: Any) -> Metric:
    return Metric(name, unit, subject, says, "log", least=0, open_end=True, **more)


def _percent(name: str, says: str, label: str = "") -> Metric:
    return Metric(name, "%", "devices", says, least=0, most=100, label=label)


def _ratio(name: str, says: str, least: float = 0, label: str = "") -> Metric:
    return Metric(name, "1", "devices", says, "log", least, open_end=least == 0, label=label)


def _energy(name: str, says: str, label: str) -> Metric:
    return Metric(name, "eV", "materials", says, label=label)


def _predicted(name: str, unit: str, says: str, label: str) -> Metric:
    return _positive(name, unit, says, "materials", modelled=True, label=label)


def _reported(metric: Metric, table: TableColumns | None = None) -> Metric:
    """Return the metric marked as reported in the store."""
    return replace(metric, reported_as=metric.reported_as or metric.name, table=table)


def _voltage(kind: str, says: str, table: TableColumns | None = None) -> Metric:
    name, says = kind.lower(), f"{says} at {{}} (magnitude)"
    known: dict[str, Any] = {"reported_as": f"v_{name}_v", "label": f"{kind} voltage"}
    metric = _positive(f"{name}_voltage_v", "V", says, magnitude=True, **known)
    return _reported(metric, table)


VOLATILITY = ("non-volatile", "volatile", "both")
A_CATIONS = ("inorganic", "organic without MA", "with MA")
YES_NO = ("yes", "no")

_ALL = (
    # Devices: the metrics of the device table, in its order.
    _reported(
        _ratio("on_off_ratio", "on/off ratio {}", least=1, label="on/off ratio"),
        TableColumns(
            "on_off_ratio",
            "on_off_ratio",
            qualifier="on_off_qualifier",
            at_least=("Smallest on/off ratio.", 1e3),
            at_most=("Largest on/off ratio.", 1e6),
        ),
    ),
    _voltage("SET", "sets", TableColumns("v_set_min_v", "v_set", "v_set_max_v", "v_qualifier")),
    _voltage(
        "RESET",
        "resets",
        TableColumns("v_reset_min_v", "v_reset", "v_reset_max_v", "v_qualifier"),
    ),
    _reported(
        Metric("endurance_cycles", "cycles", "devices", "lasts {}", "log", least=1, tested=True),
        TableColumns(
            "endurance_cycles",
            "endurance",
            at_least=("Smallest tested endurance.", 1e3),
        ),
    ),
    _reported(
        _positive("retention_s", "s", "holds its state for {}", tested=True),
        TableColumns(
            "retention_s",
            "retention",
            qualifier="retention_qualifier",
            at_least=("Smallest retention in s.", 1e4),
            at_most=("Largest retention in s, where a state was seen to decay.", 1e6),
        ),
    ),
    _reported(
        _positive("stability_days", "d", "stored for {}", label="stability in storage"),
        TableColumns(
            "stability_days",
            "stability",
            qualifier="stability_qualifier",
            at_least=("Shortest stability in storage, in days.", 30),
        ),
    ),
    # Devices: reported in the running text only.
    _reported(_positive("switching_time_s", "s", "switches in {}")),
    _voltage("threshold", "threshold"),
    _reported(_positive("switching_energy_j", "J", "{} a switching event")),
    _reported(_positive("energy_per_event_j", "J", "{} a synaptic event")),
    _reported(Metric("states", "1", "devices", "{} states", "log", least=1)),
    _reported(_ratio("rectification_ratio", "rectifies {}", least=1)),
    _reported(_percent("yield_percent", "yield {}")),
    _reported(
        Metric("nonlinearity", "1", "devices", "non-linearity {} (label)", least=0, magnitude=True)
    ),
    _reported(_percent("variability_c2c_percent", "varies {} from cycle to cycle")),
    _reported(_percent("variability_d2d_percent", "varies {} from device to device")),
    Metric("volatility", "", "devices", "{}", words=VOLATILITY),
    # Devices: required by applications, and so far reported of no device. The text gives
    # wavelengths too, but those of lamps and detectors among them.
    _positive("relaxation_time_s", "s", "relaxes in {}"),
    _ratio("ppf_ratio", "paired pulses facilitate {}", label="PPF ratio"),
    _ratio("continuous_pulse_response_ratio", "response to a pulse train {}"),
    _ratio("sensitized_response_ratio", "response after injury {}"),
    _ratio("sensitized_threshold_ratio", "threshold after injury {}"),
    _ratio("input_to_threshold_ratio", "input over threshold {}"),
    Metric("photoresponsivity_states", "1", "devices", "{} photoresponsivity states", "log", 1),
    Metric("epsc_ua", "uA", "devices", "EPSC {}", label="EPSC"),
    _positive("wavelength_nm", "nm", "works at {}"),
    _percent("uniqueness_percent", "{} of the bits differ between two devices"),
    _percent("uniformity_percent", "{} of the bits of a response are 1"),
    _percent("reliability_percent", "{} of the bits come back"),
    # Devices: computed by pvkdb from the figures of a device (MNIST), never reported.
    _percent(
        "network_accuracy_training_percent",
        "classifies {} of the digits correctly, trained in place",
        "network accuracy, training, computed",
    ),
    _percent(
        "network_accuracy_inference_percent",
        "classifies {} of the digits correctly, with copied weights",
        "network accuracy, inference, computed",
    ),
    # Materials. E_A and DFE have one kind of evidence: the literature's, else computed by DFT, else
    # calibrated; those of potentials are metrics of their own too.
    _energy("e_a_ev", "E_A of the halide {}", "E_A"),
    _energy("e_a_model_ev", "E_A of the halide, by machine-learned potentials, {}", "E_A, model"),
    _energy("dfe_ev", "DFE of the halide vacancy {}", "DFE"),
    _energy(
        *("dfe_model_ev", "DFE of the halide vacancy, by machine-learned potentials, {}"),
        "DFE, halide-poor to halide-rich, model",
    ),
    Metric(
        "above_hull_ev_per_atom",
        "eV/atom",
        "materials",
        "{} above the hull",
        label="energy above the hull",
    ),
    Metric(
        "p_perovskite",
        "1",
        "materials",
        "a perovskite with probability {}",
        least=0,
        most=1,
        label="perovskite probability",
    ),
    Metric(
        "dimensionality", "1", "materials", "octahedra linked in {} dimensions", least=0, most=3
    ),
    Metric("lead_free", "", "materials", "lead-free: {}", words=YES_NO),
    Metric("a_cation", "", "materials", "A cation: {}", words=A_CATIONS, label="A cation"),
    # Materials: intervals that a model of kinetics predicts.
    _predicted("modelled_switching_time_s", "s", "switches in {} (model)", "switching time, model"),
    _predicted("modelled_retention_s", "s", "forgets in {} (model)", "retention, model"),
    _predicted("modelled_set_voltage_v", "V", "sets at {} (model)", "SET voltage, model"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
#: Metrics that the store reports of devices, by their names there.
REPORTED: dict[str, Metric] = {
    metric.reported_as: metric for metric in _ALL if metric.reported_as is not None
}
#: Metrics of the table ``devices`` with their columns, by their names in the store.
TABLE_METRICS: dict[str, tuple[Metric, TableColumns]] = {
    name: (metric, metric.table) for name, metric in REPORTED.items() if metric.table is not None
}
#: Metrics that an import of a device takes beside those of its table, by the names of the fields.
FIGURES: dict[str, Metric] = {
    metric.label.replace(" ", "_"): metric for metric in REPORTED.values() if metric.table is None
}

#: Units of the metrics of the table ``device_claims``: those above, and others of the text.
CLAIM_UNITS: dict[str, str] = {
    **{name: {"d": "days"}.get(metric.unit, metric.unit) for name, metric in REPORTED.items()},
    **{
        name: unit
        for unit, names in {
            "1": "array_devices array_rows_columns bits compositions device_count "
            "improvement_factor max_array_rows_columns photocurrent_ratio pulses "
            "spacing_to_thickness_ratio",
            "cycles": "bending_cycles",
            "%": "accuracy_percent read_margin_percent retained_percent",
            "m": "array_side_m bending_radius_m device_side_m device_spacing_m grain_size_m "
            "electrode_distance_m feature_size_m filament_diameter_m length_m pitch_m "
            "rms_roughness_m thickness_m",
            "m2": "array_area_m2 device_area_m2 substrate_area_m2",
            "nm": "spectral_fwhm_nm spectral_resolution_nm wavelength_nm",
            "s": "observation_time_s pulse_interval_s pulse_width_s trap_filling_time_s",
            "V": "memory_window_v v_erase_v v_forming_v v_gate_v v_operating_v v_pulse_v v_read_v "
            "v_write_v",
            "": "variance_c2c variance_d2d",
        }.items()
        for name in names.split()
    },
    "absorption_coefficient_per_cm": "cm-1",
    "bandgap_ev": "eV",
    "bending_angle_deg": "deg",
    "current_threshold_a": "A",
    "defect_density_per_cm3": "cm-3",
    "density_per_cm2": "cm-2",
    "dopant_mol_percent": "mol%",
    "electric_field_v_per_m": "V/m",
    "light_intensity_mw_per_cm2": "mW/cm2",
    "polarization_uc_per_cm2": "uC/cm2",
    "precursor_concentration_mol_per_l": "mol/L",
    "pressure_pa": "Pa",
    "resistance_ohm": "ohm",
    "sweep_rate_v_per_s": "V/s",
    "temperature_c": "degC",
    "temperature_k": "K",
    "viewing_angle_deg": "deg",
}


def table_columns(*, imported: bool = False) -> list[str]:
    """Return the columns of the device table that hold metrics, each metric's qualifier last.

    With ``imported``, the columns of an import that take a value with its unit are among them.
    """
    tables = [table for _, table in TABLE_METRICS.values()]
    columns: dict[str, None] = {}
    for place, table in enumerate(tables):
        if imported:
            columns[table.imported_as] = None
        columns |= dict.fromkeys(table.names)
        later = {other.qualifier for other in tables[place + 1 :]}
        if table.qualifier is not None and table.qualifier not in later:
            columns[table.qualifier] = None
    return list(columns)


def metrics_of(subject: Subject) -> Iterable[str]:
    """Return the names of the metrics of devices or of materials."""
    return (name for name, metric in METRICS.items() if metric.subject == subject)


def possible(metric: Metric, value: float) -> bool:
    """Return whether a value of the metric is physically possible."""
    if metric.least is not None and (
        value < metric.least or (metric.open_end and value == metric.least)
    ):
        return False
    return metric.most is None or value <= metric.most


def impossible(metric: Metric, value: float) -> str:
    """Return a sentence on why the metric cannot have a value."""
    given = with_unit(f"{value:g}", metric.unit)
    if metric.least is not None and value <= metric.least:
        word = "above" if metric.open_end else "at least"
        return f"{given} is impossible: {metric.name} is {word} {metric.least:g}"
    return f"{given} is impossible: {metric.name} is at most {metric.most:g}"
