"""Metrics of sweeps: thresholds, on/off ratio, current limit, slopes against voltage and area."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import constants, ndimage, stats
from scipy.integrate import cumulative_trapezoid

from pvkdb.measurements.forms import AreaSeries, Decay, Floats, Trace
from pvkdb.measurements.memory import decay_metrics, spreads
from pvkdb.measurements.metrics import TAILS, Measured, crossings

#: Share of the range below which a turn of the voltage is noise, and a voltage is near zero.
_NOISE, _NEAR_ZERO = 0.01, 0.05
#: Factor of the conductance between neighbouring points that is a SET, and share of the largest
#: current to which a RESET lets it fall. Smaller changes are gradual and have no threshold.
_STEP, _FALL = 2.0, 0.8
#: A compliance: the current stays within this share of its largest value for so many points.
_FLAT, _FLAT_POINTS = 0.01, 6
#: Current against the voltage, over the largest current and over the noise, from which it is no
#: offset of the instrument; factor between two branches that differ; drift within a pulse.
_OFFSET, _NOISES, _OPEN, _DRIFT = 1e-4, 5.0, 1.2, 0.1
_SOURCE = "a source (as an illuminated solar cell), no resistance"


@dataclass(frozen=True, slots=True)
class Loop:
    """A sweep away from zero and the way back (empty if it is missing), by points of a trace."""

    trace: Trace
    out: slice
    back: slice
    positive: bool

    def sizes(self, part: slice) -> tuple[Floats, Floats]:
        """Return |V| and |I| of a branch."""
        return np.abs(self.trace.voltage_v[part]), np.abs(self.trace.current_a[part])

    def current(self, part: slice, voltage_v: float) -> float | None:
        """Return |I| of a branch at a voltage; None outside of it."""
        v, i = self.sizes(part)
        if not len(v) or not v.min() <= abs(voltage_v) <= v.max():
            return None
        order = np.argsort(v, kind="stable")
        return float(np.interp(abs(voltage_v), v[order], i[order]))


def source(trace: Trace) -> str:
    """Return why a sweep is not of a resistance, such as of an illuminated solar cell; else "".

    A passive element carries no current at 0 V, and none against the voltage. One that flows in one
    direction of the sweep alone discharges what the other one has charged. However wide the sweep,
    a current against more than kT/e is no offset of the voltage.
    """
    v, i, size = trace.voltage_v, trace.current_a, np.abs(trace.voltage_v)
    top, smooth, text = np.abs(i).max(), ndimage.median_filter(i, 5, mode="nearest"), ""
    far = size > min(_NEAR_ZERO * size.max(), _thermal_v(trace))
    off = np.abs(i - smooth)[far & (smooth * np.sign(v) < 0)]
    known = np.abs(smooth) > max(_NOISES * np.median(off) if len(off) else 0.0, _OFFSET * top)
    away = np.gradient(ndimage.median_filter(size, 5, mode="nearest")) > 0 if len(v) > 1 else far
    for sign in (1, -1):
        side, against = sign * v >= 0, known & (sign * smooth < 0)
        ways = [part for part in (side & away, side & ~away) if (far & part).sum() > 2]
        against &= side
        shown = all((far & against & w).any() and (against & w).sum() > 1 for w in ways)
        if ways and shown and against.sum() > 2:
            ends = np.sort(v[far & against])[[0, -1]]
            text = f"the current flows against the voltage from {ends[0]:.3g} to {ends[1]:.3g} V"
    at = int(np.argmin(size))
    if not text and top and size[at] < 1e-3 * size.max() and abs(smooth[at]) > top / 2:
        text = f"{smooth[at]:.3g} A flow at 0 V"
    return text and f"{_SOURCE}: {text}"


def _thermal_v(trace: Trace) -> float:
    """kT/e, at 300 K where the temperature is not known."""
    return float((trace.setup.temperature_k or 300.0) * constants.k / constants.e)


def _floor(trace: Trace) -> float:
    """The largest current against the voltage: noise and offset, below which nothing is known."""
    v, i = trace.voltage_v, trace.current_a
    off = (v * i < 0) & (np.abs(v) > _NEAR_ZERO * np.abs(v).max())
    return float(np.abs(i[off]).max(initial=0.0))


def loops(trace: Trace) -> list[Loop]:
    """Return the loops of a sweep, cut where the voltage turns and where it crosses zero.

    A source has none.
    """
    v = trace.voltage_v
    if source(trace):
        return []
    tolerance = _NOISE * np.ptp(v)
    step = np.sign(np.diff(v))
    moving = np.flatnonzero(step)
    kept = [0]
    for point in [*moving[1:][np.diff(step[moving]) != 0].tolist(), len(v) - 1]:
        change = v[point] - v[kept[-1]]
        if len(kept) > 1 and change * (v[kept[-1]] - v[kept[-2]]) > 0:
            kept[-1] = point
        elif abs(change) >= tolerance:
            kept.append(point)
    parts: list[tuple[slice, bool, bool]] = []
    for start, stop in itertools.pairwise(kept):
        cut = start + int(np.argmax(v[start : stop + 1] * v[stop] > 0))
        for a, b in ((start, max(start, cut - 1)), (cut, stop)):
            if abs(v[b] - v[a]) >= tolerance and b - a > 1:  # no jump back to the start
                out = bool(abs(v[b]) > abs(v[a]))
                parts.append((slice(a, b + 1), out, bool(v[b if out else a] > 0)))
    found = []
    for (part, out, positive), following in zip(parts, [*parts[1:], None], strict=False):
        back = following[0] if following and following[1:] == (False, positive) else slice(0)
        if out:
            found.append(Loop(trace, part, back, positive))
    return found


def sweep_metrics(traces: Sequence[Trace]) -> list[Measured]:
    """Return thresholds, their spread, the on/off ratio and compliances of sweeps."""
    every = [loop for trace in traces for loop in loops(trace)]
    found = ((trace.setup.device, compliance(trace)) for trace in traces if not source(trace))
    limits = {device: limit for device, limit in found if limit}
    metrics, said = list[Measured](), next((limit.note for limit in limits.values()), "")
    opened = sum(map(_opens, every))
    why = f"no abrupt change in {opened} loops" if opened else "no loop whose branches differ"
    why = next(filter(None, map(source, traces)), why) if not every else why
    for name, find in (("v_set", set_point), ("v_reset", reset_point)):
        points = [(loop.trace, at) for loop in every if (at := find(loop)) is not None]
        if not points:
            metrics.append(Measured(name, None, cycles=opened, note=why))
            continue
        # A SET lies between two points, a RESET at one.
        values = [float(t.voltage_v[at - (name == "v_set") : at + 1].mean()) for t, at in points]
        names, places = ([t.setup.device for t, _ in points], [t.place(at) for t, at in points])
        size, note = np.abs(values), said
        # The first cycle may be the forming; only the user knows whether the device was pristine.
        if name == "v_set" and len({*names}) == 1 < 3 < len(size) and size[0] > size[1:].max():
            text = "first and largest of the cycles: forming, if the device was pristine"
            metrics.append(Measured("v_forming", values[0], note=text, place=places[0]))
            note = f"without the first cycle; {note}".removesuffix("; ")
            names, values = names[1:], values[1:]
        half = np.median([abs(t.voltage_v[at] - t.voltage_v[at - 1]) for t, at in points]) / 2
        for metric in spreads(name, f"{name}_sigma", _by_device(names, values), float(half)):
            placed = replace(metric, note="", place=f"{places[0]} to {places[-1]}")
            metrics.append(placed.noted(note * (metric.name == name), metric.note))
    read = traces[0].setup.read_voltage_v
    if read is None:
        why = "the read voltage is not known; give --v-read V"
    elif every:
        why = f"no loop has both branches at {read:g} V above noise and offset"
    return [*metrics, *_resistances(every, read, limits, why), *limits.values()]


def _by_device(names: Sequence[str], values: Sequence[float]) -> Floats:
    """Values of loops as devices × cycles; NaN where a device has fewer."""
    x, device = np.asarray(values), np.asarray(names)
    rows = (x[device == name] for name in dict.fromkeys(names))
    return np.array([*itertools.zip_longest(*rows, fillvalue=np.nan)]).T


def _opens(loop: Loop) -> bool:
    """Whether the branches of a loop differ, above noise and offset."""
    top = loop.sizes(loop.out)[0].max()
    ends = [[loop.current(w, f * top) for w in (loop.out, loop.back)] for f in (0.25, 0.5, 0.75)]
    known, floor = [sorted((a, b)) for a, b in ends if a and b], _floor(loop.trace)
    return any(high > _OPEN * max(low, floor) for low, high in known)


def set_point(loop: Loop) -> int | None:
    """The point after the largest step of the conductance, if the state changed there.

    Where there is no way back to show it, the step is steeper than exp(eV/kT), the steepest
    current over a barrier.
    """
    v, i = loop.sizes(loop.out)
    floor = _floor(loop.trace)
    used = np.flatnonzero((v > _NEAR_ZERO * np.abs(loop.trace.voltage_v).max()) & (i > 0))
    if len(used) < 4:
        return None
    i = np.maximum(i, floor)
    steps = np.diff(np.log(i[used] / v[used]))
    last = int(np.argmax(steps))
    before, after = int(used[last]), int(used[last + 1])
    later = loop.current(loop.back, v[before])
    least = max(np.log(_STEP), 3 * np.median(np.abs(steps)))
    if later is None:
        least = max(least, (v[after] - v[before]) / _thermal_v(loop.trace))
    shown = later is None or later > _STEP * i[before]
    clear = steps[last] >= least and i[after] > _STEP * floor
    return loop.out.start + before + 1 if shown and clear else None


def reset_point(loop: Loop) -> int | None:
    """The largest current inside a branch, if it falls afterwards while the voltage still rises."""
    v, i = loop.sizes(loop.out)
    top, least = int(np.argmax(i)), _NEAR_ZERO * np.abs(loop.trace.voltage_v).max()
    if v[top] <= least or not 0 < top < len(i) - 2 or i[top:].min() > _FALL * i[top]:
        return None
    if i[top] <= _STEP * _floor(loop.trace):
        return None
    before, later = (loop.current(part, v[top] / 2) for part in (loop.out, loop.back))
    return None if before and later and later > _FALL * before else loop.out.start + top


def compliance(trace: Trace) -> Measured | None:
    top = float(np.abs(trace.current_a).max())
    flat = np.flatnonzero(np.abs(trace.current_a) >= (1 - _FLAT) * top)
    v = trace.voltage_v
    if len(flat) < _FLAT_POINTS or np.ptp(v[flat]) <= _NEAR_ZERO * np.ptp(v):
        return None
    stated = trace.setup.compliance_a
    said = f"stated: {stated:g} A" if stated else "not stated; confirm with --compliance-a"
    note = f"the current stays at {top:.3g} A over {len(flat)} points: a compliance ({said})"
    return Measured("compliance", top, note=note, place=trace.place(int(flat[0])))


def _resistances(
    every: Sequence[Loop], read: float | None, limits: dict[str, Measured], why: str
) -> list[Measured]:
    """The resistances of both branches at the read voltage in every loop, and their ratio."""
    pairs, names, capped, below = list[tuple[float, float]](), list[str](), False, False
    for loop in [loop for loop in every if read and loop.positive == (read > 0)]:
        low, high = sorted(loop.current(part, read or 0) or 0.0 for part in (loop.out, loop.back))
        if low and high > _STEP * (floor := _floor(loop.trace)):
            pairs.append((max(low, floor), high))
            names.append(loop.trace.setup.device)
            below |= low < _STEP * floor
            limit = limits.get(names[-1])
            capped |= bool(limit and high >= (1 - _FLAT) * (limit.value or 0))
    if not pairs or read is None:
        return [Measured(name, None, note=why) for name in ("on_off", "r_hrs", "r_lrs")]
    hrs, lrs = np.array(pairs).T
    words = ("the compliance limits the current", "HRS is below twice noise and offset")
    note = "; ".join([f"at {read:g} V", *itertools.compress(words, (capped, below))])
    found = []
    for name, values, bound in (
        ("on_off", lrs / hrs, ">" * (capped or below)),
        ("r_hrs", abs(read) / hrs, ">" * below),
        ("r_lrs", abs(read) / lrs, "<" * capped),
    ):
        metric = spreads(name, "", _by_device(names, values.tolist()))[0]
        found.append(replace(metric, note="", bound=bound).noted(note, metric.note))
    return found


def power_exponent(trace: Trace, low_v: float, high_v: float) -> Measured:
    """Return d ln|I| / d ln|V| by regression on the first way out, between two voltages."""
    found = loops(trace)
    v, i = found[0].sizes(found[0].out) if found else (np.empty(0), np.empty(0))
    used = (v >= low_v * (1 - 1e-6)) & (v <= high_v * (1 + 1e-6)) & (i > 0)
    ends = v[used] if used.any() else (low_v, high_v)
    note = f"from {min(ends):.3g} to {max(ends):.3g} V"
    return slope("power_exponent", np.log(v[used]), np.log(i[used]), note)


def area_metrics(series: AreaSeries, voltage_v: float | None) -> list[Measured]:
    """Return the slopes of log|I| over log area for both branches at a read voltage.

    Filamentary conduction does not depend on the area, interfacial conduction grows with it
    (review, section 3.3.1).
    """
    names, points = ("area_slope_hrs", "area_slope_lrs"), []
    if voltage_v is None:
        why = "currents are compared at one voltage: give --v-read V"
        return [Measured(name, None, note=why) for name in names]
    for trace in series.members:
        loop = next((loop for loop in loops(trace) if loop.positive == (voltage_v > 0)), None)
        ends = [loop.current(part, voltage_v) for part in (loop.out, loop.back)] if loop else []
        if trace.setup.area_m2 and len(found := [end for end in ends if end]) == 2:
            points.append((trace.setup.area_m2, *sorted(found)))
    x, *states = np.log10(np.array(points).reshape(-1, 3)).T
    each, note = zip(names, states, strict=True), f"at {voltage_v:g} V"
    return [replace(slope(name, x, y, note), devices=len(x)) for name, y in each]


def slope(name: str, x: Floats, y: Floats, note: str) -> Measured:
    """Return the slope of y over x by regression, with Student's interval."""
    if len(np.unique(x)) < 2 or len(x) < 3:
        return Measured(name, None, note=f"{len(x)} points {note}; a slope needs 3")
    line = stats.linregress(x, y)
    half = float(stats.t.ppf(TAILS[1], len(x) - 2) * line.stderr)
    value = float(line.slope)
    how = "Student, from the regression"
    return Measured(name, value, (value - half, value + half), how, "", len(x), note=note)


