"""Parameters of compact models: fitted to measured sweeps, or from the figures of a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Trace
from pvkdb.measurements.sweeps import compliance, loops, source
from pvkdb.simulation.compact import CircuitModel, CompactModel, Floats, model_named, response
from pvkdb.store.collections.devices import device_named

__all__ = ["complete", "fit", "from_device", "given"]

#: Share of the largest voltage below which a current is not compared, and points of a fit.
_NEAR_ZERO, _POINTS = 0.05, 400
#: Factor between the two branches of a loop that is switching.
_SWITCHES = 1.2
#: A fit is refused beyond this share of the decades of the current (a choice of pvkdb).
_MISFIT = 0.15
#: Change of a parameter for its derivative. Largest factor between a parameter and the scale of the
#: sweep, and the same where it stands in an exponent.
_SHIFT, _REACH, _REACH_EXPONENT = 1e-6, 1e4, 20


def complete(
    model: CircuitModel, known: Mapping[str, tuple[float, str]], whence: str = "", *notes: str
) -> CompactModel:
    """Return a model from values with their sources; ``whence`` begins the message of an error.

    Raises:
        InputError: a value is missing, unknown or out of range; the message says what to give.
    """
    for name, (value, _) in known.items():
        if name not in model.parameters:
            listed = ", ".join(model.parameters)
            raise InputError(f"{model.name} has no parameter {name!r}; known: {listed}")
        model.parameters[name].check(value)
    for low, high in (("r_on", "r_off"), ("v_hold", "v_th"), ("r_on", "r_leak")):
        if low in known and high in known and known[low][0] >= known[high][0]:
            text = f"{low}={known[low][0]:g} is not below {high}={known[high][0]:g}"
            raise InputError(f"{text}; give other values")
    missing = [each for name, each in model.parameters.items() if name not in known]
    if missing:
        listed = "; ".join(f"--set {p.name}=… ({p.unit}: {p.meaning})" for p in missing)
        raise InputError(f"{model.name}: {whence}give {listed}")
    values = {name: known[name][0] for name in model.parameters}
    sources = {name: known[name][1] for name in model.parameters}
    return CompactModel(model, values, sources, notes)


def given(values: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    """Return values with their source: given."""
    return {name: (value, "given") for name, value in values.items()}


def from_device(
    session: Session, device_id: str, name: str, values: Mapping[str, float]
) -> CompactModel:
    """Return a model by given values and, beside them, the figures of a device in the store.

    Raises:
        NotFoundError: the device does not exist.
        InputError: figures are missing or ranges; the message says what to give.
    """
    model, device, known = model_named(name), device_named(session, device_id), given(values)
    if name in ("threshold", "lif") and device.volatility == "non-volatile":
        raise InputError(f"{device_id} is non-volatile and does not decay; use --model vteam")
    figures, words = dict[str, tuple[float, str]](), []
    for metric in ("v_set_v", "v_reset_v", "on_off_ratio"):
        if (row := device.metric(metric)) is None:
            words.append(f"no {metric}")
        elif row.qualifier not in (None, "~") or row.value_min != row.value_max:
            words.append(f"{metric} {row.qualifier or ''}{row.value_min:g} to {row.value_max:g}")
        else:
            about = f"{metric} {row.qualifier or ''}{row.value_min:g} of {device_id}"
            figures[metric] = (row.value_min, f"store, {about} ({device.source_of(metric)})")
    pair = [figures[metric] for metric in ("v_set_v", "v_reset_v") if metric in figures]
    if len(pair) == 2 and pair[0][0] * pair[1][0] > 0:
        raise InputError(f"{device_id} sets and resets at one polarity; {name} is bipolar")
    figures |= {f"v_{'positive' if v > 0 else 'negative'}": (v, source) for v, source in pair}
    for key, parameter in model.parameters.items():
        if figure := figures.get(parameter.figure):
            known.setdefault(key, (abs(figure[0]), figure[1]))
    if "eta" in model.parameters and (v_set := figures.get("v_set_v")):
        known.setdefault("eta", (float(np.sign(v_set[0])), v_set[1]))
    ratio, source = figures.get("on_off_ratio", (0.0, ""))
    if ratio > 1 and "r_on" in known and "r_off" in model.parameters:
        known.setdefault("r_off", (known["r_on"][0] * ratio, f"r_on times {source}"))
    unusable = f"{device_id} has no single value of these: {', '.join(words)}; " if words else ""
    return complete(model, known, unusable)


def fit(name: str, traces: Sequence[Trace], values: Mapping[str, float]) -> CompactModel:
    """Return a model fitted to the logarithm of the current of sweeps; given values stay.

    Every sweep starts in the state x0. Points near zero voltage and at a compliance do not count.

    Raises:
        InputError: a sweep has no times or does not switch, or the fit does not converge.
    """
    model, known = model_named(name), given(values)
    files = ", ".join(dict.fromkeys(trace.setup.file for trace in traces))
    if model.resistive and (why := next(filter(None, map(source, traces)), "")):
        raise InputError(f"{files} is of {why}; {name} is a resistance: try --model ionic")
    thin = [_thinned(trace, model) for trace in traces]
    eta = _polarity(traces, files) if model.resistive else 0.0
    if "eta" in model.parameters:
        known.setdefault("eta", (eta, f"polarity that raises the current, {files}"))
    free = [each for key, each in model.parameters.items() if key not in known and each.start]
    unfitted = [p for key, p in model.parameters.items() if key not in known and not p.start]
    if unfitted or not free:
        return complete(model, known, "is not fitted; ")
    logs, bottoms, tops = bounds(model, free, _scales(*thin[0], 0.5, 10))

    def residuals(point: Floats, substeps: int = 1) -> Floats:
        """Return ln(model/measured), points × columns of the point."""
        named: dict[str, Any] = {key: value for key, (value, _) in known.items()}
        with np.errstate(all="ignore"):
            numbers = np.where(logs[:, None], np.exp(point), point)
            named |= {p.name: row for p, row in zip(free, numbers, strict=True)}
            parts = [
                _off(model, response(model, named, time, v, substeps)[0][used], i[used, None])
                for time, v, i, used in thin
            ]
        return np.asarray(np.nan_to_num(np.concatenate(parts), nan=50.0, posinf=50.0, neginf=-50.0))

    def jacobian(point: Floats) -> Floats:
        shifts = np.where(point + _SHIFT > tops, -_SHIFT, _SHIFT)
        both = residuals(np.column_stack([point, point[:, None] + np.diag(shifts)]))
        return np.asarray((both[:, 1:] - both[:, :1]) / shifts)

    def solve(start: Floats, evaluations: int) -> Any:
        inside = np.clip(start, bottoms + 1e-9, tops - 1e-9)
        options = {"x_scale": "jac", "max_nfev": evaluations, "bounds": (bottoms, tops)}
        return least_squares(lambda p: residuals(p[:, None])[:, 0], inside, jacobian, **options)

    tries = []
    for share, pace in product((0.3, 0.7), (3, 30)):
        names = _scales(*thin[0], share, pace)
        numbers = np.array([model.function(each.start, names)() for each in free], float)
        numbers[logs] = np.log(numbers[logs])
        tries.append(solve(numbers, 15))
    tries.sort(key=lambda found: found.cost)
    best = min((solve(each.x, 150) for each in tries[:2]), key=lambda found: found.cost)
    off = residuals(best.x[:, None], 8)[:, 0]
    words, small = _share(off, thin)
    if not (best.success and small):
        remedy = "try another --model, or --set values that you know"
        raise InputError(f"{name} does not fit {files}: {words}; {remedy}")
    spreads = np.abs(np.diag(np.linalg.pinv(best.jac.T @ best.jac)))
    error = np.sqrt(spreads * 2 * best.cost / len(off))
    for parameter, log, value, spread in zip(free, logs, best.x, error, strict=True):
        loose = ", hardly determined" if spread > 1 else ""
        number = float(np.exp(value) if log else value)
        known[parameter.name] = (number, f"least squares in ln I, {files}{loose}")
    made = complete(model, known, "", f"fit of {files}: {words}")
    volts, seconds = np.abs(traces[0].voltage_v).max(), np.ptp(thin[0][0])
    return replace(made, sweep=(float(volts), float(seconds)))


def bounds(
    model: CircuitModel, free: Sequence[Any], scales: Mapping[str, float]
) -> tuple[Any, Floats, Floats]:
    """Return which free parameters are fitted as logarithms, and the bounds of all of them."""
    top = 10 * scales["top"]
    known = {"0.1 to 20": (0.1, 20), "any": (-top, top), "between 0 and 1": (0.01, 0.99)}
    known["0 to 1"] = 1e-9, 1 - 1e-9
    logs, ends = np.array([each.range in ("", "0.1 to 20") for each in free]), list[Any]()
    for each in free:
        middle = float(model.function(each.start, scales)())
        reach = _REACH_EXPONENT if each.unit in ("1", "1/V") else _REACH
        ends.append(known.get(each.range, (middle / reach, middle * reach)))
    low, high = np.array(ends, float).T
    low[logs], high[logs] = np.log(low[logs]), np.log(high[logs])
    return logs, low, high


def compared(compact: CompactModel, trace: Trace) -> CompactModel:
    """Return the model with a note on how far its current is off a sweep that was held out.

    Raises:
        InputError: the sweep has no times, or the model is not one that is fitted.
    """
    if not any(parameter.start for parameter in compact.model.parameters.values()):
        raise InputError(f"{compact.model.name} is not compared with sweeps; leave out --held-out")
    time, voltage, current, used = thin = _thinned(trace, compact.model)
    found = response(compact.model, compact.values, time, voltage)[0][used]
    error = _share(_off(compact.model, found, current[used]), [thin])[0]
    return replace(compact, notes=(*compact.notes, f"held out, {trace.setup.file}: {error}"))


def _off(model: CircuitModel, found: Floats, current: Floats) -> Floats:
    """Return ln(found/current); where currents change their sign, it stays finite near zero."""
    if model.resistive:
        return np.asarray(np.log(np.abs(found / current)))
    near = _NEAR_ZERO / 5 * np.abs(current).max()
    return np.asarray(np.arcsinh(found / near) - np.arcsinh(current / near))


def _share(off: Floats, thin: Sequence[tuple[Floats, Floats, Floats, Any]]) -> tuple[str, bool]:
    """Return the error of ln I in words, and whether it is small beside the range of the sweeps."""
    logs = np.concatenate([np.log(np.abs(current[used])) for _, _, current, used in thin])
    rms, span = float(np.sqrt(np.mean(off**2))), float(np.ptp(logs))
    words = f"the current is off by a factor {np.exp(rms):.3g} (rms), {rms / span:.1%}"
    return f"{words} of its {span / np.log(10):.1f} decades", rms <= _MISFIT * span


def _thinned(trace: Trace, model: CircuitModel) -> tuple[Floats, Floats, Floats, Any]:
    """Return times, voltages and currents of a sweep, and which points are compared.

    Of a resistive model, those at which the current has the sign of the voltage.
    """
    file = trace.setup.file
    if trace.time_s is None:
        text = "give a file with a column of times, or --sweep-rate"
        raise InputError(f"{file} has no times; {text}")
    if not (np.diff(trace.time_s) > 0).all():
        raise InputError(f"{file}: times do not rise; give one sweep in each file")
    kept = np.unique(np.linspace(0, len(trace.voltage_v) - 1, _POINTS).astype(int))
    time, v, i = (each[kept] for each in (trace.time_s, trace.voltage_v, trace.current_a))
    used = (np.abs(v) > _NEAR_ZERO * np.abs(v).max()) & (i * v > 0)
    if not model.resistive:
        used = np.abs(i) > _NEAR_ZERO * np.abs(i).max()
    if compliance(trace) is not None:
        used &= np.abs(i) < 0.99 * np.abs(i).max()
    return time, v, i, used


def _polarity(traces: Sequence[Trace], files: str) -> float:
    """Return the sign of the voltage that raises the current. Raises InputError if none does."""
    steps = [0.0]
    for loop in (each for trace in traces for each in loops(trace)):
        half = float(loop.sizes(loop.out)[0].max()) / 2
        out, back = (loop.current(part, half) for part in (loop.out, loop.back))
        if out and back:
            steps.append(float(np.log(back / out)) * (1 if loop.positive else -1))
    change = max(steps, key=abs)
    if abs(change) < np.log(_SWITCHES):
        text = f"{files} does not switch: both branches carry the same current at half the voltage"
        raise InputError(f"{text}; give a sweep that sets and resets")
    return float(np.sign(change))


def _scales(
    time: Floats, v: Floats, i: Floats, used: Any, share: float, pace: float
) -> dict[str, float]:
    """Return the names that starts of a fit use (models.toml)."""
    ohm, top = np.abs(v[used] / i[used]), float(np.abs(v).max())
    up, down = (max(float(np.max(sign * v)), 0.1 * top) for sign in (1, -1))
    scales = {"least": float(ohm.min()), "most": float(ohm.max()), "amps": float(np.abs(i).max())}
    rate = pace / float(np.ptp(time))
    return {**scales, "top": top, "up": up, "down": down, "share": share, "rate": rate}
