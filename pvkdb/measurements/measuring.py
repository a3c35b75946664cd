"""Files to a report: the forms are read, each kind has its metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError
from pvkdb.measurements import memory, plasticity, sweeps
from pvkdb.measurements.forms import AreaSeries, TemperatureSeries
from pvkdb.measurements.metrics import Measured, shipped
from pvkdb.measurements.reading import Request, read

_CONDITIONS = ("area_m2", "thickness_m", "compliance_a", "temperature_k", "read_voltage_v")
_OF_ONE: dict[str, Callable[[Any], list[Measured]]] = {
    "transient": sweeps.pulse_metrics,
    "endurance": memory.endurance_metrics,
    "retention": memory.decay_metrics,
    "states": memory.state_metrics,
    "ppf": plasticity.ppf_metrics,
    "stdp": plasticity.stdp_metrics,
}


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics of files of one kind, each with its device; notes of the readers; what is unknown."""

    kind: str
    metrics: tuple[tuple[str, Measured], ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the report for JSON, with definitions and sources; what is not known is null."""
        rows = [
            {"device": device, **asdict(metric), **shipped("definitions.csv")[metric.name]}
            for device, metric in self.metrics
        ]
        return {**asdict(self), "metrics": rows}


def measure(
    paths: Sequence[Path],
    request: Request = Request(),
    exponent_range_v: tuple[float, float] | None = None,
    at_temperature_k: float | None = None,
) -> Report:
    """Return the metrics of files that belong together.

    ``exponent_range_v`` asks for the exponent of the current between two voltages, and
    ``at_temperature_k`` for retention extrapolated to a temperature.

    Raises:
        InputError: see :func:`pvkdb.measurements.reading.read`.
    """
    kind, forms = read(paths, request)
    found: list[tuple[str, Measured]] = []
    setups = [member.setup for form in forms for member in getattr(form, "members", (form,))]
    if kind == "iv":
        found += [("all", metric) for metric in sweeps.sweep_metrics(forms)]
        if exponent_range_v:
            exponents = [sweeps.power_exponent(trace, *exponent_range_v) for trace in forms]
            found += [(f.setup.device, metric) for f, metric in zip(forms, exponents, strict=True)]
    elif kind == "pulses":
        for device in dict.fromkeys(setup.device for setup in setups):
            trains = [form for form in forms if form.setup.device == device]
            found += [(device, metric) for metric in plasticity.trains_metrics(trains)]
    for form in forms if kind not in ("iv", "pulses") else ():
        if isinstance(form, AreaSeries):
            if request.read_voltage_v is None:
                raise InputError("--as area compares currents at one voltage: give --v-read V")
            metrics = sweeps.area_metrics(form, request.read_voltage_v)
        elif isinstance(form, TemperatureSeries):
            metrics = memory.arrhenius(form.members, at_temperature_k)
        else:
            metrics = _OF_ONE[kind](form)
        device = "all" if hasattr(form, "members") else form.setup.device
        found += [(device, metric) for metric in metrics]
    notes = tuple(dict.fromkeys(note for setup in setups for note in setup.notes))
    unknown = (n for n in _CONDITIONS if all(getattr(setup, n) is None for setup in setups))
    return Report(kind, tuple(found), notes, tuple(unknown))
