"""Metrics of pulses: non-linearity under its several names, saturation, PPF, STDP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Floats, Pairs, PulseTrain
from pvkdb.measurements.metrics import Measured, fit, over_cycles, weights, within

#: NeuroSim's scale of the label: NL = max|y − x| / (0.07 √2).
_LABEL = 0.07 * np.sqrt(2)
_STRAIGHT = 1e-4  # |β| of a straight line


def nonlinearity(a: float) -> float:
    """Return NeuroSim's label NL of its parameter A (of normalised pulse numbers).

    y = (1 − exp(−x/A))/(1 − exp(−1/A)) departs from x most at x = −A ln(A (1 − exp(−1/A))).
    P.-Y. Chen, X. Peng and S. Yu, IEEE Trans. Comput.-Aided Des. 37, 3067 (2018).

    Example:
        >>> round(nonlinearity(0.5), 2), round(nonlinearity(-0.2), 2)
        (2.4, -4.88)

    Raises:
        InputError: A is 0 or no number.
    """
    if not np.isfinite(a) or a == 0:
        raise InputError(f"A = {a:g} has no non-linearity; give a number other than 0")
    size = abs(a)
    if size > 1 / _STRAIGHT:
        return float(1 / (8 * a * _LABEL))
    drop = -np.expm1(-1 / size)
    x = -size * np.log(size * drop)
    return float(np.sign(a) * (-np.expm1(-x / size) / drop - x) / _LABEL)


def _curve(x: Floats, beta: float, first: float, change: float) -> Floats:
    """NeuroSim's curve with β = 1/A, a straight line at β = 0."""
    straight = abs(beta) < _STRAIGHT
    return np.asarray(first + change * (x if straight else np.expm1(-beta * x) / np.expm1(-beta)))


def _jang(x: Floats, alpha: float, first: float, last: float) -> Floats:
    """G = ((G₁^α − G₀^α) x + G₀^α)^(1/α): J.-W. Jang et al., IEEE Electron Device Lett. 36, 457."""
    low, high = np.log(max(first, 1e-9)), np.log(max(last, 1e-9))
    alpha = alpha or _STRAIGHT  # at 0: the limit, an exponential
    logs = low + np.log1p(x * np.expm1(alpha * (high - low))) / alpha
    return np.asarray(np.exp(logs), dtype=float)


def _normalised(train: PulseTrain) -> Floats:
    """Pulse numbers from 0 to 1, backwards in a depression, as in NeuroSim."""
    x: Floats = (train.pulse - train.pulse.min()) / np.ptp(train.pulse)
    return 1 - x if train.falling else x


