"""The model of a device that networks are made of, and what is known of it.

Built from measurements (:func:`measured`), from figures of a device in the store
(:func:`reported`), or from the devices of NeuroSim (:func:`preset`). What is not known stays None:
a task that needs it names it, and takes it as ideal only when asked to.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from math import inf, log
from typing import Any

import numpy as np
from pydantic import ConfigDict
from scipy import optimize

from pvkdb.errors import InputError, unknown_name
from pvkdb.measurements.forms import Cycles, Decay, Floats, PulseTrain, States
from pvkdb.measurements.memory import decay_metrics, endurance_metrics, states_apart
from pvkdb.measurements.plasticity import nonlinearity, train_metrics

__all__ = ["DeviceModel", "measured", "preset", "presets", "reported"]

#: Steps of a curve, and pulses over the range of a device without states.
GRID, FINE = 1024, 128.0
#: The least share of all conductances that potentiation and depression have in common, and the
#: fewest states, with which a network is examined.
COMMON, FEWEST_STATES = 0.5, 4
#: Imperfections of a device, each with the fields that must be known, and their ideal value.
PARTS: dict[str, tuple[tuple[str, ...], float]] = {
    "nonlinearity": (("ltp", "ltd"), 0.0),
    "states": (("states",), inf),
    "cycle to cycle": (("sigma_c2c",), 0.0),
    "writing": (("sigma_write",), 0.0),
    "device to device": (("sigma_d2d",), 0.0),
    "on/off": (("on_off",), inf),
    "read noise": (("read_noise",), 0.0),
    "retention": (("retention_s",), inf),
}
#: Imperfections that matter to each task of a network, and must be known or taken as ideal.
NEEDED = {
    "training": ("nonlinearity", "states", "cycle to cycle", "device to device", "read noise"),
    "inference": ("states", "writing", "device to device", "read noise", "retention"),
    "reservoir-digits": ("writing", "retention"),
    "henon": ("writing", "retention"),
}
NEEDED |= {"stdp": NEEDED["training"], "convolution": NEEDED["inference"]}
NEEDED |= {"spiking": NEEDED["inference"]}
LEARNING, FADING = ("training", "stdp"), ("reservoir-digits", "henon")


@dataclass(frozen=True, slots=True)
class Curve:
    """Conductance over pulses, from ``low`` to ``high``; depression is counted backwards.

    ``beta`` is NeuroSim's 1/A of normalised pulses, 0 for a straight line. ``points``, if given,
    are the curve instead, at equal steps.
    """

    low: float
    high: float
    pulses: float
    beta: float = 0.0
    points: tuple[float, ...] = ()

    def at(self, x: Floats) -> Floats:
        """Return the conductance at shares of the pulses."""
        if self.points:
            return np.interp(x, np.linspace(0, 1, len(self.points)), self.points)
        share = np.expm1(-self.beta * x) / np.expm1(-self.beta) if abs(self.beta) > 1e-4 else x
        return np.asarray(self.low + (self.high - self.low) * share)

    def within(self, low: float, high: float) -> tuple[Floats, float]:
        """Return the part between two conductances: GRID + 1 values from 0 to 1, and its pulses."""
        x = np.linspace(0, 1, 16 * GRID + 1)
        y = np.maximum.accumulate((self.at(x) - low) / (high - low))
        first, last = (float(np.interp(share, y, x)) for share in (0.0, 1.0))
        table = np.interp(np.linspace(first, last, GRID + 1), x, y)
        table = table + np.linspace(0, 1e-9, GRID + 1)  # strictly rising: it is inverted
        return (table - table[0]) / (table[-1] - table[0]), self.pulses * (last - first)


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """A device under pulses; None is not known. Spreads are shares of its range of conductance.

    ``sigma_c2c`` is the spread of what one pulse changes, ``sigma_write`` that of a state written
    with verification, ``sigma_d2d`` that of both ends of the range between devices, ``read_noise``
    that of a read, over the conductance. ``retention_s`` is the time in which a state loses half of
    its conductance above the least one, along an exponential; with ``drift`` it follows
    (1 + t)^−drift instead, t in s.
    """

    name: str
    ltp: Curve | None = None
    ltd: Curve | None = None
    states: float | None = None
    on_off: float | None = None
    g_max_s: float | None = None
    sigma_c2c: float | None = None
    sigma_write: float | None = None
    sigma_d2d: float | None = None
    read_noise: float | None = None
    retention_s: float | None = None
    drift: float | None = None
    ltp_v: float | None = None
    ltd_v: float | None = None
    ltp_s: float | None = None
    ltd_s: float | None = None
    sources: Mapping[str, str] = field(default_factory=dict)  # of the fields
    assumed: tuple[str, ...] = ()  # imperfections taken as ideal

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")  # JSON has no infinite numbers

    def curves(self) -> tuple[Floats, Floats]:
        """Return potentiation and depression over their common range: tables, and pulses.

        Raises:
            InputError: the device has only one of them.
        """
        if self.ltp is None or self.ltd is None:
            raise InputError(f"{self.name} lacks potentiation or depression; measure both trains")
        low, high = max(self.ltp.low, self.ltd.low), min(self.ltp.high, self.ltd.high)
        both = [curve.within(low, high) for curve in (self.ltp, self.ltd)]
        return np.array([table for table, _ in both]), np.array([pulses for _, pulses in both])

    def maps(self) -> tuple[Floats, Floats]:
        """Return where a pulse up and one down lead, over GRID steps of conductance; and pulses."""
        tables, pulses = self.curves()
        y, x = np.linspace(0, 1, GRID + 1), np.linspace(0, 1, GRID + 1)
        steps = zip(tables, np.array([1, -1]) / pulses, strict=True)
        return np.array([np.interp(np.interp(y, t, x) + step, x, t) for t, step in steps]), pulses

    def verdict(self, learning: bool) -> str:
        """Return why a network of such devices has no accuracy; empty if it can have one."""
        up, down, states = self.ltp, self.ltd, self.states
        if learning and (up is None) != (down is None):
            return (
                f"{self.name} was measured in one direction alone: without "
                f"{'potentiation' if up is None else 'depression'} no weight is corrected, and no "
                "network is trained; measure the other train"
            )
        if learning and up and down:
            all_of_it = max(up.high, down.high) - min(up.low, down.low)
            share = max(0.0, min(up.high, down.high) - max(up.low, down.low)) / all_of_it
            if share < COMMON:
                return (
                    f"potentiation of {self.name} ({up.low:.3g} to {up.high:.3g}) and depression "
                    f"({down.low:.3g} to {down.high:.3g}) share {share:.0%} of their range: "
                    "pulses of one do not undo the other; measure both over one range"
                )
            states = 1 + float(self.curves()[1].min())
        if states is not None and states < FEWEST_STATES:
            return (
                f"{self.name} has {states:.3g} states, and a weight needs at least "
                f"{FEWEST_STATES}; use it as a binary memory"
            )
        return ""

    def for_task(self, task: str, later: bool, assume_ideal: bool) -> DeviceModel:
        """Return the device for a task; what is not known is ideal and marked, if that is asked.

        Raises:
            InputError: something that the task needs is not known; names it.
        """
        wanted = [*needed(task, later), *(("on/off",) if self.read_noise else ())]
        missing = self.missing(wanted)
        if not missing:
            return self
        if not assume_ideal:
            raise InputError(
                f"{self.name}: {', '.join(missing)} not known, which {task} needs; measure, or "
                "ask to take them as ideal"
            )
        return self.ideal(missing, assumed=True)

    def missing(self, imperfections: Iterable[str]) -> list[str]:
        """Return those of some imperfections that nothing is known of; pulses are states, too."""
        known = (
            self if self.states is not None else replace(self, states=FINE if self.ltp else None)
        )
        names = [name for name in imperfections if name in PARTS]
        return [n for n in names if any(getattr(known, part) is None for part in PARTS[n][0])]

    def ideal(self, imperfections: Iterable[str], assumed: bool = False) -> DeviceModel:
        """Return the device without some imperfections; ``assumed`` marks them as not known.

        Without states, pulses are finer, and what they change together has the same spread.
        """
        model, names = self, tuple(imperfections)
        for name in names:
            parts, value = PARTS[name]
            changes: dict[str, Any] = dict.fromkeys(parts, value)
            curves = {key: getattr(model, key) or Curve(0, 1, FINE) for key in ("ltp", "ltd")}
            if name == "nonlinearity":
                changes = {k: replace(curve, beta=0.0, points=()) for k, curve in curves.items()}
            if name == "states":
                finer = {k: max(FINE, curve.pulses) for k, curve in curves.items()}
                changes |= {k: replace(curve, pulses=finer[k]) for k, curve in curves.items()}
                share = curves["ltp"].pulses / finer["ltp"]
                changes["sigma_c2c"] = model.sigma_c2c and model.sigma_c2c * share**0.5
            model = replace(model, **changes)
        return replace(model, assumed=(*self.assumed, *names)) if assumed else model


def needed(task: str, later: bool = False) -> list[str]:
    """Return the imperfections that matter to a task; retention where states are read later."""
    return [n for n in NEEDED[task] if n != "retention" or later or task in FADING]


def beta_of(label: float) -> float:
    """Return NeuroSim's 1/A of its label NL of non-linearity, the inverse of ``nonlinearity``.

    Raises:
        InputError: no curve has the label.
    """
    if not abs(label) < 9.9:
        raise InputError(f"NL = {label:g}: no curve has it; labels lie between −9.9 and 9.9")
    if abs(label) < 1e-3:
        return 0.0
    size = optimize.brentq(lambda beta: nonlinearity(1 / beta) - abs(label), 1e-4, 2000.0)
    return float(np.copysign(size, label))


@cache
def presets() -> dict[str, dict[str, Any]]:
    """Return the figures of NeuroSim's devices as published, with their sources."""
    text = (resources.files("pvkdb.examination") / "presets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def preset(name: str) -> DeviceModel:
    """Return one of NeuroSim's devices; what NeuroSim did not vary is assumed ideal.

    Raises:
        InputError: there is no such device.
    """
    if name not in presets():
        raise InputError(unknown_name("device", name, presets()))
    row = presets()[name]
    high = 1 / row["r_on_ohm"]
    found: dict[str, Any] = {"on_off": row["on_off"], "g_max_s": high, "states": min(row["pulses"])}
    for key, pulses, label in zip(("ltp", "ltd"), row["pulses"], row["nl"], strict=True):
        found[key] = Curve(high / row["on_off"], high, pulses, beta_of(label))
    writing = ("ltp_v", "ltd_v", "ltp_s", "ltd_s")[-len(row["writing"]) :]
    found |= zip(writing, row["writing"], strict=True)
    found["sigma_c2c"] = row["c2c_percent"] / 100
    model = DeviceModel(name, **found, sources=dict.fromkeys(found, row["source"]))
    return model.ideal(("writing", "device to device", "read noise", "retention"), assumed=True)


def reported(name: str, figures: Mapping[str, float], source: str) -> DeviceModel:
    """Return a device from its figures in the store, by their names there.

    Curves are never among them. Variability in percent is the spread of written states and of
    devices, not that of one pulse. A retention is taken as the time in which half is lost, also
    where a report only says that the state was kept so long.
    """
    fields = {"states": "states", "on_off_ratio": "on_off", "retention_s": "retention_s"}
    shares = {"variability_c2c_percent": "sigma_write", "variability_d2d_percent": "sigma_d2d"}
    known: dict[str, Any] = {to: figures[key] for key, to in fields.items() if key in figures}
    known |= {to: figures[key] / 100 for key, to in shares.items() if key in figures}
    return DeviceModel(name, **known, sources=dict.fromkeys(known, source))


def measured(name: str, forms: Sequence[Any], fitted: bool = False) -> DeviceModel:
    """Return a device from measurements in their tidy forms (``Report.forms``).

    Trains of pulses give the curves, as measured or ``fitted`` by NeuroSim's, and their scatter the
    spread of a pulse and the noise of reading, which the correlation of neighbouring steps
    separates. Resistances of cycles give on/off and the spread of writing and between devices,
    reads of states the number of states and the noise of reading, a decay to less than half the
    retention.

    Raises:
        InputError: the forms hold nothing of a device, or a train has no curve.
    """
    found: dict[str, Any] = {}
    trains = [form for form in forms if isinstance(form, PulseTrain)]
    for key, falling in (("ltp", False), ("ltd", True)):
        if mine := [train for train in trains if train.falling is falling]:
            curves, *rest = zip(*(_curve(train, fitted) for train in mine), strict=True)
            found[key] = _middle(curves)
            spread, noise, apart = (float(np.median(values)) for values in rest)
            found["sigma_c2c"] = max(found.get("sigma_c2c", 0.0), spread)
            found["read_noise"] = max(found.get("read_noise", 0.0), noise)
            found["states"] = min(found.get("states", inf), apart)
            found[f"{key}_v"], found[f"{key}_s"] = mine[0].amplitude_v, mine[0].width_s
            if len({train.setup.device for train in mine}) > 2:
                ends = np.array([[curve.low, curve.high] for curve in curves])
                shares = ends.std(axis=0, ddof=1) / np.ptp(np.median(ends, axis=0))
                found["sigma_d2d"] = float(shares.mean())
    if trains and {train.unit for train in trains} == {"S"}:
        curves = tuple(found[key] for key in ("ltp", "ltd") if key in found)
        low, high = max(curve.low for curve in curves), min(curve.high for curve in curves)
        found |= {"g_max_s": high} | ({"on_off": high / low} if low > 0 else {})
    for form in forms:
        if isinstance(form, Cycles):
            values = {m.name: m.value for m in endurance_metrics(form) if m.value is not None}
            ratio = values["r_hrs"] / values["r_lrs"]
            found |= {"on_off": ratio, "g_max_s": 1 / values["r_lrs"]}
            share = log(10) * ratio / (ratio - 1)  # of the range, from σ(log₁₀ R) at its top
            spreads = {"sigma_write": "sigma_c2c_lrs", "sigma_d2d": "sigma_d2d_lrs"}
            if len(form.devices) == 1:
                spreads = {"sigma_write": "sigma_lrs"}
            found |= {to: share * values[key] for to, key in spreads.items() if key in values}
        if isinstance(form, States):
            several = [x for x in form.before if len(x) > 1]
            found["states"] = float(len(states_apart(form.after or form.before, 1)))
            reads = [float(x.std(ddof=1) / abs(x.mean())) for x in several]
            found |= {"read_noise": float(np.median(reads))} if reads else {}
        if isinstance(form, Decay):
            decay = {m.name: m for m in decay_metrics(form)}
            if decay["retention"].bound:  # it did not lose half: not known when it will
                continue
            found["retention_s"] = decay["retention"].value
            weight = decay["exponential_weight"].value
            if weight is not None and weight < 0.5:
                found["drift"] = decay["decay_exponent"].value
    if not found:
        raise InputError(
            "nothing to make a device: give trains of pulses, cycles, states, or a decay by half"
        )
    return DeviceModel(name, **found, sources=dict.fromkeys(found, "measured"))


def _curve(train: PulseTrain, fitted: bool) -> tuple[Curve, float, float, float]:
    """Return the curve of a train, the spread of a pulse, noise of reading, and states."""
    values = {metric.name: metric.value for metric in train_metrics(train)}
    beta = values.get("beta")
    if beta is None:
        raise InputError(f"{train.setup.file}: no curve fits the train; give 5 pulses or more")
    order = np.argsort(train.pulse)
    pulse, g = train.pulse[order], train.conductance[order]
    x = (pulse - pulse[0]) / np.ptp(pulse)
    curve = Curve(0, 1, float(np.ptp(pulse)), beta)
    y = curve.at(1 - x if train.falling else x)
    low, change = np.linalg.lstsq(np.column_stack([np.ones(len(y)), y]), g, rcond=None)[0]
    curve = replace(curve, low=float(low), high=float(low + change))
    if not fitted:
        smooth = optimize.isotonic_regression(g, increasing=not train.falling).x
        points = np.sort(np.interp(np.linspace(0, 1, len(x)), x, smooth)).tolist()
        curve = Curve(points[0], points[-1], curve.pulses, points=tuple(points))
    # What a pulse changes stays; noise of reading makes neighbouring steps go back and forth.
    steps = np.diff(g - (low + change * y)) / abs(change)
    both, back = float(np.mean(steps**2)), float(np.mean(steps[1:] * steps[:-1]))
    read = float(np.clip(-back, 0, both / 2))
    pulse_spread = np.sqrt((both - 2 * read) / np.diff(pulse).mean())
    noise = np.sqrt(read / np.mean(g**2)) * abs(change)
    return curve, float(pulse_spread), float(noise), float(values["pulse_states"] or 1)


def _middle(curves: Sequence[Curve]) -> Curve:
    """Return the curve of several trains: medians of fits, or the first of tables."""
    fields = [(curve.low, curve.high, curve.pulses, curve.beta) for curve in curves]
    low, high, pulses, beta = np.median(fields, axis=0).tolist()
    return curves[0] if curves[0].points else Curve(low, high, pulses, beta)
