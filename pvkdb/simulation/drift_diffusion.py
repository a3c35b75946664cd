"""Currents, loops and transients of a stack in which electrons, holes and ions drift and diffuse.

``transport`` has the equations. Steps in time are the backward differentiation formula of second
order with variable steps; the error of each is kept below the tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict, Unpack

import numpy as np
from scipy.interpolate import PchipInterpolator

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.kinetics.hopping import Array
from pvkdb.schemas.calculations import FailureKind
from pvkdb.simulation.stack import Stack
from pvkdb.simulation.transport import FLOOR, Equations, State

__all__ = ["DeviceRun", "RunConditions", "follow", "pulse", "settled", "sweep"]

_Past = list[tuple[float, State]]
#: First step of a straight piece of a waveform, and the shortest step, as shares of it.
_FIRST, _SHORTEST = 1e-5, 1e-13
#: Most that a step may heat, K.
_MOST_HEATING_K = 2.0


class RunConditions(TypedDict, total=False):
    """Share of the light, state to start from (else settled), nodes of a layer, error of a step.

    ``start`` is ``last`` of another run. The error is of potentials in kT/q, of densities relative.
    """

    light: float
    start: State
    points: int
    tolerance: float


@dataclass(frozen=True)
class DeviceRun:
    """What a device did: one row a time step, one column a node.

    ``current_a_per_m2`` flows from the right contact through the device to the left one,
    displacement included. ``densities_per_cm3`` are those of electrons, holes and ions.
    ``charge_loss`` is by how much the charge that passed differs between planes of the device,
    over what moved; ``ion_loss`` the largest relative change of the number of ions.
    """

    time_s: Array
    voltage_v: Array
    current_a_per_m2: Array
    temperature_k: Array
    peak_field_v_per_m: Array
    position_nm: Array
    potential_v: Array
    densities_per_cm3: Array
    charge_loss: float
    ion_loss: float
    last: State

    def loop(self, points: int = 201) -> tuple[Array, Array, Array]:
        """Return voltages, and the currents on the way to the extreme voltage and back.

        Raises:
            InputError: the voltage does not go out and back.
        """
        turn = int(np.abs(self.voltage_v - self.voltage_v[0]).argmax())
        ends = self.voltage_v[0], self.voltage_v[turn]
        if not turn or self.voltage_v[-1] != ends[0]:
            raise InputError(f"no loop from {ends[0]:g} V to {ends[1]:g} V and back")
        grid, ways = np.linspace(min(ends), max(ends), points), []
        for part in (slice(turn + 1), slice(turn, None)):
            voltage, index = np.unique(self.voltage_v[part], return_index=True)
            ways.append(PchipInterpolator(voltage, self.current_a_per_m2[part][index])(grid))
        return grid, ways[0], ways[1]

    @property
    def hysteresis_index(self) -> float:
        """Area between both ways over that of their box, as pySIMsalabim 1.4 defines it."""
        voltage, *ways = self.loop()
        area = np.trapezoid(np.abs(ways[0] - ways[1]), voltage)
        return float(area / np.ptp(ways) / np.ptp(voltage))


def sweep(
    stack: Stack,
    rate_v_per_s: float,
    turns_v: Sequence[float] = (0.0, 1.0, 0.0),
    **conditions: Unpack[RunConditions],
) -> DeviceRun:
    """Return the run of a voltage through ``turns_v`` at a constant rate.

    Raises what :func:`follow` raises.
    """
    times = np.cumsum([0.0, *(np.abs(np.diff(turns_v)) / (rate_v_per_s or np.inf))])
    return follow(stack, times, turns_v, **conditions)


def pulse(
    stack: Stack,
    voltage_v: float,
    width_s: float,
    rest_s: float,
    count: int = 1,
    read_v: float = 0.0,
    **conditions: Unpack[RunConditions],
) -> DeviceRun:
    """Return the run of pulses, and of the rest at ``read_v`` after each.

    An edge takes 1 % of the shorter of both times. Raises what :func:`follow` raises.
    """
    edge = min(width_s, rest_s) / 100
    times = np.cumsum([0.0, *[edge, width_s, edge, rest_s] * count])
    volts = [read_v, *[voltage_v, voltage_v, read_v, read_v] * count]
    return follow(stack, times, volts, **conditions)


def settled(stack: Stack, voltage_v: float = 0.0, **conditions: Unpack[RunConditions]) -> DeviceRun:
    """Return the way into the steady state at a voltage, ions included; its ``last`` is that state.

    The device waits ten times the slowest ionic time, L²/D. Raises what :func:`follow` raises.
    """
    slowest = 1e-3
    for layer in stack.layers:
        for spread in (ion.diffusion_at(stack.temperature_k) for ion in layer.ions):
            slowest = max(slowest, (layer.thickness_nm * 1e-9) ** 2 / spread if spread else 0.0)
    equations = Equations(stack, conditions.get("points", 60), stack.temperature_k)
    conditions.setdefault("start", equations.equilibrium())
    times = [0.0, 1e-6, 10 * slowest]
    return follow(stack, times, [0.0, voltage_v, voltage_v], **conditions)


def follow(
    stack: Stack,
    time_s: Sequence[float] | Array,
    voltage_v: Sequence[float] | Array,
    **conditions: Unpack[RunConditions],
) -> DeviceRun:
    """Return what the device does while the voltage goes straight from one point to the next.

    Raises:
        InputError: times do not rise, or a layer's field is above its breakdown.
        CalculationFailedError: Newton's method does not converge, with place and remedy.
    """
    times, volts = np.asarray(time_s, float), np.asarray(voltage_v, float)
    if len(times) != len(volts) or len(times) < 2 or not (np.diff(times) > 0).all():
        raise InputError(
            "give rising times, as many as voltages; a rate above 0 and other voltages"
        )
    start = conditions.get("start") or settled(stack, float(volts[0]), **conditions).last
    equations = Equations(stack, conditions.get("points", 60), start.temperature_k)
    if start.values.shape != equations.shape:
        raise InputError("start is of another mesh or other ions: give the same stack and points")
    light, tolerance = conditions.get("light", 0.0), conditions.get("tolerance", 1e-3)
    return _march(equations, times, volts, light, tolerance, start)


def _march(
    equations: Equations, times: Array, volts: Array, light: float, tolerance: float, start: State
) -> DeviceRun:
    """Return the states from ``start`` along a waveform; see :func:`follow`."""
    rows = [(float(times[0]), float(volts[0]), 0.0, start)]
    stack, state, passed, lost = equations.stack, start, 1e-300, 0.0
    for (begin, end), (low, high) in zip(pairwise(times), pairwise(volts), strict=True):
        now, span = float(begin), _FIRST * (end - begin)
        past: _Past = [(now, state)]
        while now < end:
            span = (end - now) / np.ceil((end - now) / span - 1e-9)
            then = end if now + span > end - _SHORTEST * (end - begin) else now + span
            voltage = float(low + (high - low) * (then - begin) / (end - begin))
            guess, share = _predicted(past, then)
            base, factor = _base(past, then)
            found = equations.solve(guess, base, factor, voltage, light)
            error = share * _distance(guess, found[0], equations.kt) if found else np.inf
            ratio = (error / tolerance) ** (1 / len(past))
            # A first voltage other than that of the start is a jump, which no step resolves.
            jump = len(past) == 1 and span < 1e-3 * _FIRST * (end - begin)
            if found is None or (ratio > 1.2 and not jump):
                span *= max(0.2, 0.9 / ratio)
                if span < _SHORTEST * (end - begin) or now + span <= now:
                    field = np.abs(np.diff(state.values[0]) / equations.h)
                    where = equations.x[field.argmax()] * 1e9
                    raise CalculationFailedError(
                        FailureKind.SIMULATION_NOT_CONVERGED,
                        f"no step converges after {now:.3g} s at {voltage:.3g} V; the field is "
                        f"largest, {field.max():.3g} V/m, {where:.3g} nm from the left contact: "
                        "give more points, a slower edge, or a lower voltage",
                    )
                continue
            state, charges, displacement = found
            current, step = charges + displacement, float(then - now)
            passed += step * float(np.abs(charges).max() + np.abs(displacement).max())
            lost += step * float(np.ptp(current))
            _check_field(equations, state, then, voltage)
            if stack.thermal_resistance_k_m2_per_w:
                rate = step / stack.heat_capacity_j_per_k_m2
                loss = rate / stack.thermal_resistance_k_m2_per_w
                power = -float(np.average(charges, weights=equations.h)) * voltage
                warm = state.temperature_k + rate * power + loss * stack.temperature_k
                warm /= 1 + loss
                ratio = max(ratio, abs(warm - state.temperature_k) / _MOST_HEATING_K)
                equations.at(warm)
                state = state._replace(temperature_k=warm)
            mean = float(np.average(current, weights=equations.h))
            rows.append((float(then), voltage, -mean, state))
            now, past = float(then), [(float(then), state), *past][:3]
            span = step * min(2.0, max(0.3, 0.9 / max(ratio, 1e-3)))
    moments, voltages, currents, states = zip(*rows, strict=True)
    values = np.array([each.values for each in states]).swapaxes(0, 1)
    totals = values[4:] @ equations.volume
    return DeviceRun(
        time_s=np.array(moments),
        voltage_v=np.array(voltages),
        current_a_per_m2=np.array((currents[1], *currents[1:])),
        temperature_k=np.array([each.temperature_k for each in states]),
        peak_field_v_per_m=np.abs(np.diff(values[0]) / equations.h).max(axis=1),
        position_nm=equations.x * 1e9,
        potential_v=values[0],
        densities_per_cm3=1e-6 * values[2:],
        charge_loss=lost / passed,
        ion_loss=float(np.abs(totals / np.maximum(totals[:, :1], 1e-99) - 1).max(initial=0.0)),
        last=states[-1],
    )


def _predicted(past: _Past, then: float) -> tuple[State, float]:
    """Return the state extrapolated from those before, and the share of its error in a step."""
    times = np.array([time for time, _ in past])
    others = [np.delete(times, number) for number in range(len(times))]
    weights = [
        np.prod((then - other) / (time - other)) for time, other in zip(times, others, strict=True)
    ]
    last = past[0][1]
    values = np.tensordot(weights, [state.values for _, state in past], 1)
    logs = np.log([state.densities + FLOOR for _, state in past])
    change = np.clip(np.tensordot(weights, logs, 1) - logs[0], -2, 2)
    values[2:] = np.maximum(np.exp(logs[0] + change) - FLOOR, 0.0)
    _, factor = _base(past, then)
    share = factor / (then - times[2] + factor) if len(past) == 3 else 0.5
    return last._replace(values=values), share


def _base(past: _Past, then: float) -> tuple[State, float]:
    """Return what the formula of second order (the first step: Euler's) takes from past states."""
    (time, state), step = past[0], then - past[0][0]
    if len(past) == 1:
        return state, step
    ratio = step / (time - past[1][0])
    mixed = ((1 + ratio) ** 2 * state.values - ratio**2 * past[1][1].values) / (1 + 2 * ratio)
    return state._replace(values=mixed), step * (1 + ratio) / (1 + 2 * ratio)


def _distance(one: State, other: State, kt: float) -> float:
    """Return the largest difference: potentials in kT/q, densities relative, where they count."""
    floor = FLOOR + 1e-6 * other.densities.max(axis=1, keepdims=True)
    densities = np.abs(one.densities - other.densities) / (other.densities + floor)
    return float(max(densities.max(), np.abs(one.values[0] - other.values[0]).max() / kt))


def _check_field(equations: Equations, state: State, time: float, volts: float) -> None:
    for number, layer in enumerate(equations.stack.layers):
        ends = state.values[0][equations.layer == number][[0, -1]]
        field = abs(float(np.diff(ends)[0])) / (layer.thickness_nm * 1e-9)
        if field > layer.breakdown_v_per_m:
            raise InputError(
                f"layer {number + 1} has {field:.3g} V/m at {volts:.3g} V after {time:.3g} s, more "
                f"than its breakdown at {layer.breakdown_v_per_m:.3g} V/m "
                f"({layer.breakdown_source}): give a lower voltage or a thicker layer"
            )
