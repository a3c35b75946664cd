"""Currents of one layer between two electrodes: loops, a pulse, and a compact model of a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

import numpy as np

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Setup, Trace
from pvkdb.schemas.calculations.simulations import IonMotion, SimulatedCurve
from pvkdb.simulation.drift_diffusion import DeviceRun, pulse, sweep
from pvkdb.simulation.fitting import compared, fit
from pvkdb.simulation.ngspice import tried
from pvkdb.simulation.stack import Contact, MobileIon, Stack, StackLayer

#: Scan rates of the loops, times the largest voltage over the ions' own time.
_RATES = (0.01, 0.1, 1.0, 10.0, 100.0)
#: Width of the pulse and of the rest after it, in times of the ions.
_PULSE = 20.0
#: Compact models in the order in which they are tried, and the area of the netlist.
_MODELS, _AREA_M2 = ("vteam", "yakopcic", "threshold", "ionic"), 1e-12
#: Share of the points of a loop beyond which its current often flows against the voltage.
_AGAINST = 0.1
#: Most points of a curve, and frames and places of the motion, that are kept.
_POINTS, _FRAMES, _PLACES = 200, 80, 60
#: Smallest shift of the mean place of the vacancies that counts, in thicknesses.
_SHIFT = 1e-6


class SimulatedDevice(NamedTuple):
    """A device with the largest voltage, and the time in which its vacancies screen a voltage."""

    stack: Stack
    bias_v: float
    ionic_s: float

    def rates_v_per_s(self) -> tuple[float, ...]:
        """Return scan rates around the one at which a loop takes the time of the ions."""
        return tuple(factor * self.bias_v / self.ionic_s for factor in _RATES)

    def loop(self, rate_v_per_s: float) -> DeviceRun:
        """Return a loop to the largest voltage, to its negative, and back."""
        return sweep(self.stack, rate_v_per_s, (0.0, self.bias_v, 0.0, -self.bias_v, 0.0))

    def pulsed(self) -> DeviceRun:
        """Return a pulse of the largest voltage and the rest after it."""
        return pulse(self.stack, self.bias_v, _PULSE * self.ionic_s, _PULSE * self.ionic_s)


def device_of(
    values: Mapping[str, float], diffusion_m2_per_s: float, sites_per_cm3: float, charge: float
) -> SimulatedDevice:
    """Return the device of values of the inputs, neutral by fixed charges.

    The time of the ions is L λ/D, with the Debye length λ, but at most L²/D.

    Raises:
        InputError: a value is out of range.
    """
    density = values["vacancies"] * sites_per_cm3
    known: dict[str, Any] = {
        name: values[name] for name in StackLayer.__dataclass_fields__ if name in values
    }
    layer = StackLayer(
        **known,
        ions=(MobileIon(round(charge), density, diffusion_m2_per_s),),
        acceptors_per_cm3=max(charge * density, 0.0),
        donors_per_cm3=max(-charge * density, 0.0),
        breakdown_source="given",
    )
    bottom, top = (Contact(values[f"{name}_work_function_ev"]) for name in ("bottom", "top"))
    temperature, length = values["temperature_k"], values["thickness_nm"]
    debye = min(layer.debye_length_nm(temperature), length)
    ionic_s = length * debye * 1e-18 / diffusion_m2_per_s
    return SimulatedDevice(Stack((layer,), bottom, top, temperature), values["bias_v"], ionic_s)


def figures(loop: DeviceRun, pulsed: DeviceRun) -> tuple[float, ...]:
    """Return current at the largest voltage, hysteresis, ratio of branches, and times of a pulse.

    The hysteresis is the area between both branches over their box, the ratio is at half of the
    voltage, both at positive voltage. The times are those in which the mean place of the vacancies
    moves half of its way in a pulse, and returns half of it afterwards; infinite where it does not.
    """
    top = int(loop.voltage_v.argmax())
    zero = top + int(np.abs(loop.voltage_v[top:]).argmin())
    grid = np.linspace(0.0, loop.voltage_v[top], 201)
    out, back = (
        np.interp(grid, loop.voltage_v[way], loop.current_a_per_m2[way])
        for way in (np.arange(top + 1), np.arange(zero, top - 1, -1))
    )
    box = np.ptp(np.concatenate([out, back])) * grid[-1]
    hysteresis = float(np.trapezoid(np.abs(out - back), grid) / box)
    low, high = sorted((abs(out[100]), abs(back[100])))
    ratio = float(high / low) if low else inf
    ions, x, time = pulsed.densities_per_cm3[2], pulsed.position_nm, pulsed.time_s
    place = np.array(np.trapezoid(ions * x, x, axis=1) / np.trapezoid(ions, x, axis=1))
    end = int(np.flatnonzero(pulsed.voltage_v == pulsed.voltage_v.max())[-1])
    way, moved, lost = place[end] - place[0], inf, inf
    if abs(way) >= _SHIFT * x[-1]:
        moved = float(time[np.argmax((place - place[0]) / way >= 0.5)] - time[0])
        returned = np.flatnonzero((place[end] - place[end:]) / way >= 0.5)
        lost = float(time[end + returned[0]] - time[end]) if len(returned) else inf
    return abs(float(out[-1])), hysteresis, ratio, moved, lost


def curve(found: DeviceRun, rate_v_per_s: float | None) -> SimulatedCurve:
    """Return voltage and current over time with at most 200 points."""
    kept = np.unique(np.linspace(0, len(found.time_s) - 1, _POINTS).astype(int))
    names = ("time_s", "voltage_v", "current_a_per_m2")
    columns = {name: getattr(found, name)[kept].tolist() for name in names}
    return SimulatedCurve(rate_v_per_s=rate_v_per_s, **columns)


def motion(found: DeviceRun) -> IonMotion:
    """Return the density of the vacancies at times that are even in the voltage's way."""
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(found.voltage_v)))])
    frames = np.searchsorted(way, np.linspace(0, way[-1], _FRAMES)).clip(max=len(way) - 1)
    places = np.unique(np.linspace(0, len(found.position_nm) - 1, _PLACES).astype(int))
    # Four digits are enough for a picture, and a fifth of the text.
    rows = [
        [float(f"{each:.3e}") for each in found.densities_per_cm3[2][k][places]] for k in frames
    ]
    return IonMotion(
        position_nm=found.position_nm[places].tolist(),
        time_s=found.time_s[frames].tolist(),
        voltage_v=found.voltage_v[frames].tolist(),
        vacancies_per_cm3=rows,
    )