def train_metrics(train: PulseTrain) -> list[Measured]:
    """Return ΔG, saturation, NL, A, β and Jang's exponent of one train, ends free in all fits.

    The pulses of a depression are counted backwards, as in NeuroSim: A and NL are negative where
    it falls fast at first.
    """
    g, count = train.conductance, len(train.pulse)
    span, pulses = float(np.ptp(g)), float(np.ptp(train.pulse))
    if not span or not pulses:
        return [Measured("nl", None, note="the conductance is the same after every pulse")]
    x, y = _normalised(train), (g - g.min()) / span
    metrics = [Measured(n, None, note="without unit, no zero") for n in ("delta_g", "jang_alpha")]
    if train.unit != "arbitrary":
        note = f"from {g[0]:.3g} to {g[-1]:.3g} {train.unit}"
        metrics = [Measured("delta_g", float(g[-1] / g[0] - 1), cycles=count, note=note)]
        found = fit(_jang, x, g / g.max(), [(a, g.min() / g.max(), 1.0) for a in (-2.0, 0.5, 3.0)])
        metrics += [found.metric("jang_alpha", 0, "free ends")] if found else []
    found = fit(_curve, x, y, [(b, y[x.argmin()], 1.0) for b in (-4.0, -0.5, 0.5, 4.0)])
    if found is None:
        return [*metrics, Measured("nl", None, note=f"no fit of {count} pulses")]
    first, change = found.ends[0][1:] * span
    note = f"free ends: {first + g.min():.3g} and {first + change + g.min():.3g}"
    if found.deviation > 0.15:
        note += f"; the fit misses by {found.deviation:.0%} of the range: is this one train?"
    beta = found.metric("beta", 0, note)
    value, low, high = (float(part[0]) or 1e-12 for part in found.ends)
    said, bounds = "β may be 0, a straight line, where A has no bound", None
    if low * high > 0:
        said, bounds = note, (1 / high, 1 / low)

    def ninety(beta: float) -> float:
        """Pulses to 90 % of the change; a depression runs the curve backwards."""
        rate = float(np.clip(-beta if train.falling else beta, -500, 500))
        return pulses * float(-np.log1p(0.9 * np.expm1(-rate)) / rate)

    steps = abs(change) / span / (2 * max(found.deviation, 1e-12))
    number, how = float(min(count, 1 + steps // 1)), beta.interval
    labels = nonlinearity(1 / low), nonlinearity(1 / high)
    first, last = sorted((ninety(low), ninety(high)))
    return [
        *metrics,
        beta,
        Measured("a", 1 / value, bounds, how, "", count, note=said),
        Measured("nl", nonlinearity(1 / value), labels, how, "", count, note=note),
        Measured("saturation", ninety(value), (first, last), how, note=f"of {pulses:g} pulses"),
        Measured("pulse_states", number, cycles=count, note="one train, not tested for retention"),
    ]


def trains_metrics(trains: Sequence[PulseTrain]) -> list[Measured]:
    """Return the metrics of each train, and the asymmetry of pairs of one up and one down."""
    found, grid = [train_metrics(train) for train in trains], np.linspace(0, 1, 101)
    metrics = list[Measured]()
    for pulse in dict.fromkeys(map(_pulse, trains)):
        alike = [each for train, each in zip(trains, found, strict=True) if _pulse(train) == pulse]
        for name in dict.fromkeys(metric.name for each in alike for metric in each):
            one, *others = members = [m for each in alike for m in each if m.name == name]
            values = [metric.value for metric in members if metric.value is not None]
            if others and values:
                note = f"median of {len(values)} of {len(alike)} trains"
                one = over_cycles(name, np.median, values, note=note)
            metrics.append(replace(one, note=pulse).noted(one.note))
    curves: dict[bool, list[tuple[Floats, float]]] = {False: [], True: []}
    for train, each in zip(trains, found, strict=True):
        if label := next((m.value for m in each if m.name == "nl"), None):
            x, order = _normalised(train), np.argsort(_normalised(train))
            curve = np.interp(grid, x[order], train.conductance[order])
            curves[train.falling].append((curve, label))
    pairs = list(zip(*curves.values(), strict=False))
    if not pairs:
        return metrics
    shares = [np.abs(up - down).max() / np.ptp([up, down]) for (up, _), (down, _) in pairs]
    differences = [abs(up - down) for (_, up), (_, down) in pairs]
    asymmetry = over_cycles("asymmetry", np.median, shares)
    if {train.unit for train in trains} != {"S"}:
        asymmetry = Measured("asymmetry", None, note="the trains may have scales of their own")
    return [*metrics, asymmetry, over_cycles("nl_difference", np.median, differences)]


def _pulse(train: PulseTrain) -> str:
    known = ((train.amplitude_v, "V"), (train.width_s, "s"))
    size = [f"{number:g} {unit}" for number, unit in known if number]
    return " ".join(["down" if train.falling else "up", *size])


def ppf_metrics(pairs: Pairs) -> list[Measured]:
    """Return the index at the shortest interval, and times of one exponential or two by AICc."""
    t, y = pairs.interval_s, pairs.response
    whole, unit = (100.0, "percent") if y.max() > 20 else (1.0, "ratio")
    # Some report the second response over the first, others its change.
    rest = whole if float(np.median(y[t == t.max()])) > whole / 2 else 0.0
    read_as = f"read as {unit}, no change is {rest:g}"
    middle, size = float(np.log(t).mean()), float(y[t.argmin()] - rest)

    def model(x: Floats, *values: float) -> Floats:
        terms = zip(values[::2], values[1::2], strict=True)
        return np.asarray(rest + sum(c * np.exp(-x / np.exp(log)) for c, log in terms))

    single = fit(model, t, y, [(size, middle + shift) for shift in (-1.5, 0, 1.5)])
    two = [(size / 2, middle - shift, size / 2, middle + shift) for shift in (1, 2)]
    double = fit(model, t, y, two)
    odds = weights(single, double)
    note = f"{read_as}; weights by AICc: one exponential {odds[0]:.2f}, two {odds[1]:.2f}"
    shortest = (y[t == t.min()] - rest) / whole * 100
    index = over_cycles("ppf_index", np.median, shortest, note=f"at {t.min():.3g} s; {read_as}")
    chosen = double if odds[1] > 0.95 else single
    if chosen is None:
        return [index, Measured("ppf_time", None, note=f"no fit of {len(y)} points")]
    places = sorted(range(1, len(chosen.ends[0]), 2), key=lambda place: chosen.ends[0][place])
    times = (chosen.metric("ppf_time", place, note, log=True) for place in places)
    return [index, *(within(time, float(t.min()), float(t.max())) for time in times)]


def stdp_metrics(pairs: Pairs) -> list[Measured]:
    """Return amplitude and time constant of each side of the window of spike timing."""
    metrics = []
    for sign, side in ((1, "positive"), (-1, "negative")):
        chosen = sign * pairs.interval_s > 0
        t, y = np.abs(pairs.interval_s[chosen]), pairs.response[chosen]
        note = f"{len(t)} points of {side} interval"
        starts = [(y[t.argmin()], np.log(np.median(t) * f)) for f in (0.3, 1, 3) if len(t)]
        found = fit(lambda x, a, log: np.asarray(a * np.exp(-x / np.exp(log))), t, y, starts)
        for place, name in enumerate(("stdp_amplitude", "stdp_time")):
            metric = Measured(name, None, note=f"{note}: no fit")
            if found:
                metric = found.metric(name, place, note, log=place > 0)
            if found and place:
                metric = within(metric, float(t.min()), float(t.max()))
            metrics.append(metric)
    return metrics
