"""A metric with its interval, and the statistics that intervals come from.

Intervals are at 90 %. Definitions, units and their sources are in ``definitions.csv``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import ndimage, optimize, stats

from pvkdb.measurements.forms import Floats

TAILS = (0.05, 0.95)
#: Fewest values for an interval over cycles, and fewest devices for one over devices.
_FEWEST, FEWEST_DEVICES = 6, 5
_DRAWS = 300
#: The value at the start is read from the points before it has changed by this share.
_CHANGED = 0.1
spread = partial(np.std, ddof=1)  # the standard deviation of a sample


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with interval, counts and place; ``value`` None: not measured, ``note`` says why."""

    name: str
    value: float | None
    ends: tuple[float, float] | None = None
    interval: str = ""  # how the ends were found
    bound: str = ""  # ">" or "<" where the value is a bound
    cycles: int | None = None
    devices: int = 1
    note: str = ""
    place: str = ""  # in the raw file

    def noted(self, *texts: str) -> Measured:
        """Return the same with more notes, those that are empty left out."""
        return replace(self, note="; ".join(filter(None, (self.note, *texts))))


def over_cycles(
    name: str, of: Callable[..., Any], values: Any, resolution: float = 0.0, **rest: Any
) -> Measured:
    """Return a statistic over cycles; its interval is from resampling, and the resolution."""
    x, rng = np.asarray(values, dtype=float), np.random.default_rng(0)
    value = float(of(x)) if len(x) > 1 or of is np.median else None
    metric = Measured(name, value, cycles=len(x), **rest)
    if len(x) < _FEWEST or not np.ptp(x):
        return metric.noted(f"an interval needs {_FEWEST} values that differ")
    found = [of(rng.choice(x, len(x))) for _ in range(_DRAWS)]
    return _between(metric, np.array(found), len(x), resolution)


def over_devices(
    name: str, of: Callable[[Floats], Any], devices: int, cycles: int, resolution: float = 0.0
) -> Measured:
    """Return a statistic of weighed devices; its interval is from resampling the devices."""
    metric = Measured(name, float(of(np.ones(devices))), cycles=cycles, devices=devices)
    if devices < FEWEST_DEVICES:
        return metric.noted(f"an interval needs {FEWEST_DEVICES} devices")
    draws = np.random.default_rng(0).multinomial(devices, np.full(devices, 1 / devices), _DRAWS)
    found = np.array([of(draw.astype(float)) for draw in draws])
    return _between(metric, found, devices, resolution)