def transient_metrics(trace: Trace) -> list[Measured]:
    """Return time and energy of the first pulse, then time and law of the relaxation (EPSC).

    Times are from 10 to 90 % of the change of I/V (review, sections 3.1.4 and 3.3.1).
    """
    v, t, names = trace.voltage_v, trace.time_s, ("switching_time", "switching_energy")
    if t is None or not v.any():
        why = "the file has no times" if t is None else "the voltage is 0 in the whole file"
        return [Measured(name, None, note=why) for name in names]
    high = np.abs(v) >= 0.5 * np.abs(v).max()
    edges = [*np.flatnonzero(np.diff(high, prepend=False, append=False)).tolist(), len(v)]
    pulse, rest = np.arange(edges[0], edges[1]), np.arange(edges[1], edges[2])
    # Before the pulse nothing discharges: a current at 0 V, or against the voltage, is driven.
    before, top = trace.current_a[: edges[0]], np.abs(trace.current_a[pulse]).max()
    if len(before) > 2 and np.median(before * v[: edges[0]]) <= 0:
        noise = _NOISES * stats.median_abs_deviation(before)
        if abs(np.median(before)) > max(noise, _NEAR_ZERO * top):
            why = f"{_SOURCE}: {np.median(before):.3g} A flow before the pulse"
            return [Measured(name, None, note=why) for name in names]
    metrics, middle = _change(trace, pulse, names), np.median(np.abs(v[rest])) if len(rest) else 0
    rest = rest[np.abs(v[rest]) > 0.5 * middle]
    # Without a steady voltage, I/V is the ratio of two noises.
    if not middle or middle <= 5 * stats.median_abs_deviation(v[rest]):
        why = "no steady voltage after the pulse to read at"
        return [*metrics, Measured("relaxation_time", None, note=why)]
    (relaxation,) = _change(trace, rest, ("relaxation_time",))
    if relaxation.value is None:
        return [*metrics, relaxation]
    laws = decay_metrics(Decay(t[rest], trace.current_a[rest] / v[rest], "S"))[:-1]
    return [*metrics, relaxation, *laws]


