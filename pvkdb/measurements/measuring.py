"""Files to a report: the forms are read, each kind has its metrics, and both are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pvkdb.measurements import memory, plasticity, sweeps
from pvkdb.measurements.forms import TemperatureSeries
from pvkdb.measurements.metrics import Measured, shipped
from pvkdb.measurements.practice import quality
from pvkdb.measurements.reading import Request, read
from pvkdb.measurements.switching import switching
from pvkdb.schemas.measurements import Quality, SwitchingStep

_CONDITIONS = ("area_m2", "thickness_m", "compliance_a", "temperature_k", "read_voltage_v")
_OF_ONE: dict[str, Callable[[Any], list[Measured]]] = {
    "transient": sweeps.transient_metrics,
    "endurance": memory.endurance_metrics,
    "retention": memory.decay_metrics,
    "states": memory.state_metrics,
    "ppf": plasticity.ppf_metrics,
    "stdp": plasticity.stdp_metrics,
}


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics of files, each with its device; notes of the readers; what is unknown; verdicts."""

    kind: str  # kinds of the files, with commas
    metrics: tuple[tuple[str, Measured], ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]
    quality: tuple[Quality, ...] = ()
    switching: tuple[SwitchingStep, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the report for JSON, with definitions and sources; what is not known is null."""
        known = shipped("definitions.csv")
        rows = [{"device": device, **asdict(m), **known[m.name]} for device, m in self.metrics]
        models = {
            name: [m.model_dump() for m in getattr(self, name)] for name in ("quality", "switching")
        }
        return {**asdict(self), "metrics": rows, **models}


def measure(
    paths: Sequence[Path],
    request: Request = Request(),
    exponent_range_v: tuple[float, float] | None = None,
    at_temperature_k: float | None = None,
) -> Report:
    """Return the metrics of files that belong together, and what they show.

    ``exponent_range_v`` asks for the exponent of the current between two voltages, and
    ``at_temperature_k`` for retention extrapolated to a temperature.

    Raises:
        InputError: see :func:`pvkdb.measurements.reading.read`.
    """
    groups = read(paths, request)
    every = [form for forms in groups.values() for form in forms]
    setups = [member.setup for form in every for member in getattr(form, "members", (form,))]
    found: list[tuple[str, Measured]] = []
    for kind, forms in groups.items():
        found += _metrics(kind, forms, request, at_temperature_k)
        if kind == "iv" and exponent_range_v:
            found += [(f.setup.device, sweeps.power_exponent(f, *exponent_range_v)) for f in forms]
    metrics = [metric for _, metric in found]
    steps = switching(metrics, request.electrodes, request.thickness_m)
    unknown = (n for n in _CONDITIONS if all(getattr(setup, n) is None for setup in setups))
    return Report(
        ", ".join(groups),
        tuple(found),
        tuple(dict.fromkeys(note for setup in setups for note in setup.notes)),
        tuple(unknown),
        tuple(quality(groups, metrics)),
        tuple(steps),
    )


def _metrics(
    kind: str, forms: Sequence[Any], request: Request, at_k: float | None
) -> Iterator[tuple[str, Measured]]:
    if kind == "iv":
        yield from (("all", metric) for metric in sweeps.sweep_metrics(forms))
    elif kind == "area":
        yield from (("all", m) for m in sweeps.area_metrics(forms[0], request.read_voltage_v))
    elif kind == "pulses":
        for device in dict.fromkeys(form.setup.device for form in forms):
            trains = [form for form in forms if form.setup.device == device]
            yield from ((device, metric) for metric in plasticity.trains_metrics(trains))
    else:
        for form in forms:
            if isinstance(form, TemperatureSeries):
                yield from (("all", metric) for metric in memory.arrhenius(form.members, at_k))
            else:
                yield from ((form.setup.device, metric) for metric in _OF_ONE[kind](form))