def _between(metric: Measured, found: Floats, n: int, resolution: float = 0) -> Measured:
    """Add Student's interval from resampled values and their bias, in logarithms if positive."""
    value, log = metric.value or 0.0, bool(metric.value and (found > 0).all())
    y, middle = (np.log(found), np.log(value)) if log else (found, value)
    half = stats.t.ppf(TAILS[1], n - 1) * y.std() * np.sqrt(n / (n - 1))
    ends = [2 * middle - y.mean() - half, 2 * middle - y.mean() + half]
    low, high = map(float, np.exp(ends) if log else ends)
    return replace(metric, ends=(low - resolution, high + resolution), interval="bootstrap")


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters of a least-squares fit (values, lower and upper ends), and its quality."""

    ends: tuple[Floats, Floats, Floats]
    deviation: float  # root mean square of the residuals
    aicc: float
    points: int
    correlation: float = 0.0  # of neighbouring residuals, 0 where it may be chance

    def metric(self, name: str, index: int, note: str = "", log: bool = False) -> Measured:
        """Return a parameter as a metric; ``log``: it is the logarithm of the value."""
        value, low, high = (float(part[index]) for part in self.ends)
        if log:
            value, low, high = (float(np.exp(min(x, 700))) for x in (value, low, high))
        how = "Student, from the fit" + ", correlated residuals" * (self.correlation > 0)
        return Measured(name, value, (low, high), how, "", self.points, note=note)


def fit(
    model: Callable[..., Floats], x: Floats, y: Floats, starts: Sequence[Sequence[float]]
) -> Fit | None:
    """Return the best fit from several starts; None where no start leads to one.

    Residuals whose neighbours agree count as fewer points: the errors of a first-order
    autoregression with correlation r are wider by √((1 + r)/(1 − r)).
    AICc: C. M. Hurvich and C.-L. Tsai, Biometrika 76, 297 (1989).
    """
    best: Fit | None = None
    n, p, order = len(x), len(starts[0]) if starts else 0, np.argsort(x, kind="stable")
    for start in starts if n >= p + 3 else ():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", optimize.OptimizeWarning)
                values, covariance = optimize.curve_fit(model, x, y, start, maxfev=4000)
                residuals = (model(x, *values) - y)[order]
                rss = max(float(residuals @ residuals), 1e-300)
                r = min(float(residuals[1:] @ residuals[:-1]) / rss, 0.999)
                r = r if r > 2 / np.sqrt(n) else 0.0
                half = stats.t.ppf(TAILS[1], n - p) * np.sqrt(np.diag(covariance))
                half *= np.sqrt((1 + r) / (1 - r))
        except (RuntimeError, ValueError):
            continue  # this start does not converge; another may
        if np.isfinite(half).all() and (best is None or rss < n * best.deviation**2):
            aicc = float(n * np.log(rss / n) + 2 * (p + 1) * n / (n - p - 2))
            ends = (values, values - half, values + half)
            best = Fit(ends, float(np.sqrt(rss / n)), aicc, n, r)
    return best


def weights(*fits: Fit | None) -> list[float]:
    """Return the Akaike weight of each fit, by points whose residuals are independent; else 0."""
    r = min([(f.deviation, f.correlation) for f in fits if f], default=(0.0, 0.0))[1]
    lost = 4 * r / (1 + r)
    each = (np.inf if f is None else f.aicc - lost * f.points * np.log(f.deviation) for f in fits)
    scores = np.array([*each])
    odds = np.exp(-(scores - scores.min()) / 2) if any(fits) else np.zeros(len(fits))
    return [float(weight) for weight in odds / max(odds.sum(), 1)]


def within(metric: Measured, low: float, high: float) -> Measured:
    """Return a time that a record from ``low`` to ``high`` shows, else a bound that it gives."""
    least, most = metric.ends or (high, high)
    if low < least and most <= high:
        return metric
    if most > high and least <= low:
        return Measured(metric.name, None, note=f"not known from {low:.3g} to {high:.3g} s")
    value, bound = (min(least, high), ">") if most > high else (max(most, low), "<")
    return replace(metric, value=value, ends=None, interval="", bound=bound)


def value_at_start(time_s: Floats, y: Floats, rising: bool) -> float:
    """Return the value at the start of a noisy change, from a line through its early points.

    Their mean would be late, and the first point alone as noisy as any.
    """
    curve = optimize.isotonic_regression(y, increasing=rising).x
    changed = np.abs(curve - curve[0]) >= _CHANGED * abs(curve[0])
    early = int(np.argmax(changed)) if changed.any() else len(y)
    x = time_s[:early] - time_s[0]
    if early < 3 or not x[-1]:
        return float(np.median(y[: max(1, early)]))
    size = np.abs(y[:early]).max() or 1.0
    return float(np.polyfit(x / x[-1], y[:early] / size, 1)[1] * size)


def crossings(
    time_s: Floats, y: Floats, edge: int, shares: Sequence[float], factor: float | None = None
) -> tuple[Floats, Floats]:
    """Return when a noisy change passes shares of its size, and draws × shares of the same.

    Share 0 is the median of the first ``edge`` values, share 1 that of the last ones; with
    ``factor``, share 0 is the value at the start, and share 1 that many times it. The curve is the
    closest monotone one; draws add the noise between neighbours.
    """

    def change(y: Floats) -> tuple[float, float]:
        first, last = float(np.median(y[:edge])), float(np.median(y[-edge:]))
        if factor is not None:
            first = value_at_start(time_s, y, rising)
        return first, (last if factor is None else factor * first) - first

    rising = bool(np.median(y[-edge:]) > np.median(y[:edge]))

    def passed(y: Floats) -> Floats:
        first, size = change(y)
        curve = optimize.isotonic_regression(y, increasing=rising).x
        return np.asarray(np.interp(shares, (curve - first) / size, time_s))

    noise: Any = stats.median_abs_deviation(np.diff(y), scale="normal") / np.sqrt(2)
    if factor is not None:  # that of a decay may follow its value
        steps = np.abs(np.diff(y, append=y[-1:]))
        noise = ndimage.median_filter(steps, max(5, len(y) // 10), mode="nearest")
        noise = noise / stats.norm.ppf(0.75) / np.sqrt(2)
    smooth = optimize.isotonic_regression(y, increasing=rising).x
    draws = np.random.default_rng(0).normal(smooth, noise, (_DRAWS // 3, len(y)))
    return passed(y), np.array([passed(draw) for draw in draws])
