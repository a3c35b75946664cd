"""Times of a device: switching, relaxation, retention; voltages and energies that go with them.

As in ``hopping``, arguments are numbers or arrays that broadcast; one out of its range raises
InputError.
"""

from __future__ import annotations

import numpy as np

from pvkdb.errors import InputError
from pvkdb.kinetics.domains import BOLTZMANN_EV_PER_K, Array, Numbers, checked
from pvkdb.kinetics.hopping import (
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
)


def switching_time_s(
    barrier_ev: Numbers,
    thickness_m: Numbers,
    bias_v: Numbers,
    temperature_k: Numbers,
    attempt_frequency_hz: Numbers,
    jump_length_m: Numbers,
    equivalent_jumps: Numbers,
    dimensions: Numbers,
) -> Array:
    """Time for a singly charged ion to drift across the layer: t = L / |v(V / L)|, in s.

    The time scale of writing in Strukov and Williams, Appl. Phys. A 2009, 94, 515 (doi
    10.1007/s00339-008-4975-3). Infinite without bias.
    """
    thickness = checked("thickness_m", thickness_m)
    field = np.abs(checked("bias_v", bias_v)) / thickness
    walk = (attempt_frequency_hz, jump_length_m, equivalent_jumps, dimensions)
    velocity = drift_velocity_m_per_s(barrier_ev, field, temperature_k, *walk)
    with np.errstate(divide="ignore"):
        return np.asarray(thickness / velocity)


def switching_voltage_v(
    barrier_ev: Numbers,
    thickness_m: Numbers,
    switching_time_s: Numbers,
    temperature_k: Numbers,
    attempt_frequency_hz: Numbers,
    jump_length_m: Numbers,
    equivalent_jumps: Numbers,
    dimensions: Numbers,
) -> Array:
    """Voltage that moves an ion across the layer in a given time: inverts the switching time.

    V = L (2 k_B T / q a) arsinh(L a / 2 D t), in V, while the field leaves a barrier;
    infinite if the time is shorter than any voltage allows.
    """
    thickness = checked("thickness_m", thickness_m)
    time = checked("switching_time_s", switching_time_s)
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    length = checked("jump_length_m", jump_length_m)
    barrier = checked("barrier_ev", barrier_ev)
    wanted = thickness / time
    attempts = (
        checked("equivalent_jumps", equivalent_jumps)
        * length
        * checked("attempt_frequency_hz", attempt_frequency_hz)
        / (2 * checked("dimensions", dimensions))
    )
    # v = attempts · 2 exp(−E/kT) sinh(x), x = q a F / 2 k_B T; in logarithms nothing overflows.
    with np.errstate(divide="ignore", over="ignore"):
        log_sinh = np.log(wanted / (2 * attempts)) + barrier / thermal
        reduced = np.where(
            log_sinh > 20, log_sinh + np.log(2.0), np.arcsinh(np.exp(np.minimum(log_sinh, 20)))
        )
        # Beyond, the forward barrier is zero and only the backward jumps decrease further.
        tilted_away = -np.log1p(-np.minimum(wanted / attempts, 1.0)) / 2
        reduced = np.where(reduced * thermal <= barrier, reduced, tilted_away)
        reduced = np.where(wanted >= attempts, np.inf, reduced)
    return np.asarray(thickness * 2 * thermal / length * reduced)


def relaxation_time_s(
    barrier_ev: Numbers,
    thickness_m: Numbers,
    temperature_k: Numbers,
    attempt_frequency_hz: Numbers,
    jump_length_m: Numbers,
    equivalent_jumps: Numbers,
    dimensions: Numbers,
) -> Array:
    """Time in which ions diffuse back: τ = L² / (π² D), in s, the slowest mode between two walls.

    Crank, The Mathematics of Diffusion, 2nd ed. (Oxford, 1975), section 4.3: with blocking
    electrodes a profile decays as exp(−t/τ). Cohesion of a filament makes it longer.
    """
    walk = (attempt_frequency_hz, jump_length_m, equivalent_jumps, dimensions)
    coefficient = diffusion_coefficient_m2_per_s(barrier_ev, temperature_k, *walk)
    with np.errstate(divide="ignore"):
        return np.asarray(checked("thickness_m", thickness_m) ** 2 / (np.pi**2 * coefficient))


def retention_at_s(
    retention_s: Numbers, measured_at_k: Numbers, wanted_at_k: Numbers, activation_ev: Numbers
) -> Array:
    """Retention at another temperature: t₂ = t₁ exp[(E_A / k_B)(1/T₂ − 1/T₁)], in s.

    Arrhenius' law as JEDEC JEP122 uses it for data retention. Holds while one process with one
    activation energy limits the retention; a phase transition in between ends it.
    """
    inverse = 1 / checked("wanted_at_k", wanted_at_k) - 1 / checked("measured_at_k", measured_at_k)
    activation = checked("activation_ev", activation_ev)
    with np.errstate(over="ignore"):
        factor = np.exp(activation / BOLTZMANN_EV_PER_K * inverse)
    return np.asarray(checked("retention_s", retention_s) * factor)


def activation_energy_ev(
    retention_s: Numbers, measured_at_k: Numbers, other_retention_s: Numbers, wanted_at_k: Numbers
) -> Array:
    """The activation energy that two retentions at two temperatures imply, in eV.

    E_A = k_B ln(t₂/t₁) / (1/T₂ − 1/T₁), the inverse of :func:`retention_at_s`.

    Raises:
        InputError: the temperatures are equal, or the colder device has the shorter retention.
    """
    inverse = 1 / checked("wanted_at_k", wanted_at_k) - 1 / checked("measured_at_k", measured_at_k)
    if (inverse == 0).any():
        raise InputError("both retentions are at one temperature; give two temperatures")
    longer = np.log(
        checked("other_retention_s", other_retention_s) / checked("retention_s", retention_s)
    )
    energy = np.asarray(BOLTZMANN_EV_PER_K * longer / inverse)
    if (energy < 0).any():
        raise InputError(
            "the colder device forgets sooner, which no activation energy explains; check which "
            "retention belongs to which temperature"
        )
    return energy


def switching_energy_j(bias_v: Numbers, current_a: Numbers, duration_s: Numbers) -> Array:
    """Energy of a square pulse: E = |V I| t, in J.

    Review (Chem. Soc. Rev. 2026, 55, 2145), section 3.1.4: voltage times current, integrated over
    the switching time; here both are constant.
    """
    power = np.abs(checked("bias_v", bias_v) * checked("current_a", current_a))
    return np.asarray(power * checked("duration_s", duration_s))
