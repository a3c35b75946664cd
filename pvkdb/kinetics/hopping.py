"""Hopping of ions: rates, vacancies, diffusion, drift in a field.

Arguments are numbers or numpy arrays that broadcast; results have the broadcast shape, that of a
number for numbers. Every function raises InputError with argument, value and range if an argument
is not a number or out of its range (``domains``).
"""

from __future__ import annotations

import numpy as np

from pvkdb.kinetics.domains import BOLTZMANN_EV_PER_K, Array, Numbers, checked


def hop_rate_hz(
    barrier_ev: Numbers, temperature_k: Numbers, attempt_frequency_hz: Numbers
) -> Array:
    """Hops per second over one barrier: Γ = ν exp(−E_A / k_B T), in Hz; never above ν.

    Vineyard, J. Phys. Chem. Solids 1957, 3, 121 (doi 10.1016/0022-3697(57)90059-8).
    """
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    rate: Array = checked("attempt_frequency_hz", attempt_frequency_hz) * np.exp(
        -checked("barrier_ev", barrier_ev) / thermal
    )
    return rate


def vacancy_fraction(formation_energy_ev: Numbers, temperature_k: Numbers) -> Array:
    """Vacant share of the sites in equilibrium: x = 1 / (1 + exp(E_f / k_B T)), between 0 and 1.

    Sites that are vacant or not, independent of each other; without the vibrational entropy. For
    E_f ≫ k_B T it is Boltzmann's exp(−E_f / k_B T), with which Walsh et al., Angew. Chem. Int. Ed.
    2015, 54, 1791 (doi 10.1002/anie.201409740) find 0.4 % of vacancies in MAPbI3 (0.14 eV each).
    """
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    energy = np.asarray(checked("formation_energy_ev", formation_energy_ev) / thermal)
    # Only the exponential that does not overflow.
    small = np.exp(-np.abs(energy))
    fraction: Array = np.where(energy > 0, small / (1 + small), 1 / (1 + small))
    return fraction


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
    length = checked("jump_length_m", jump_length_m)
    jumps = checked("equivalent_jumps", equivalent_jumps)
    return np.asarray(jumps * length**2 * rate / (2 * checked("dimensions", dimensions)))


def ion_diffusion_coefficient_m2_per_s(
    diffusion_coefficient: Numbers, vacancy_fraction: Numbers
) -> Array:
    """Diffusion coefficient of the ions that move by vacancies: D_ion = x D_vacancy, in m²/s.

    An ion moves only into a vacancy beside it. The correlation factor of tracer diffusion, below
    1, is left out.
    """
    return np.asarray(diffusion_coefficient * checked("vacancy_fraction", vacancy_fraction))


def mobility_m2_per_v_s(
    diffusion_coefficient: Numbers, temperature_k: Numbers, charge_number: Numbers = 1.0
) -> Array:
    """Mobility at low fields: μ = q D / k_B T, in m²/(V s), with the sign of the charge.

    Einstein 1905, doi 10.1002/andp.19053220806.
    """
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    charge = checked("charge_number", charge_number)
    return np.asarray(charge * diffusion_coefficient / thermal)


def drift_velocity_m_per_s(
    barrier_ev: Numbers,
    field_v_per_m: Numbers,
    temperature_k: Numbers,
    attempt_frequency_hz: Numbers,
    jump_length_m: Numbers,
    equivalent_jumps: Numbers,
    dimensions: Numbers,
    charge_number: Numbers = 1.0,
) -> Array:
    """Drift in a field: v = (2 D / a) sinh(q a F / 2 k_B T), in m/s, along the force.

    Mott and Gurney, Electronic Processes in Ionic Crystals (Oxford, 1940); for memristors Strukov
    and Williams, Appl. Phys. A 2009, 94, 515 (doi 10.1007/s00339-008-4975-3). A field lowers the
    barrier of a forward jump by q a F / 2 and raises that of a backward jump as much. The lowered
    barrier stops at zero, since no ion hops faster than it attempts; the backward one is then
    q a F, the difference of the two sites, as detailed balance requires. At low fields v = μ F.

    The whole jump is taken to lie along the field, which makes the acceleration an upper bound; F
    is the mean field, without what a filament's tip or other ions add to it.
    """
    barrier = checked("barrier_ev", barrier_ev)
    thermal = BOLTZMANN_EV_PER_K * checked("temperature_k", temperature_k)
    length = checked("jump_length_m", jump_length_m)
    frequency = checked("attempt_frequency_hz", attempt_frequency_hz)
    force = checked("charge_number", charge_number) * checked("field_v_per_m", field_v_per_m)
    tilt = np.abs(force) * length / 2
    lowered = np.maximum(barrier - tilt, 0.0)
    forward = frequency * np.exp(-lowered / thermal)
    # Backward over forward is exp(−q a F / k_B T) by detailed balance; expm1 keeps small fields.
    net = -forward * np.expm1(-2 * tilt / thermal)
    jumps, walk = checked("equivalent_jumps", equivalent_jumps), checked("dimensions", dimensions)
    return np.asarray(np.sign(force) * jumps * length * net / (2 * walk))
