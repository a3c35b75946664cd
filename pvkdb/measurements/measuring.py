"""Files to a report: the forms are read, each kind has its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError
from pvkdb.measurements import memory, plasticity, sweeps
from pvkdb.measurements.metrics import Measured, shipped
from pvkdb.measurements.reading import Request, read

_CONDITIONS = ("area_m2", "thickness_m", "compliance_a", "temperature_k", "read_voltage_v")


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics of files of one kind, each with its device; notes of the readers; what is unknown."""

    kind: str
    metrics: tuple[tuple[str, Measured], ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the report for JSON, with definitions and sources; what is not known is null."""
        known = shipped("definitions.csv")
        rows = [{"device": device, **asdict(m), **known[m.name]} for device, m in self.metrics]
        return {**asdict(self), "metrics": rows}


def measure(
    paths: Sequence[Path],
    request: Request = Request(),
    exponent_range_v: tuple[float, float] | None = None,
) -> Report:
    """Return the metrics of files that belong together.

    ``exponent_range_v`` asks for the exponent of the current between two voltages.

    Raises:
        InputError: see :func:`pvkdb.measurements.reading.read`.
    """
    kind, forms = read(paths, request)
    found: list[tuple[str, Measured]] = []
    setups = [member.setup for form in forms for member in getattr(form, "members", (form,))]
    each: dict[str, Any] = {"pulses": plasticity.train_metrics}
    each |= {"endurance": memory.endurance_metrics, "retention": memory.decay_metrics}
    if kind == "iv":
        found += [("all", metric) for metric in sweeps.sweep_metrics(forms)]
        if exponent_range_v:
            each["iv"] = lambda trace: [sweeps.power_exponent(trace, *exponent_range_v)]
    elif kind == "area":
        if request.read_voltage_v is None:
            raise InputError("--as area compares currents at one voltage: give --v-read V")
        found += [("all", m) for m in sweeps.area_metrics(forms[0], request.read_voltage_v)]
    for form in forms if kind in each else ():
        found += [(form.setup.device, metric) for metric in each[kind](form)]
    notes = tuple(dict.fromkeys(note for setup in setups for note in setup.notes))
    unknown = (n for n in _CONDITIONS if all(getattr(setup, n) is None for setup in setups))
    return Report(kind, tuple(found), notes, tuple(unknown))
