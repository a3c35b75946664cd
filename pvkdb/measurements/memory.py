"""Metrics of memory: endurance, variability, states that stay apart, decay and retention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import constants, stats

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Cycles, Decay, Floats, States
from pvkdb.measurements.metrics import (
    TAILS,
    Measured,
    crossings,
    fit,
    over_cycles,
    over_devices,
    spread,
    value_at_start,
    weights,
    within,
)

#: The window leaves this share of the cycles of each state aside; a state is retained until it has
#: changed by the share lost.
_TAIL, _LOST = 0.05, 0.5
_DRAWS = 2000
BOLTZMANN_EV_PER_K = constants.k / constants.e
#: Weight by AICc from which a law is taken; correlations of residuals above which none is decided,
#: and none describes the decay, unless it leaves less than this share of the largest value.
_DECIDED, _SMOOTH, _UNFIT, _EXACT = 0.95, 0.5, 0.8, 1e-4


def endurance_metrics(cycles: Cycles) -> list[Measured]:
    """Return medians, spreads, window and failures of devices whose every cycle was read."""
    hrs, lrs = np.log10(cycles.hrs_ohm), np.log10(cycles.lrs_ohm)
    counts = np.isfinite(hrs).sum(axis=1)
    devices, most = len(hrs), int(counts.max())
    high, low = _quantile(hrs), _quantile(lrs)
    tenth = max(1, int(counts.sum()) // 10)  # a worn device must not move the threshold
    threshold = sum(np.median(log.T[np.isfinite(log.T)][:tenth]) for log in (hrs, lrs)) / 2
    failed = (hrs <= threshold) | (lrs >= threshold)
    wrong = failed.sum(axis=1)
    misread = over_devices("misread", lambda w: w @ wrong / (w @ counts), devices, most)
    note = f"{wrong.sum()} of {counts.sum()} on the wrong side of {10**threshold:.3g} ohm"
    # Cycles until the first misread one; a device that has none gives all of its cycles.
    until = np.where(wrong > 0, failed.argmax(axis=1), counts).astype(float)
    half = _quantile(until[:, None])
    endurance = over_devices("endurance", lambda w: half(w, 0.5), devices, most)
    ended = f"{(wrong > 0).sum()} of {devices} devices were misread at least once"
    return [
        *spreads("r_hrs", "sigma_hrs", hrs, log=True),
        *spreads("r_lrs", "sigma_lrs", lrs, log=True),
        over_devices("window", lambda w: 10 ** (high(w, _TAIL) - low(w, 1 - _TAIL)), devices, most),
        replace(misread, note=note),
        replace(endurance, bound=">" * (endurance.value == most), note=ended),
    ]


def _quantile(log: Floats) -> Callable[[Floats, float], float]:
    """A function of weights of the devices and a share: that quantile of all their cycles."""
    device, values = np.nonzero(np.isfinite(log))[0], log[np.isfinite(log)]
    values, device = np.sort(values), device[np.argsort(values)]

    def quantile(w: Floats, share: float) -> float:
        passed = np.cumsum(w[device])
        at = np.searchsorted(passed, [share * passed[-1], share * passed[-1] + 0.5])
        return float(values[np.minimum(at, len(values) - 1)].mean())

    return quantile


def spreads(
    median: str, total: str, values: Floats, resolution: float = 0.0, log: bool = False
) -> list[Measured]:
    """Return median and spread of devices × cycles, and by variance analysis within and between.

    ``log``: the values are decimal logarithms of what the median is of. Interval of the sum:
    Graybill and Wang, J. Am. Stat. Assoc. 75, 869 (1980).
    """
    counts, quantile = np.isfinite(values).sum(axis=1), _quantile(values)
    every, most, devices = values[np.isfinite(values)], int(counts.max()), len(values)
    if devices == 1 or most == 1:  # a cycle of each does not tell the two apart
        r = over_cycles(median, np.median, 10**every if log else every, resolution)
        found = (r, over_cycles(total, spread, every))
        return [replace(metric, cycles=most, devices=devices) for metric in found]
    means, squares = np.nanmean(values, axis=1), np.nanvar(values, axis=1) * counts

    def within(w: Floats) -> float:
        return float(np.sqrt(w @ squares / max(w @ (counts - 1), 1)))

    def between(w: Floats) -> float:
        square = w @ (means - w @ means / w.sum()) ** 2 / (w.sum() - 1)
        return float(np.sqrt(max(0.0, square - within(w) ** 2 / counts.mean())))

    of = [lambda w: 10 ** quantile(w, 0.5) if log else quantile(w, 0.5), within, between]
    names = [median, *(total.replace("sigma", f"sigma_{part}") for part in ("c2c", "d2d"))]
    each = zip(names, of, (resolution, 0.0, 0.0), strict=True)
    r, c2c, d2d = (over_devices(name, f, devices, most, half) for name, f, half in each)
    ends = np.array([[m.value, *(m.ends or (0, 0))] for m in (c2c, d2d)]).clip(0) ** 2
    whole, (low, high) = ends[:, 0].sum(), np.hypot(*(ends[:, 1:] - ends[:, :1]))
    both = replace(c2c, name=total, value=float(np.sqrt(whole)))
    if c2c.ends and d2d.ends:
        limits = float(np.sqrt(max(0, whole - low))), float(np.sqrt(whole + high))
        both = replace(both, ends=limits, interval="of both variances")
    return [r, both, c2c, d2d]


def decay_metrics(decay: Decay) -> list[Measured]:
    """Return how a state decays: time constant, exponent, the better law, and the retention time.

    Exponential decay points to ions, a power law to traps (review, section 3.3.1).
    """
    t = decay.time_s - decay.time_s[0]
    x, y = t[t > 0], decay.value[t > 0] / np.abs(decay.value).max()
    ends = (y[-1], y[0] - y[-1])
    starts = [(*ends, np.log(t[-1] * f)) for f in (0.02, 0.1, 0.5)]
    found = fit(lambda x, rest, a, log: rest + a * np.exp(-x / np.exp(log)), x, y, starts)
    starts = [*((*ends, p) for p in (0.2, 0.7, 1.5)), (0.0, y[0], 0.1)]
    other = fit(lambda x, rest, a, power: rest + a * (x / x[0]) ** -power, x, y, starts)
    flat = fit(lambda x, rest: np.full(len(x), rest), x, y, [[float(y.mean())]])
    if weights(flat, found, other)[0] > 1 - _DECIDED or not (found or other):
        note = f"no decay outside the noise of {len(x)} points"
        none = [Measured(name, None, note=note) for name in ("decay_time", "decay_exponent")]
        return [*none, retention_time(decay)]
    odds = weights(found, other)
    law = ("power law", "exponential")[odds[0] > 0.5] if max(odds) >= _DECIDED else "undecided"
    close = min((f.deviation, f.correlation) for f in (found, other) if f)
    r = 0.0 if close[0] < _EXACT else close[1]
    law = "undecided, the residuals are correlated" if r > _SMOOTH else law
    law = "neither law describes it, the residuals are smooth" if r > _UNFIT else law
    note = f"{law}: weights by AICc {odds[0]:.2f} exponential, {odds[1]:.2f} power law"
    metrics = [Measured(name, None, note=note) for name in ("decay_time", "decay_exponent")]
    if found and r <= _UNFIT and odds[0] > 1 - _DECIDED:
        metrics[0] = within(
            found.metric("decay_time", 2, note, log=True), float(x[0]), float(x[-1])
        )
    if other and r <= _UNFIT and odds[1] > 1 - _DECIDED:
        metrics[1] = other.metric("decay_exponent", 2, note)
        low, high = metrics[1].ends or (1.0, 1.0)
        if low <= 0 <= high:
            r, note = 1.0, f"exponent not known, {low:.2g} to {high:.2g}: 0 is no decay"
            metrics[1] = Measured("decay_exponent", None, note=note)
    weight = Measured("exponential_weight", odds[0] if r <= _SMOOTH else None, note=note)
    return [*metrics, weight, retention_time(decay)]


def retention_time(decay: Decay) -> Measured:
    """Return when a state has changed for good by half; a bound if it never does."""
    t, y = decay.time_s - decay.time_s[0], decay.value
    edge = max(1, len(y) // 100)
    last = float(np.median(y[-edge:]))
    first = value_at_start(t, y, rising=last > float(np.median(y[:edge])))
    note = f"change by {_LOST:.0%} of {first:.3g} {decay.unit}"
    if abs(last - first) < _LOST * abs(first) or not first:
        note += ": not reached in the measured time, and not extrapolated"
        return Measured("retention", float(t[-1]), bound=">", cycles=1, note=note)
    left = 1 + _LOST * np.sign((last - first) * first)
    (value,), draws = crossings(t, y, edge, (1.0,), left)
    after = min(int(np.searchsorted(t, value, side="right")), len(t) - 1)
    low, high = map(float, np.quantile(draws, TAILS))
    ends = min(low, float(t[max(0, after - 1)])), max(high, float(t[after]))
    how = "noise drawn again, at least the points before and after"
    return Measured("retention", float(value), ends, how, cycles=1, note=note)


def states_apart(samples: Sequence[Floats], k: float) -> list[int]:
    """Return the most states whose means are further apart than k (σi + σj), by their indices.

    The intervals mean ± kσ must not overlap; taking the earliest end first gives the most.
    """
    ends = [(x.mean(), k * x.std(ddof=1), i) for i, x in enumerate(samples) if len(x) > 1]
    chosen, last = list[int](), -np.inf
    for mean, half, index in sorted(ends, key=lambda end: end[0] + end[1]):
        if mean - half > last:
            chosen.append(index)
            last = mean + half
    return chosen


def state_metrics(states: States) -> list[Measured]:
    """Return how many states stay apart at k = 1, 2, 3, before and after retention.

    Raises:
        InputError: no state was read twice.
    """
    if max(len(x) for x in states.before) < 2:
        text = "each state was read once, which shows no spread; give several reads of each"
        raise InputError(f"{states.setup.file}: {text}")
    metrics = []
    for name, samples in (("states_before", states.before), ("states_after", states.after)):
        for k in (1, 2, 3) if samples else ():
            count, note = len(states_apart(samples, k)), f"of {len(samples)} at k = {k}"
            metrics.append(Measured(name, count, cycles=min(map(len, samples)), note=note))
    none = Measured("states_after", None, note="no reads after a wait: not tested")
    return metrics if states.after else [*metrics, none]


def arrhenius(decays: Sequence[Decay], at_k: float | None) -> list[Measured]:
    """Return the activation energy of retention, and its extrapolation to a temperature.

    ln t = c + E/kT; intervals are from a bootstrap of the residuals, wider by Student's t. Refused
    where fewer than three temperatures reached the criterion: bounds are not data.
    """
    pairs = [(retention_time(decay), decay.setup.temperature_k) for decay in decays]
    points = [(m.value, kelvin) for m, kelvin in pairs if kelvin and m.value and not m.bound]
    n = len(points)
    if len({kelvin for _, kelvin in points}) < 3:
        why = f"{n} of {len(decays)} decays reached the criterion; refused: measure longer, hotter"
        return [Measured(name, None, note=why) for name in ("retention_energy", "retention_at")]
    times, kelvins = np.array(points).T
    design = np.column_stack([np.ones(n), 1 / (BOLTZMANN_EV_PER_K * kelvins)])
    inverse = np.linalg.pinv(design)
    best = inverse @ np.log(times)
    residuals = (np.log(times) - design @ best) * np.sqrt(n / (n - 2))
    swell = stats.t.ppf(TAILS[1], n - 2) / stats.norm.ppf(TAILS[1])
    draws = np.random.default_rng(0).choice(residuals - residuals.mean(), (_DRAWS, n))
    lines = best + swell * draws @ inverse.T
    how, note = "bootstrap of the residuals", f"{n} temperatures"
    low, high = map(float, np.quantile(lines[:, 1], TAILS))
    energy = Measured("retention_energy", float(best[1]), (low, high), how, note=note)
    if at_k is None:
        return [energy]
    there = np.array([1, 1 / (BOLTZMANN_EV_PER_K * at_k)])
    low, high, value = map(float, np.exp([*np.quantile(lines @ there, TAILS), best @ there]))
    outside = "" if kelvins.min() <= at_k <= kelvins.max() else ", extrapolated"
    note += f", {kelvins.min():g} to {kelvins.max():g} K; at {at_k:g} K{outside}"
    return [energy, Measured("retention_at", value, (low, high), how, note=note)]