def compact(loops: Sequence[SimulatedCurve]) -> tuple[dict[str, Any] | None, str, list[str]]:
    """Return the first compact model that fits a loop, its netlist, and what fits the first not.

    Loops are tried in their order, the models on each; how far the model is off the first other
    loops is in its notes. Where the current often flows against the voltage, as no memristor's
    does, the model of the ions comes first.
    """
    notes, traces = [], []
    for loop in loops:
        numbers = (loop.voltage_v, loop.current_a_per_m2, loop.time_s)
        voltage, current, times = (np.array(each) for each in numbers)
        setup = Setup(file=f"loop at {loop.rate_v_per_s:.3g} V/s")
        traces.append(Trace(voltage, current * _AREA_M2, times, setup=setup))
    for trace in traces:
        against = np.mean(trace.voltage_v * trace.current_a < 0) > _AGAINST
        for name in sorted(_MODELS, key=lambda each: (each == "ionic") != against):
            try:
                found = tried(fit(name, [trace], {}))
            except InputError as error:
                if trace is traces[0]:
                    notes.append(f"Compact model: {str(error).partition('; try')[0]}.")
                continue
            for other in [each for each in traces[:3] if each is not trace]:
                found = compared(found, other)
            return found.document(), found.spice(), notes
    return None, "", notes
