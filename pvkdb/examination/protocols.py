"""Which behaviours of nociceptors, short-term synapses and conditioning a device's model shows.

Each protocol applies rectangular pulses to a compact model and compares conductances, which in
these models depend on the voltage by a factor that cancels. ``behaviours.csv`` defines each
behaviour, with its source; the numbers in it (twice, 10 %, 5 %, 1 %, half) are choices of pvkdb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Floats, Pairs, shipped
from pvkdb.measurements.plasticity import ppf_metrics
from pvkdb.simulation.compact import CompactModel, response

__all__ = ["Behaviour", "Stimuli", "behaviours", "stimuli_of"]

#: As in behaviours.csv: the gain of an answer, of a change, the share of a change that is left when
#: it is over, the smallest response without adaptation, and the misfit of an exponential.
_ANSWER, _CHANGE, _LEFT, _STEADY, _MISFIT = 2.0, 1.1, 0.1, 0.99, 0.05
#: The parameter that is the threshold, at positive and at negative polarity.
_THRESHOLDS = {"threshold": ("v_th",), "vteam": ("v_on", "v_on"), "yakopcic": ("v_p", "v_n")}

#: A step of a protocol: voltage and duration, single ones or arrays over the settings.
Step = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Stimuli:
    """Pulses to try: all combinations of amplitude, width and interval, each rising.

    An interval is from the end of a pulse to the next. The injury is the largest amplitude at the
    longest width; the conditioned stimulus has half the amplitude of the unconditioned one.
    """

    amplitudes_v: Sequence[float]
    widths_s: Sequence[float]
    intervals_s: Sequence[float]
    count: int = 10

    def __post_init__(self) -> None:
        for name in ("amplitudes_v", "widths_s", "intervals_s"):
            x = np.asarray(getattr(self, name), dtype=float)
            if len(x) < 2 or not (np.isfinite(x).all() and x[0] > 0 and (np.diff(x) > 0).all()):
                raise InputError(f"{name} {x.tolist()}: give two or more rising numbers above zero")
        if self.count < 2:
            raise InputError(f"trains of {self.count} pulses; give at least 2")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A verdict on one behaviour, with the weakest pulses that show it and the measure there.

    ``at`` has their amplitude (V), width and interval (s), as far as these matter; ``settings``
    counts those that show it and those that were tested.
    """

    name: str
    verdict: str  # shown, not shown, not tested
    value: float | None = None
    at: tuple[tuple[str, float], ...] = ()
    settings: tuple[int, int] = (0, 0)
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return the verdict for JSON, with definition, measure, unit and source."""
        return {**definitions()[self.name], **asdict(self), "at": dict(self.at)}


def definitions() -> dict[str, dict[str, str]]:
    """Return label, definition, measure, unit and source of each behaviour, by name."""
    return shipped("behaviours.csv", "pvkdb.examination")


def stimuli_of(compact: CompactModel) -> Stimuli:
    """Return pulses on the scales of a model: its threshold, its rates at twice that and at 0 V.

    Raises InputError if it has no threshold, or twice its threshold does not raise its state.
    """
    threshold = _threshold(compact)
    rate = compact.model.function(compact.model.rate, compact.values)
    rising, falling = float(rate(2 * threshold, compact.values["x0"])), -2 * float(rate(0.0, 0.5))
    if not rising > 0:
        text = f"{2 * threshold:g} V does not raise the state x0={compact.values['x0']:g}"
        raise InputError(f"{compact.model.name}: {text}; give a lower x0")
    widths = np.array([0.03, 0.1, 0.3, 1.0, 3.0]) / rising
    intervals = np.array([0.1, 0.3, 1.0, 3.0, 10.0]) / (falling or rising)
    amplitudes = abs(threshold) * np.arange(0.5, 3.1, 0.25)
    return Stimuli(amplitudes.tolist(), widths.tolist(), intervals.tolist())


def behaviours(compact: CompactModel, stimuli: Stimuli | None = None) -> list[Behaviour]:
    """Return the verdict on each behaviour; the default stimuli are those of ``stimuli_of``.

    Raises InputError if the model has no threshold, or carries no current at rest.
    """
    bench = _Bench(compact, stimuli or stimuli_of(compact))
    return [*_single_pulses(bench), *_trains(bench), *_injuries(bench), *_conditioning(bench)]


def _threshold(compact: CompactModel) -> float:
    """Return the voltage, with its sign, above which the state rises."""
    name, sign = compact.model.name, compact.values.get("eta", 1.0)
    if name not in _THRESHOLDS:
        known = ", ".join(_THRESHOLDS)
        raise InputError(f"{name} has no state from 0 to 1 with a threshold; give one of {known}")
    return sign * compact.values[_THRESHOLDS[name][sign < 0]]


class _Bench:
    """A model at rest, and all settings as arrays of amplitudes × widths × intervals."""

    def __init__(self, compact: CompactModel, stimuli: Stimuli) -> None:
        self.compact, self.count, self.threshold = compact, stimuli.count, _threshold(compact)
        axes = (stimuli.amplitudes_v, stimuli.widths_s, stimuli.intervals_s)
        self.amplitude, self.width, self.interval = np.ix_(*(np.asarray(x, float) for x in axes))
        self.rest = np.asarray(compact.values["x0"], float)
        self.current = compact.model.function(compact.model.current, compact.values)
        if not self.current(self.threshold, self.rest):
            raise InputError(f"{compact.model.name} carries no current at x0=0; give a higher x0")
        self.waits = np.geomspace(self.interval.min() / 10, 10 * self.interval.max(), 60)
        self.pauses: list[Step] = [(0.0, each) for each in np.diff(self.waits, prepend=0.0)]

    def run(self, steps: Sequence[Step], x: Any = None) -> Floats:
        """Return the state after each step, from rest or x; voltages have the sign that sets."""
        x, states = self.rest if x is None else x, []
        for volts, seconds in steps:
            shape = np.broadcast_shapes(np.shape(volts), np.shape(seconds), np.shape(x))
            time = np.stack([np.zeros(shape), np.broadcast_to(seconds, shape)])
            voltage = np.full_like(time, volts) * np.sign(self.threshold)
            values = {**self.compact.values, "x0": np.broadcast_to(x, shape)}
            x = response(self.compact.model, values, time, voltage)[1][-1]
            states.append(x)
        return np.array(np.broadcast_arrays(*states))

    def gain(self, x: Any) -> Floats:
        """Return the conductance over that at rest."""
        ratio = self.current(self.threshold, x) / self.current(self.threshold, self.rest)
        return np.asarray(ratio, dtype=float)

    def answer(self, volts: Any, x: Any = None) -> Floats:
        """Return the gain at the end of one pulse, from rest or x."""
        return self.gain(self.run([(volts, self.width)], x)[-1])

    def train(self, volts: Any) -> list[Step]:
        """Return the steps of a train; the even ones are pulses."""
        return [(volts, self.width), (0.0, self.interval)] * self.count

    def critical(self, x: Any = None) -> Floats:
        """Return the amplitude from which on pulses are answered, by bisection; ∞ if none is."""
        shape = np.broadcast_shapes(self.width.shape, np.shape(x if x is not None else 0.0))
        low, high = np.zeros(shape), np.full(shape, self.amplitude.max())
        possible = self.answer(high, x) >= _ANSWER
        for _ in range(24):
            middle = (low + high) / 2
            enough = self.answer(middle, x) >= _ANSWER
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(possible, low, np.inf)

    def verdict(self, name: str, shown: Any, tested: Any, value: Any, note: str = "") -> Behaviour:
        """Return a verdict from arrays over the settings, with the first that shows it."""
        shown, tested, value = np.broadcast_arrays(shown & tested, tested, value)
        if not tested.any():
            return Behaviour(name, "not tested", note=definitions()[name]["untested"])
        counts = (int(shown.sum()), int(tested.sum()))
        if not shown.any():
            return Behaviour(name, "not shown", settings=counts, note=note)
        first = tuple(int(each[0]) for each in np.nonzero(shown))
        axes = {"amplitude_v": self.amplitude, "width_s": self.width, "interval_s": self.interval}
        found = zip(axes.items(), first, shown.shape, strict=True)
        at = tuple((key, float(axis.flat[i])) for (key, axis), i, size in found if size > 1)
        return Behaviour(name, "shown", float(value[first]), at, counts, note)

    def fades(self, x: Floats) -> tuple[Floats, Floats, Floats, str]:
        """Return the gain, the share of its change left after each wait, and when it is over."""
        start = self.gain(x)
        left = (self.gain(self.run(self.pauses, x)) - 1) / np.maximum(start - 1, 1e-12)
        after = f"left after {self.waits[-1]:.3g} s"
        note = f"{left[-1].flat[np.argmax(start)]:.0%} of the largest change are {after}"
        return start, left, _from(self.waits, left <= _LEFT), note


def _from(places: Floats, hit: Any) -> Floats:
    """Return the first place from which on something holds to the end; ∞ if there is none."""
    held = np.flip(np.logical_and.accumulate(np.flip(hit, 0)), 0)
    return np.where(held.any(axis=0), places[held.argmax(axis=0)], np.inf)


def _single_pulses(bench: _Bench) -> list[Behaviour]:
    critical, widths = bench.critical(), bench.width.ravel()
    found = np.isfinite(critical)
    steep = found & (bench.answer(np.where(found, critical, 0.0) / 2) <= _CHANGE)
    pairs = zip(critical.flat, widths, strict=True)
    listed = [f"{volts:.3g} V at {seconds:.3g} s" for volts, seconds in pairs if volts < np.inf]
    note = f"critical amplitudes: {', '.join(listed) or 'none'}"
    threshold = bench.verdict("threshold", steep, np.True_, critical, note)
    if steep.any():
        best = int(np.argmin(np.where(steep, critical, np.inf)))
        at = (("width_s", float(widths[best])),)
        threshold = replace(threshold, value=float(critical.flat[best]), at=at)
    start, left, over, note = bench.fades(bench.run([(bench.amplitude, bench.width)])[-1])
    ended, waits = np.isfinite(over), bench.waits.reshape(-1, *[1] * start.ndim)
    # EPSC: least squares in the logarithm of what is left, where it is more than _LEFT.
    used = np.where(left > _LEFT, waits, 0.0)
    logs = (used * np.log(np.maximum(left, _LEFT))).sum(axis=0)
    slope = -logs / np.maximum((used * waits).sum(axis=0), 1e-300)
    misfit = np.sqrt(np.mean((left - np.exp(-waits * slope)) ** 2, axis=0))
    times = 1 / np.where(slope > 0, slope, np.nan)
    return [
        threshold,
        bench.verdict("relaxation", ended, start >= _ANSWER, over, note),
        bench.verdict("epsc", ended & (misfit < _MISFIT), start >= _CHANGE, times, note),
    ]


def _trains(bench: _Bench) -> list[Behaviour]:
    states = bench.run(bench.train(bench.amplitude))[::2]
    gains = bench.gain(states)
    ratio, lowest, noxious = gains[-1] / gains[0], gains.min(axis=0) / gains[0], gains[0] >= _ANSWER
    index, change = 100 * (gains[1] / gains[0] - 1), gains[-1] - 1
    near, fast, slow = index[..., :1], change[..., :1], np.maximum(change[..., -1:], 1e-12)
    facilitated = (near >= 100 * (_CHANGE - 1)) & (index[..., -1:] <= near / 2)
    note = f"largest index: {near.max():.3g} %"
    if facilitated.any():
        first = tuple(int(each[0]) for each in np.nonzero(facilitated))[:2]
        metrics = ppf_metrics(Pairs(bench.interval.ravel(), 1 + index[first] / 100))
        times = [f"{m.value:.3g} s" for m in metrics if m.name == "ppf_time" and m.value]
        note += f"; times: {', '.join(times) or 'no fit'}"
    faster = (np.diff(change) <= 0).all(axis=-1, keepdims=True) & (fast >= _CHANGE * slow)
    smallest = f"smallest response over the first: {lowest[noxious].min(initial=1.0):.3g}"
    _, _, over, left = bench.fades(states[-1])
    return [
        bench.verdict("stp", np.isfinite(over), gains[-1] >= _CHANGE, over, left),
        bench.verdict("ppf", facilitated, np.True_, near, note),
        bench.verdict("srdp", faster, fast >= _CHANGE - 1, fast / slow),
        bench.verdict("no_adaptation", lowest >= _STEADY, noxious, ratio, smallest),
        bench.verdict("enhanced_response", ratio >= _CHANGE, np.True_, ratio),
    ]


def _injuries(bench: _Bench) -> list[Behaviour]:
    """Sensitization: the response to a pulse at rest, and an interval after an injury."""
    worst, longest = float(bench.amplitude.max()), float(bench.width.max())
    hurt = bench.run([(worst, longest), (0.0, bench.interval)])
    before, after = bench.answer(bench.amplitude), bench.answer(bench.amplitude, hurt[-1])
    tested = (bench.amplitude < worst) & (bench.gain(hurt[0]) >= _ANSWER)
    innocuous = tested & (before < _ANSWER)
    lower, stronger = innocuous & (after >= _ANSWER), (after >= _CHANGE * before) & ~innocuous
    hurts = lower | (stronger & tested)
    healed = _from(bench.interval.ravel(), np.moveaxis(~hurts, -1, 0))[..., None]
    note = f"injury: {worst:g} V for {longest:.3g} s"
    critical = bench.critical(hurt[-1])
    return [
        bench.verdict("allodynia", lower, innocuous, critical, note),
        bench.verdict("hyperalgesia", stronger, tested & ~innocuous, after / before, note),
        bench.verdict("healing", np.isfinite(healed), hurts[..., :1], healed, note),
    ]


def _conditioning(bench: _Bench) -> list[Behaviour]:
    """Classical conditioning of one device, by pairs in turn or with the sum of both voltages."""
    strong, weak, width, rest = bench.amplitude, bench.amplitude / 2, bench.width, bench.interval
    untaught = bench.answer(weak, bench.run(bench.train(weak))[-1]) < _ANSWER
    tested = untaught & (bench.answer(strong) >= _ANSWER)
    end: list[Step] = [(strong, width), (0.0, rest)]
    found = [
        _conditioned(bench, "pairs in turn", [(weak, width), *end], [(0.0, width), *end], tested),
        _conditioned(bench, "pairs together", [(weak + strong, width), (0.0, rest)], end, tested),
    ]
    order = ("shown", "not shown", "not tested").index
    return [min(each, key=lambda one: order(one.verdict)) for each in zip(*found, strict=True)]


def _conditioned(
    bench: _Bench, note: str, pair: list[Step], alone: list[Step], tested: Any
) -> list[Behaviour]:
    """Return the verdicts on conditioning by one way of pairing."""
    weak, numbers = bench.amplitude / 2, np.arange(1.0, bench.count + 1)

    def taught(x: Any = None) -> tuple[Floats, Floats]:
        """Return the state after all pairs, and how many it takes until the response is there."""
        states = bench.run(pair * bench.count, x)[len(pair) - 1 :: len(pair)]
        return states[-1], _from(numbers, bench.answer(weak, states) >= _ANSWER)

    x, pairs = taught()
    acquired = np.isfinite(pairs) & tested
    unpaired = bench.answer(weak, bench.run(alone * bench.count)[-1])
    ended = _from(numbers, bench.answer(weak, bench.run(bench.train(weak), x)[1::2]) < _ANSWER)
    rested = bench.run([(0.0, bench.count * (bench.width + bench.interval))], x)[-1]
    extinct = np.isfinite(ended) & (bench.answer(weak, rested) >= _ANSWER)
    waited = bench.run(bench.pauses, x)
    forgotten = _from(bench.waits, bench.answer(weak, waited) < _ANSWER)
    lost, again = acquired & np.isfinite(forgotten), taught(waited[-1])[1]
    gain = bench.answer(weak, x) / unpaired
    return [
        bench.verdict("acquisition", acquired, tested, pairs, note),
        bench.verdict("contingency", unpaired < _ANSWER, acquired, gain, note),
        bench.verdict("extinction", extinct, acquired, ended, note),
        bench.verdict("forgetting", lost, acquired, forgotten, note),
        bench.verdict("relearning", np.isfinite(again), lost, again, note),
    ]
