"""Good practice by section 3.1 of the review: what a data set shows of each demand.

A file does not say what was left out of it; such questions are answered "not known".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os.path import splitext
from typing import Any, Literal, TypeAlias

import numpy as np

from pvkdb.measurements.forms import shipped
from pvkdb.measurements.memory import states_apart
from pvkdb.measurements.metrics import FEWEST_DEVICES, Measured
from pvkdb.measurements.sweeps import loops
from pvkdb.schemas import StrictModel

#: Cycles of which the outermost 5 % are seen with 90 % probability: 1 − 0.95ⁿ ≥ 0.9.
ENOUGH_CYCLES = 45
_Answer: TypeAlias = tuple[bool | None, str]  # None is not known; and what was found


class Quality(StrictModel):
    """The answer of a data set to a question of good practice, and what was found."""

    question: str
    answer: Literal["yes", "no", "not known"]
    found: str
    source: str


def quality(groups: Mapping[str, Sequence[Any]], metrics: Sequence[Measured]) -> list[Quality]:
    """Return the answers of the forms of each kind to the questions that concern it."""
    found: dict[str, _Answer] = {}
    for kind, forms in groups.items():
        members = [member for form in forms for member in getattr(form, "members", (form,))]
        found = _answers(kind, members, metrics) | {"devices": _devices(members)} | found
    if groups.keys() & {"endurance", "pulses"} and not groups.keys() & {"states", "retention"}:
        found["states_tested"] = False, "no reads after a wait in these files"
    rows = [(row, *found[key]) for key, row in shipped("practice.csv").items() if key in found]
    words: dict[bool | None, Any] = {None: "not known", True: "yes", False: "no"}
    return [
        Quality(question=row["question"], answer=words[known], found=text, source=row["source"])
        for row, known, text in rows
    ]


def _answers(kind: str, forms: Any, metrics: Sequence[Measured]) -> dict[str, _Answer]:
    """Answers by keys of practice.csv."""
    found: dict[str, _Answer] = {}
    if kind == "iv":
        counts = Counter[str]()
        for trace in forms:
            positive = [loop.positive for loop in loops(trace)]
            counts[trace.setup.device] += max(sum(positive), len(positive) - sum(positive))
        found["cycles"] = _enough([*counts.values()], "loops of a device")
        timed = sum(trace.time_s is not None for trace in forms)
        found["sweep_rate"] = timed == len(forms), f"of {timed} of {len(forms)} sweeps"
    elif kind == "pulses":
        down = sum(train.falling for train in forms)
        found["repeated"] = 1 < down < len(forms) - 1, f"{len(forms) - down} up, {down} down"
    elif kind == "endurance":
        each = [int(n) for form in forms for n in np.isfinite(form.hrs_ohm).sum(axis=1)]
        gaps = {form.gaps for form in forms}
        full = False if True in gaps else None if None in gaps else True
        found["cycles"] = _enough(each, "cycles of a device")
        found["every_cycle"] = full, "by the numbers of the cycles, if the file has them"
    elif kind == "retention":
        ends = [metric for metric in metrics if metric.name == "retention"]
        lost, longest = sum(not m.bound for m in ends), max(np.ptp(form.time_s) for form in forms)
        kelvins = {decay.setup.temperature_k for decay in forms} - {None}
        bias = next((decay.bias_v for decay in forms if decay.bias_v), None)
        text = f"{bias:g} V at every point; compare with pulsed reads" if bias else "not stated"
        seen = f"{lost} of {len(ends)} states changed by half within {longest:.3g} s"
        found["loss_seen"] = lost == len(ends), seen
        found["temperatures"] = len(kelvins) > 2 if kelvins else None, f"{len(kelvins)} stated"
        found["read_disturbance"] = False if bias else None, text
    elif kind == "states":
        tested, total = all(form.after for form in forms), sum(len(form.names) for form in forms)
        apart = sum(len(states_apart(form.after or form.before, 3)) for form in forms)
        reads = [len(x) for form in forms for x in form.before]
        found["cycles"] = _enough(reads, "reads of a state")
        found["states_tested"] = tested, f"{'no ' * (not tested)}reads after a wait"
        found["states_apart"] = apart == total, f"{apart} of {total} at k = 3"
    if kind in ("iv", "area", "endurance", "retention", "states"):
        volts = {form.setup.read_voltage_v or getattr(form, "bias_v", None) for form in forms}
        text = " and ".join(f"{volt:g} V" for volt in volts if volt is not None)
        found["read_voltage"] = None not in volts, text or "give it with --v-read"
    return found


def _enough(counts: Sequence[int], what: str) -> _Answer:
    few = min(counts)
    return few >= ENOUGH_CYCLES, f"at least {few} {what}; {ENOUGH_CYCLES} show the outermost 5 %"


def _devices(forms: Sequence[Any]) -> _Answer:
    """Cells that the files name are devices; files and their parts may be of one device."""
    named = {name for form in forms for name in getattr(form, "devices", ())}
    parts = {(form.setup.file, form.setup.device) for form in forms if not hasattr(form, "devices")}
    named |= {device for file, device in parts if not device.startswith(splitext(file)[0])}
    if not named and len(parts) > 1:
        return None, f"{len(parts)} files or parts, which may be of one device"
    count = max(1, len(named))
    return count >= FEWEST_DEVICES, f"{count}; an interval over devices needs {FEWEST_DEVICES}"
