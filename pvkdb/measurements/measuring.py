"""Files to a report: the forms are read, each kind has its metrics, and both are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pvkdb.display.notebook import NotebookView, plot
from pvkdb.display.numbers import UNKNOWN, number
from pvkdb.display.units import with_unit
from pvkdb.measurements import memory, plasticity, sweeps
from pvkdb.measurements.conduction import Conduction, conduction
from pvkdb.measurements.forms import Setup, Trace, shipped
from pvkdb.measurements.metrics import Measured
from pvkdb.measurements.practice import Quality, quality
from pvkdb.measurements.reading import Request, read
from pvkdb.measurements.switching import SwitchingStep, switching
from pvkdb.store.curation.sources import Source

_CONDITIONS = ("area_m2", "thickness_m", "compliance_a", "temperature_k", "read_voltage_v")


@dataclass(frozen=True, slots=True)
class Report(NotebookView):
    """Metrics of files, each with its device; notes of the readers; what is unknown; verdicts."""

    kind: str  # one, or several with commas
    metrics: tuple[tuple[str, Measured], ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]
    quality: tuple[Quality, ...] = ()
    switching: tuple[SwitchingStep, ...] = ()
    conduction: tuple[Conduction, ...] = ()
    files: tuple[tuple[str, str], ...] = ()  # name and SHA-256
    forms: tuple[Any, ...] = field(default=(), repr=False)  # the points

    def document(self) -> dict[str, Any]:
        """Return the report for JSON, with definitions and sources; what is not known is null."""
        known = shipped("definitions.csv")
        rows = [{"device": device, **asdict(m), **known[m.name]} for device, m in self.metrics]
        verdicts = {"quality": self.quality, "switching": self.switching}
        models = {name: [row.model_dump() for row in rows] for name, rows in verdicts.items()}
        document = {**asdict(replace(self, forms=())), "metrics": rows, **models}
        del document["forms"]
        for branch in document["conduction"]:
            parameters = [metric for law in branch["laws"] for metric in law["parameters"]]
            for metric in filter(None, [*parameters, branch["activation"]]):
                metric |= known[metric["name"]]
        return document

    @property
    def measured(self) -> list[dict[str, str]]:
        """The metrics with value and interval as text."""
        names = ("device", "label", "value", "interval", "counts", "note", "place")
        return [{n: metric_cells(m)[n] for n in names} for m in self.document()["metrics"]]

    def _picture(self) -> str:
        sweeps = [(f.voltage_v, abs(f.current_a)) for f in self.forms if isinstance(f, Trace)]
        return plot(sweeps, "voltage (V)", "|current| (A)", log=True) if sweeps else ""


def metric_cells(metric: Mapping[str, Any]) -> dict[str, str]:
    """Return a metric of a report with its value, interval and counts as text."""
    value, ends = metric["value"], metric["ends"]
    shown = UNKNOWN if value is None else metric["bound"] + number(value)
    if value is not None and metric["unit"] != "1":
        shown = with_unit(shown, metric["unit"])
    counts = "" if metric["cycles"] is None else f"{metric['cycles']} × {metric['devices']}"
    interval = "" if ends is None else " to ".join(map(number, ends))
    return {**metric, "value": shown, "interval": interval, "counts": counts}


def measure(paths: Sequence[Source], request: Request = Request()) -> Report:
    """Return the metrics of files that belong together, and what they show.

    Raises:
        InputError: see :func:`pvkdb.measurements.reading.read`.
    """
    groups = read(paths, request)
    every = [form for forms in groups.values() for form in forms]
    setups = [member.setup for form in every for member in getattr(form, "members", (form,))]
    each: dict[str, Callable[[Any], list[Measured]]] = {"transient": sweeps.transient_metrics}
    each |= {"endurance": memory.endurance_metrics, "retention": memory.decay_metrics}
    each |= {"ppf": plasticity.ppf_metrics, "stdp": plasticity.stdp_metrics}
    each["states"] = memory.state_metrics
    each["area"] = lambda series: sweeps.area_metrics(series, request.read_voltage_v)
    each["temperatures"] = lambda series: memory.arrhenius(series.members, request.at_temperature_k)
    if ends := request.exponent_range_v:
        each["iv"] = lambda trace: [sweeps.power_exponent(trace, min(ends), max(ends))]
    found = [("all", m) for m in (sweeps.sweep_metrics(groups["iv"]) if "iv" in groups else ())]
    trains = groups.get("pulses", [])
    ways = {(train.setup.device, train.falling) for train in trains}
    devices = [*dict.fromkeys(train.setup.device for train in trains)]
    # Files of which each has one direction are the potentiation and depression of one device.
    apart = len(ways) > len(devices) or len({falling for _, falling in ways}) == 1
    for device in devices if apart else ["all"]:
        mine = [train for train in trains if device in ("all", train.setup.device)]
        found += [(device, metric) for metric in plasticity.trains_metrics(mine)]
    for kind in (kind for kind in groups if kind in each):
        for form in groups[kind]:
            device = "all" if hasattr(form, "members") else form.setup.device
            found += [(device, metric) for metric in each[kind](form)]
    metrics = [metric for _, metric in found]
    swept = groups.get("iv", []) + [t for s in groups.get("area", []) for t in s.members]
    # A mechanism of switching is that of a device that switches.
    shown = [m for m in metrics if m.name in ("v_set", "v_reset", "area_slope_lrs")]
    known = request.electrodes, min(request.thicknesses_m, default=None)
    steps = switching(metrics, *(known if not swept or any(m.cycles for m in shown) else ()))
    notes = tuple(dict.fromkeys(note for setup in setups for note in setup.notes))
    unknown = [n for n in _CONDITIONS if any(getattr(setup, n) is None for setup in setups)]
    unknown += ["sweep_rate_v_per_s"] * any(trace.time_s is None for trace in swept)
    rows = tuple(quality(groups, metrics))
    placed = tuple((device, _placed(device, metric, setups)) for device, metric in found)
    files = tuple({setup.sha256: (setup.file, setup.sha256) for setup in setups}.values())
    laws = tuple(conduction(groups.get("iv", ()), request.permittivity_optical))
    said = (notes, tuple(unknown), rows, tuple(steps), laws, files, tuple(every))
    return Report(", ".join(groups), placed, *said)


def _placed(device: str, metric: Measured, setups: Sequence[Setup]) -> Measured:
    """Add the places of the points to a metric that has none."""
    mine = [setup for setup in setups if setup.device == device] or setups
    places = [*dict.fromkeys(setup.place for setup in mine)]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return metric if metric.place else replace(metric, place="; ".join(places[:3]) + more)