def _change(trace: Trace, used: Any, names: Sequence[str]) -> list[Measured]:
    """Time and energy from 10 to 90 % of the change of I/V in some points of a trace."""
    v, i, t = (x[used] for x in (trace.voltage_v, trace.current_a, trace.time_s) if x is not None)
    g, edge = i / v, max(1, len(used) // 20)
    change, last = np.median(g[-edge:]) - np.median(g[:edge]), np.median(g[-edge:])
    noise, why = max(np.std(g[:edge]), np.std(g[-edge:])), ""
    if len(used) < 10 or not np.ptp(t) or not abs(change) > max(4 * noise, 0.05 * abs(last)):
        why = f"the conductance does not change in {len(used)} points"
    elif np.ptp([np.median(part) for part in np.array_split(v, 5)]) > _DRIFT * abs(np.median(v)):
        why = "the voltage is not steady, and I/V changes with it"
    elif ndimage.median_filter(g, 5).min() < -max(4 * noise, _NEAR_ZERO * abs(change)):
        why = f"{_SOURCE}: the current flows against the voltage"
    if why:
        return [Measured(name, None, note=why) for name in names]
    (a, b), draws = crossings(t, g, edge, (0.1, 0.9))
    # Stamps of a clock may be of whole seconds, with many points each.
    step, work = float(np.median(np.diff(np.unique(t)))), cumulative_trapezoid(v * i, t, initial=0)
    metrics, place = list[Measured](), trace.place(int(used[np.searchsorted(t, a)]))

    def between(scale: Floats, start: Any, stop: Any) -> Any:
        return np.interp(stop, t, scale) - np.interp(start, t, scale)

    for name, scale in zip(names, (t, work), strict=False):
        metric = Measured(name, float(between(scale, a, b)), cycles=1, place=place)
        if b - a < 3 * step:
            note = f"sampled every {step:.3g} s: too slow, an upper bound"
            most = float(between(scale, a - step, b + step))
            metrics.append(replace(metric, value=most, bound="<", note=note))
            continue
        low, high = map(float, np.quantile(between(scale, *draws.T), TAILS))
        least, most = (float(between(scale, a + x, b - x)) for x in (step / 2, -step / 2))
        how = f"noise drawn again, and the sampling every {step:.3g} s"
        metrics.append(replace(metric, ends=(min(low, least), max(high, most)), interval=how))
    return metrics
