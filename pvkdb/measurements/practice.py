"""Good practice by section 3.1 of the review: what a data set shows of each demand.

A file does not say what was left out of it; such questions are answered "not known".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pvkdb.measurements.forms import Cycles, Decay, PulseTrain, States, Trace
from pvkdb.measurements.memory import states_apart
from pvkdb.measurements.metrics import FEWEST_DEVICES, Measured, shipped
from pvkdb.measurements.sweeps import loops
from pvkdb.schemas.measurements import Quality

#: Cycles of which the outermost 5 % are seen with 90 % probability: 1 − 0.95ⁿ ≥ 0.9.
ENOUGH_CYCLES = 45
#: Key of practice.csv, answer (None: not known), what was found.
_Answer: TypeAlias = tuple[str, bool | None, str]


def quality(groups: Mapping[str, Sequence[Any]], metrics: Sequence[Measured]) -> list[Quality]:
    """Return the answers of the forms of each kind to the questions that concern it."""
    known, found = shipped("practice.csv"), dict[str, _Answer]()
    for kind, forms in groups.items():
        members = [m for form in forms for m in getattr(form, "members", (form,))]
        for answer in [*_CHECKS[kind](members, metrics), _devices(members)]:
            found.setdefault(answer[0], answer)
    if groups.keys() & {"endurance", "pulses"} and not groups.keys() & {"states", "retention"}:
        found["states_tested"] = ("states_tested", False, "no reads after a wait in these files")
    rows = ((known[key], answer, text) for key, answer, text in found.values())
    return [
        Quality(
            question=row["question"],
            answer="not known" if answer is None else "yes" if answer else "no",
            found=text,
            source=row["source"],
        )
        for row, answer, text in rows
    ]


def _counted(counts: Sequence[int], what: str) -> _Answer:
    few, most = min(counts), max(counts)
    text = f"{few}" if few == most else f"{few} to {most}"
    text += f" {what}; {ENOUGH_CYCLES} show the outermost 5 %"
    return "cycles", few >= ENOUGH_CYCLES, text


def _devices(forms: Sequence[Any]) -> _Answer:
    """Cells that the files name are devices; files and their parts may be of one device."""
    named = {name for form in forms for name in getattr(form, "devices", ())}
    others = {
        (form.setup.file, form.setup.device) for form in forms if not hasattr(form, "devices")
    }
    named |= {device for file, device in others if not device.startswith(Path(file).stem)}
    if named or len(others) == 1:
        count = len(named) or 1
        text = f"{count} device" + "s" * (count > 1)
        return "devices", count >= FEWEST_DEVICES, f"{text}; an interval needs {FEWEST_DEVICES}"
    return "devices", None, f"{len(others)} files or parts, which may be of one device"


def _read_voltage(forms: Sequence[Any]) -> _Answer:
    volts = {form.setup.read_voltage_v or getattr(form, "bias_v", None) for form in forms}
    found = sorted(volt for volt in volts if volt is not None)
    text = " and ".join(f"{volt:g} V" for volt in found) or "give it with --v-read"
    return "read_voltage", None not in volts, text


def _sweeps(traces: Sequence[Trace], metrics: Sequence[Measured]) -> list[_Answer]:
    counts = dict[str, int]()
    for trace in traces:
        counts[trace.setup.device] = counts.get(trace.setup.device, 0) + len(loops(trace))
    limit = next((m for m in metrics if m.name == "compliance"), None)
    stated = traces[0].setup.compliance_a
    text = f"{stated:g} A" if stated else limit.note if limit else "no sign of one; not stated"
    rates = [
        float(np.median(np.abs(np.diff(t.voltage_v))[step > 0] / step[step > 0]))
        for t in traces
        if t.time_s is not None and (step := np.diff(t.time_s)).any()
    ]
    rate = f"{min(rates):.3g} to {max(rates):.3g} V/s" if rates else "the files have no times"
    return [
        _counted([*counts.values()], "loops of a device"),
        _read_voltage(traces),
        ("sweep_rate", len(rates) == len(traces), rate),
        ("compliance", True if stated else False if limit else None, text),
    ]


def _areas(traces: Sequence[Trace], _: Sequence[Measured]) -> list[_Answer]:
    areas = {t.setup.area_m2 for t in traces} - {None}
    text = f"{len(areas)} areas, {len(traces)} sweeps"
    return [("areas", len(areas) > 2, text), _read_voltage(traces)]


def _transients(traces: Sequence[Trace], metrics: Sequence[Measured]) -> list[_Answer]:
    times = [m for m in metrics if m.name == "switching_time" and m.value is not None]
    good = sum(not metric.bound for metric in times)
    text = f"{good} of {len(traces)} pulses show 10 and 90 % of the change apart"
    return [("resolved", good == len(traces), text)]


def _trains(trains: Sequence[PulseTrain], _: Sequence[Measured]) -> list[_Answer]:
    down = sum(train.falling for train in trains)
    shape = all(train.amplitude_v and train.width_s for train in trains)
    text = "in the file" if shape else "not in the file, or different in one train"
    return [
        ("repeated", min(down, len(trains) - down) > 1, f"{len(trains) - down} up, {down} down"),
        ("pulse_shape", True if shape else None, text),
    ]


def _cycles(every: Sequence[Cycles], _: Sequence[Measured]) -> list[_Answer]:
    counts = [int(n) for form in every for n in np.isfinite(form.hrs_ohm).sum(axis=1)]
    said = {
        None: "the file does not number its cycles",
        False: "the cycle numbers follow each other",
        True: "cycle numbers are missing",
    }
    gaps = next((g for g in (True, None) if g in {form.gaps for form in every}), False)
    return [
        _counted(counts, "cycles of a device"),
        ("every_cycle", None if gaps is None else not gaps, said[gaps]),
        _read_voltage(every),
    ]


def _decays(decays: Sequence[Decay], metrics: Sequence[Measured]) -> list[_Answer]:
    found = [m for m in metrics if m.name == "retention"]
    lost, longest = sum(not m.bound for m in found), max(float(np.ptp(d.time_s)) for d in decays)
    kelvins = {decay.setup.temperature_k for decay in decays} - {None}
    biased = [decay.bias_v for decay in decays if decay.bias_v is not None]
    disturbed = "the file does not say whether the read voltage is on between the reads"
    if biased:
        disturbed = f"{biased[0]:g} V at every point; compare with pulsed reads"
    seen = f"{lost} of {len(found)} states changed by half within {longest:.3g} s"
    return [
        ("loss_seen", lost == len(found), seen),
        ("temperatures", len(kelvins) > 2 if kelvins else None, f"{len(kelvins)} stated"),
        ("read_disturbance", False if biased else None, disturbed),
        _read_voltage(decays),
    ]


def _states(every: Sequence[States], _: Sequence[Measured]) -> list[_Answer]:
    tested = all(form.after for form in every)
    apart = [len(states_apart(form.after or form.before, 3)) for form in every]
    total = [len(form.names) for form in every]
    when = "after the wait" if tested else "before a wait"
    reads = [len(reads) for form in every for reads in form.before]
    return [
        _counted(reads, "reads of a state"),
        ("states_tested", tested, "read again after a wait" if tested else "read once only"),
        ("states_apart", apart == total, f"{sum(apart)} of {sum(total)} at k = 3, {when}"),
        _read_voltage(every),
    ]


_CHECKS: dict[str, Callable[[Any, Sequence[Measured]], list[_Answer]]] = {
    "iv": _sweeps,
    "area": _areas,
    "transient": _transients,
    "pulses": _trains,
    "endurance": _cycles,
    "retention": _decays,
    "states": _states,
    "ppf": lambda forms, metrics: [],
    "stdp": lambda forms, metrics: [],
}
