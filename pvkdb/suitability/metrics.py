"""The metrics that a profile may ask for: unit, possible values, and how a value reads in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pvkdb.schemas.profiles import Scale, Subject


@dataclass(frozen=True, slots=True)
class Metric:
    """A property of devices or of materials.

    ``least`` and ``most`` are the ends of what is possible; a value at an ``open_end`` is not.
    ``says`` takes the value, for a sentence. Metrics with ``words`` hold one of those instead of
    a number. ``modelled`` ones are windows that a model predicts from a material.
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
    #: A reported value is how far a test went: the truth may lie above.
    tested: bool = False


def _positive(name: str, unit: str, says: str, subject: Subject = "devices") -> Metric:
    return Metric(name, unit, subject, says, "log", least=0, open_end=True)


def _percent(name: str, says: str) -> Metric:
    return Metric(name, "%", "devices", says, least=0, most=100)


def _ratio(name: str, says: str, least: float = 0) -> Metric:
    return Metric(name, "1", "devices", says, "log", least=least, open_end=least == 0)


def _energy(name: str, says: str) -> Metric:
    return Metric(name, "eV", "materials", says)


def _predicted(name: str, unit: str, says: str) -> Metric:
    return replace(_positive(name, unit, says, "materials"), modelled=True)


VOLATILITY = ("non-volatile", "volatile", "both")
A_CATIONS = ("inorganic", "organic without MA", "with MA")
YES_NO = ("yes", "no")

_ALL = (
    # Devices: what Table 4 and the text of the review report.
    Metric("endurance_cycles", "cycles", "devices", "lasts {}", "log", least=1, tested=True),
    _positive("retention_s", "s", "holds its state for {}"),
    _positive("switching_time_s", "s", "switches in {}"),
    _ratio("on_off_ratio", "on/off ratio {}", least=1),
    _positive("set_voltage_v", "V", "sets at {} (magnitude)"),
    _positive("reset_voltage_v", "V", "resets at {} (magnitude)"),
    _positive("threshold_voltage_v", "V", "threshold at {} (magnitude)"),
    _positive("stability_days", "d", "stored for {}"),
    _positive("switching_energy_j", "J", "{} a switching event"),
    _positive("energy_per_event_j", "J", "{} a synaptic event"),
    Metric("states", "1", "devices", "{} states", "log", least=1),
    _ratio("rectification_ratio", "rectifies {}", least=1),
    _percent("yield_percent", "yield {}"),
    _percent("variability_c2c_percent", "varies {} from cycle to cycle"),
    _percent("variability_d2d_percent", "varies {} from device to device"),
    Metric("volatility", "", "devices", "{}", words=VOLATILITY),
    # Devices: what applications ask for and the store reports of none so far.
    _positive("relaxation_time_s", "s", "relaxes in {}"),
    _ratio("ppf_ratio", "paired pulses facilitate {}"),
    _ratio("continuous_pulse_response_ratio", "response to a pulse train {}"),
    _ratio("sensitized_response_ratio", "response after injury {}"),
    _ratio("sensitized_threshold_ratio", "threshold after injury {}"),
    _ratio("input_to_threshold_ratio", "input over threshold {}"),
    Metric("photoresponsivity_states", "1", "devices", "{} photoresponsivity states", "log", 1),
    Metric("epsc_ua", "uA", "devices", "EPSC {}"),
    _positive("wavelength_nm", "nm", "works at {}"),
    _percent("uniqueness_percent", "{} of the bits differ between two devices"),
    _percent("uniformity_percent", "{} of the bits of a response are 1"),
    _percent("reliability_percent", "{} of the bits come back"),
    # Materials. Literature and model are metrics of their own, so that they cannot be mixed.
    _energy("e_a_ev", "E_A of the halide {}"),
    _energy("e_a_model_ev", "E_A of the halide, by machine-learned potentials, {}"),
    _energy("dfe_ev", "DFE of the halide vacancy {}"),
    _energy("dfe_model_ev", "DFE of the halide vacancy, by machine-learned potentials, {}"),
    Metric("decomposition_ev_per_atom", "eV/atom", "materials", "decomposing costs {}"),
    Metric("p_perovskite", "1", "materials", "a perovskite with probability {}", least=0, most=1),
    Metric(
        "dimensionality", "1", "materials", "octahedra linked in {} dimensions", least=0, most=3
    ),
    Metric("lead_free", "", "materials", "lead-free: {}", words=YES_NO),
    Metric("a_cation", "", "materials", "A cation: {}", words=A_CATIONS),
    # Windows that a model of kinetics predicts, where one is plugged in.
    _predicted("modelled_switching_time_s", "s", "switches in {} (model)"),
    _predicted("modelled_retention_s", "s", "forgets in {} (model)"),
    _predicted("modelled_set_voltage_v", "V", "sets at {} (model)"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metrics_of(subject: Subject) -> Iterable[str]:
    """Names of the metrics of devices or of materials."""
    return (name for name, metric in METRICS.items() if metric.subject == subject)


def possible(metric: Metric, value: float) -> bool:
    """Whether the metric can have a value."""
    if metric.least is not None and (
        value < metric.least or (metric.open_end and value == metric.least)
    ):
        return False
    return metric.most is None or value <= metric.most


def impossible(metric: Metric, value: float) -> str:
    """Why a value is impossible, in words."""
    given = f"{value:g}" if metric.unit in ("", "1") else f"{value:g} {metric.unit}"
    if metric.least is not None and value <= metric.least:
        word = "above" if metric.open_end else "at least"
        return f"{given} is impossible: {metric.name} is {word} {metric.least:g}"
    return f"{given} is impossible: {metric.name} is at most {metric.most:g}"
