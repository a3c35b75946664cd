"""One ion that hops over one barrier, in closed form: rate, diffusion, drift, times and voltage.

This is the exact limit of :mod:`pvkdb.simulation` for one vacancy on the X sites of a cubic ABX3,
whose hops all have one barrier (tested). Arguments are numbers or numpy arrays that broadcast;
:func:`checked` has their ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError

Array = npt.NDArray[np.float64]
Numbers = float | Array

#: Boltzmann's constant in eV/K: exact since the SI of 2019 (BIPM, SI brochure, 9th edition).
BOLTZMANN_EV_PER_K = 1.380649e-23 / 1.602176634e-19


class Domain(NamedTuple):
    """The meaning, unit and range of an argument, above ``minimum`` if that is ``open``."""

    meaning: str
    unit: str
    minimum: float = 0.0
    open: bool = False


#: Domains by argument name, the same in every function.
DOMAINS: Mapping[str, Domain] = {
    "barrier_ev": Domain("migration barrier", "eV"),
    "attempt_frequency_hz": Domain("attempt frequency", "Hz", open=True),
    "jump_length_m": Domain("jump length", "m", open=True),
    "equivalent_jumps": Domain("number of equivalent jumps", "1", open=True),
    "dimensions": Domain("dimensions of the walk", "1", open=True),
    "temperature_k": Domain("temperature", "K", open=True),
    "thickness_m": Domain("thickness", "m", open=True),
    "bias_v": Domain("bias", "V", -inf),
    "write_time_s": Domain("write time", "s", open=True),
    "vacancy_formation_ev": Domain("formation energy", "eV", -inf),
}


def checked(name: str, value: Numbers) -> Array:
    """Return a value or an array of values as float64.

    Raises:
        InputError: a value is not a number, or outside the domain of the argument.
    """
    domain, numbers = DOMAINS[name], np.asarray(value, dtype=float)
    low = numbers <= domain.minimum if domain.open else numbers < domain.minimum
    if (wrong := np.isnan(numbers) | low).any():
        start = f"above {domain.minimum:g}" if domain.open else f"from {domain.minimum:g} on"
        give = f"{domain.unit}, {start}" if domain.minimum > -inf else f"a number in {domain.unit}"
        raise InputError(
            f"{domain.meaning} {name} = {numbers[wrong].flat[0]:g} is out of range; give {give}"
        )
    return numbers


def hop_rate_hz(
    barrier_ev: Numbers, temperature_k: Numbers, attempt_frequency_hz: Numbers
) -> Array:
    """Hops per second over one barrier: Γ = ν exp(−E_A / k_B T), in Hz; never above ν.

    Vineyard, J. Phys. Chem. Solids 1957, 3, 121 (doi 10.1016/0022-3697(57)90059-8).
    """
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    frequency = checked("attempt_frequency_hz", attempt_frequency_hz)
    return np.asarray(frequency * np.exp(-checked("barrier_ev", barrier_ev) / thermal))


def vacancy_fraction(vacancy_formation_ev: Numbers, temperature_k: Numbers) -> Array:
    """Vacant share of the sites in equilibrium: x = 1 / (1 + exp(E_f / k_B T)), between 0 and 1.

    Sites that are vacant or not, independent of each other; without the vibrational entropy. For
    E_f ≫ k_B T it is Boltzmann's exp(−E_f / k_B T), with which Walsh et al., Angew. Chem. Int. Ed.
    2015, 54, 1791 (doi 10.1002/anie.201409740) find 0.4 % of vacancies in MAPbI3 (0.14 eV each).
    """
    with np.errstate(over="ignore"):
        odds = np.exp(np.asarray(vacancy_formation_ev) / (BOLTZMANN_EV_PER_K * temperature_k))
    return np.asarray(1 / (1 + odds))


def diffusion_coefficient_m2_per_s(
    barrier_ev: Numbers,
    temperature_k: Numbers,
    attempt_frequency_hz: Numbers,
    jump_length_m: Numbers,
    equivalent_jumps: Numbers,
    dimensions: Numbers,
) -> Array:
    """Diffusion coefficient of the defect: D = z a² Γ / (2 d), in m²/s.

    A random walk with z equivalent jumps of length a at the rate Γ each, in d dimensions; Einstein,
    Ann. Phys. 1905, 322, 549 (doi 10.1002/andp.19053220806). For a halide vacancy in a cubic
    perovskite z = 8 and a is the octahedron's edge.
    """
    rate = hop_rate_hz(barrier_ev, temperature_k, attempt_frequency_hz)
    return np.asarray(equivalent_jumps * np.square(jump_length_m) * rate / (2 * dimensions))


def drift_velocity_m_per_s(bias_v: Numbers, thickness_m: Numbers, **walk: Numbers) -> Array:
    """Drift of one elementary charge under a bias: v = (2 D / s) sinh(q s F / 2 k_B T), in m/s.

    Mott and Gurney, Electronic Processes in Ionic Crystals (Oxford, 1940); for memristors Strukov
    and Williams, Appl. Phys. A 2009, 94, 515 (doi 10.1007/s00339-008-4975-3). F = V / L, and
    s = a/√2 is the way along the field of the hops that the field moves, for a field along a cubic
    axis. No barrier is lowered below zero; backward over forward is exp(−q s F / k_B T).
    """
    step, thermal = _step_and_thermal(walk)
    tilt = np.abs(bias_v) / thickness_m * step / 2
    gained = np.minimum(tilt, walk["barrier_ev"]) / thermal
    with np.errstate(invalid="ignore"):  # an infinite barrier has no rate
        net = -np.exp(gained) * np.expm1(-2 * tilt / thermal)
        return np.asarray(diffusion_coefficient_m2_per_s(**walk) / step * net)


def switching_time_s(bias_v: Numbers, thickness_m: Numbers, **walk: Numbers) -> Array:
    """Time for an ion to drift across the layer: t = L / v, in s; infinite without bias.

    The time scale of writing in Strukov and Williams 2009 (doi 10.1007/s00339-008-4975-3).
    """
    with np.errstate(divide="ignore"):
        return np.asarray(thickness_m / drift_velocity_m_per_s(bias_v, thickness_m, **walk))


def switching_voltage_v(write_time_s: Numbers, thickness_m: Numbers, **walk: Numbers) -> Array:
    """Voltage that moves an ion across the layer in a time, in V: inverts the switching time.

    V = L (2 k_B T / q s) arsinh(L s / 2 D t), while the field leaves a barrier; infinite if the
    time is shorter than any voltage allows.
    """
    (step, thermal), barrier = _step_and_thermal(walk), np.asarray(walk["barrier_ev"])
    fastest = diffusion_coefficient_m2_per_s(**{**walk, "barrier_ev": 0.0}) / step
    wanted = np.asarray(thickness_m / write_time_s / fastest)
    with np.errstate(divide="ignore", over="ignore"):
        # In logarithms nothing overflows; beyond e^20, arsinh x = ln 2x.
        sinh = np.log(wanted / 2) + barrier / thermal
        reduced = np.where(sinh > 20, sinh + np.log(2), np.arcsinh(np.exp(np.minimum(sinh, 20))))
        # Beyond, the forward barrier is zero and only the backward jumps decrease further.
        tilted_away = np.where(wanted < 1, -np.log1p(-np.minimum(wanted, 1.0)) / 2, inf)
    reduced = np.where(reduced * thermal <= barrier, reduced, tilted_away)
    return np.asarray(thickness_m * 2 * thermal / step * reduced)


def relaxation_time_s(thickness_m: Numbers, **walk: Numbers) -> Array:
    """Time in which ions diffuse back: τ = L² / (π² D), in s, the slowest mode between two walls.

    Crank, The Mathematics of Diffusion, 2nd ed. (Oxford, 1975), section 4.3: with blocking
    electrodes a profile decays as exp(−t/τ). Cohesion of a filament makes it longer.
    """
    with np.errstate(divide="ignore"):
        spread = np.pi**2 * diffusion_coefficient_m2_per_s(**walk)
        return np.asarray(np.square(thickness_m) / spread)


def _step_and_thermal(walk: Mapping[str, Numbers]) -> tuple[Array, Array]:
    """Return the way of a hop along the field, m, and the thermal energy, eV."""
    thermal = BOLTZMANN_EV_PER_K * np.asarray(walk["temperature_k"])
    return np.asarray(walk["jump_length_m"] / np.sqrt(2)), thermal
