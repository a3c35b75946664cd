"""Metrics of memory: endurance, variability, decay and retention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pvkdb.measurements.forms import Cycles, Decay, Floats
from pvkdb.measurements.metrics import Measured, fit, over_cycles, over_devices, spread, weights

#: The window leaves this share of the cycles of each state aside; a state is retained until it has
#: changed by the share lost.
_TAIL, _LOST = 0.05, 0.5


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
        *_spread("hrs", hrs),
        *_spread("lrs", lrs),
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


def _spread(state: str, log: Floats) -> list[Measured]:
    """Median and spread of one state; spread within and between devices by variance analysis."""
    counts = np.isfinite(log).sum(axis=1)
    values, quantile = log[np.isfinite(log)], _quantile(log)
    means, variances = np.nanmean(log, axis=1), np.nanvar(log, axis=1)
    inner = variances * counts / np.maximum(counts - 1, 1)
    if len(log) == 1:
        one = over_cycles(f"r_{state}", np.median, 10**values)
        return [one, over_cycles(f"sigma_{state}", spread, values)]

    def pooled(w: Floats) -> float:
        share = w * counts / (w @ counts)
        return float(np.sqrt(share @ (variances + (means - share @ means) ** 2)))

    def within(w: Floats) -> float:
        return float(np.sqrt(w @ inner / w.sum()))

    def between(w: Floats) -> float:
        square = w @ (means - w @ means / w.sum()) ** 2 / (w.sum() - 1)
        return float(np.sqrt(max(0.0, square - within(w) ** 2 / counts.mean())))

    each = {"r": lambda w: 10 ** quantile(w, 0.5), "sigma": pooled}
    each |= {"sigma_c2c": within, "sigma_d2d": between}
    return [over_devices(f"{n}_{state}", each[n], len(log), int(counts.max())) for n in each]


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
    odds = weights(found, other)
    law = "undecided" if max(odds) < 0.95 else ("power law", "exponential")[odds[0] > 0.5]
    note = f"{law}: weights by AICc {odds[0]:.2f} exponential, {odds[1]:.2f} power law"
    return [
        found.metric("decay_time", 2, note, log=True) if found else Measured("decay_time", None),
        other.metric("decay_exponent", 2, note) if other else Measured("decay_exponent", None),
        retention_time(decay),
    ]


def retention_time(decay: Decay) -> Measured:
    """Return when a state has changed for good by half; a bound if it never does."""
    t, y = decay.time_s - decay.time_s[0], decay.value
    first = float(np.median(y[: max(1, len(y) // 100)]))
    last = int(np.flatnonzero(np.abs(y - first) < _LOST * abs(first))[-1:].sum())
    note = f"change by {_LOST:.0%} of {first:.3g} {decay.unit}"
    if last == len(y) - 1:
        note += ": not reached in the measured time, and not extrapolated"
        return Measured("retention", float(t[-1]), bound=">", cycles=1, note=note)
    ends = float(t[last]), float(t[last + 1])
    return Measured("retention", sum(ends) / 2, ends, "points before and after", "", 1, note=note)
