"""From barriers to a device: hopping, currents, a compact model, and what leaves them uncertain.

Every input has an interval. One after the other is set to both its ends while the others keep their
values; the squares of the changes of log10 of an output are the shares of its variance (inputs
independent, to first order).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, isfinite, log10, nan, pi, sqrt

import numpy as np

from pvkdb.display.numbers import number
from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.kinetics.estimates import beyond_reason
from pvkdb.schemas.calculations.simulations import (
    SimulatedQuantity,
    SimulationRequest,
    SimulationResult,
)
from pvkdb.simulation.devices.currents import (
    SimulatedDevice,
    compact,
    curve,
    device_of,
    figures,
    motion,
)
from pvkdb.simulation.devices.inputs import CURRENTS, IONS, remedy
from pvkdb.simulation.dilute import diffusion, drift_velocity_m_per_s
from pvkdb.simulation.kmc import FEWEST_DEFECTS, MOST_SITES, Layer, gap_times
from pvkdb.simulation.network import Hopping, network_of

#: Called with the stage and the share of all that is done.
OnStage = Callable[[str, float], None]
#: Outputs of one set of inputs: low, middle and high value over its runs.
Outputs = dict[str, tuple[float, float, float]]

_EXACT, _KMC, _DRIFT = "one vacancy, exactly", "kinetic Monte Carlo", "drift-diffusion"
_DIFFUSION, _RUNS = "D of a vacancy across the layer", "spread of the runs"
_GAP = ("time to fill the gap", "time to lose it")
#: Unit and step of each output.
OUTPUTS = {
    _DIFFUSION: ("m2/s", _EXACT),
    "drift velocity at the largest voltage": ("m/s", _EXACT),
    "time to cross the layer": ("s", _EXACT),
    "relaxation time": ("s", _EXACT),
    **dict.fromkeys(_GAP, ("s", _KMC)),
    "current density at the largest voltage": ("A/m2", _DRIFT),
    "hysteresis of the loop": ("1", _DRIFT),
    "ratio of the branches at half the voltage": ("1", _DRIFT),
    "time to move the vacancies in a pulse": ("s", _DRIFT),
    "time in which they return": ("s", _DRIFT),
}
_CURRENTS = tuple(name for name, (_, step) in OUTPUTS.items() if step == _DRIFT)
_NOTES = (
    "Intervals and shares: one input after the other at both ends of its interval, the others at "
    "their values; inputs are taken to be independent.",
    "Currents: dark, isothermal, without traps and recombination; fixed charges make the layer "
    "neutral; electrodes block vacancies; the motion of vacancies adds its displacement current.",
)


def simulate_device(
    request: SimulationRequest, on_stage: OnStage = lambda stage, share: None
) -> SimulationResult:
    """Return what a device does, with the share of each input in what is uncertain.

    Raises:
        InputError: barriers cannot be rebuilt, or a number is out of range.
        CalculationFailedError: the currents do not converge.
    """
    begun, chain = time.process_time(), _Chain(request)
    nominal = {each.name: each.value for each in request.inputs}
    on_stage("values of the inputs", 0.0)
    base, drawn = chain.outputs(nominal), dict[str, object]()
    if (device := chain.device) is not None:
        loops = {rate: device.loop(rate) for rate in chain.rates}
        shown = {rate: curve(loop, rate) for rate, loop in loops.items()}
        drawn = {"loops": list(shown.values()), "pulse": curve(device.pulsed(), None)}
        drawn["motion"] = motion(loops[chain.rate])
        on_stage("compact model", 0.1)
        nearest = sorted(shown, key=lambda rate: abs(log10(rate / chain.rate)))
        drawn["compact"], drawn["netlist"], words = compact([shown[rate] for rate in nearest])
        chain.notes += words
    loose = [each for each in request.inputs if each.low < each.high]
    moved: dict[str, list[Outputs]] = {}
    for place, each in enumerate(loose):
        on_stage(f"interval of {each.name}", 0.4 + 0.6 * place / len(loose))
        ends = sorted({each.low, each.high} - {each.value})
        moved[each.name] = [chain.outputs({**nominal, each.name: end}) for end in ends]
    quantities = [
        _quantity(name, each, {key: [run[name][1] for run in runs] for key, runs in moved.items()})
        for name, each in base.items()
    ]
    return SimulationResult(
        **{name: getattr(request, name) for name in ("formula", "phase", "stack")},
        defect=request.barriers.defect,
        inputs=list(request.inputs),
        quantities=quantities,
        **drawn,
        notes=chain.notes,
        cpu_seconds=time.process_time() - begun,
    )


class _Chain:
    """The steps of a request; the first values are those of its device and of the scan rates."""

    def __init__(self, request: SimulationRequest) -> None:
        self.request, self.network = request, network_of(request.barriers)
        self.index = "abc".index(request.axis)
        across = self.network.across_m[self.index]
        self.normal = across / np.linalg.norm(across)
        self.device: SimulatedDevice | None = None
        self.rates = tuple(sorted(request.scan_rates_v_per_s))
        self.notes, given = [*_NOTES], {each.name for each in request.inputs}
        if lacking := [remedy(name) for name in CURRENTS if name not in given]:
            self.notes[1:] = [f"No currents; for them give {'; '.join(lacking)}."]
        self.with_currents = not lacking
        self._hopped: dict[tuple[float, ...], Outputs] = {}

    @property
    def rate(self) -> float:
        """The scan rate of all outputs: it belongs to the measurement, not to the device."""
        return self.rates[len(self.rates) // 2]

    def outputs(self, values: Mapping[str, float]) -> Outputs:
        """Return all outputs for values of the inputs."""
        key = tuple(values.get(name, 0.0) for name in IONS)
        if key not in self._hopped:
            self._hopped[key] = self._hopping(values)
        found = dict(self._hopped[key])
        if self.with_currents:
            found |= {name: (each,) * 3 for name, each in self._currents(values, found)}
        return found

    def _currents(self, values: Mapping[str, float], hopped: Outputs) -> list[tuple[str, float]]:
        network, numbers = self.network, (nan,) * len(_CURRENTS)
        density = len(network.positions) / abs(float(np.linalg.det(network.cell_ang))) * 1e24
        try:
            device = device_of(values, hopped[_DIFFUSION][1], density, network.charge_number)
            self.rates = self.rates or device.rates_v_per_s()
            numbers = figures(device.loop(self.rate), device.pulsed())
            self.device = self.device or device
        except (CalculationFailedError, InputError) as error:
            if self.device is None:
                raise
            self._note(f"Not simulated at an end of an interval: {error}.")
        return list(zip(_CURRENTS, numbers, strict=True))

    def _hopping(self, values: Mapping[str, float]) -> Outputs:
        network = self.network.raised(values["e_a_ev"] - self.request.barriers.e_a_ev)
        hopping = Hopping(network, values["temperature_k"], values["attempt_frequency_hz"])
        thickness, bias = values["thickness_nm"] * 1e-9, values["bias_v"]
        coefficient = diffusion(hopping).along(self.normal).coefficient_m2_per_s
        if not coefficient:
            axis = self.request.axis
            raise InputError(f"vacancies cannot cross the layer along {axis}; give another --axis")
        pushed = replace(hopping, field_v_per_m=bias / thickness * self.normal)
        speed = abs(float(drift_velocity_m_per_s(pushed) @ self.normal))
        single = (coefficient, speed, thickness / speed, (thickness / pi) ** 2 / coefficient)
        found: Outputs = {name: (each,) * 3 for name, each in zip(OUTPUTS, single, strict=False)}
        if "gap_nm" not in values:
            return found
        times, share = np.full((2, 1), inf), values["vacancies"]
        if share * MOST_SITES < FEWEST_DEFECTS:
            self._note(
                f"A gap is not simulated with {number(share)} of the sites vacant: "
                f"{FEWEST_DEFECTS} vacancies need over {MOST_SITES:,} sites."
            )
        else:
            layer = Layer(self.index, thickness, values["gap_nm"] * 1e-9, bias, share)
            times = gap_times(hopping, layer, self.request.seeds)
        for name, runs in zip(_GAP, times, strict=True):
            low, middle, high = np.quantile(runs, (0.05, 0.5, 0.95), method="inverted_cdf")
            found[name] = (float(low), float(middle), float(high))
        return found

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _quantity(
    name: str, base: tuple[float, float, float], moved: Mapping[str, list[float]]
) -> SimulatedQuantity:
    """Return an output with its interval, and the share of each input in its variance."""
    unit, source = OUTPUTS[name]
    value, known = base[1], {"name": name, "unit": unit, "source": source}
    if not 0 < value < inf:
        return SimulatedQuantity(value=None, missing="it did not happen", **known)
    squares, down, up = dict[str, float](), 0.0, 0.0
    for key, ends in {**moved, _RUNS: [base[0], base[2]]}.items():
        if not all(isfinite(end) and end > 0 for end in ends):
            reason = f"it did not happen over the whole interval of {key}"
            return SimulatedQuantity(value=value, missing=reason, **known)
        changes = [0.0, *(log10(end / value) for end in ends)]
        down, up = down + min(changes) ** 2, up + max(changes) ** 2
        squares[key] = (max(changes) - min(changes)) ** 2
    least, most = value * 10 ** -sqrt(down), value * 10 ** sqrt(up)
    total, ordered = sum(squares.values()), sorted(squares.items(), key=lambda pair: -pair[1])
    missing = beyond_reason(name, least, most, unit)
    return SimulatedQuantity(
        value=value,
        minimum=None if missing else least,
        maximum=None if missing else most,
        decades=sqrt(down) + sqrt(up),
        shares={key: square / total for key, square in ordered if square > 0},
        missing=missing,
        **known,
    )
