"""One ion over one barrier: published numbers, limits, inverses, the hops of a crystal."""

from __future__ import annotations

import re
from itertools import product
from math import inf, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.kinetics.hopping import (
    BOLTZMANN_EV_PER_K,
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
    hop_rate_hz,
    relaxation_time_s,
    switching_time_s,
    switching_voltage_v,
    vacancy_fraction,
)
from pvkdb.simulation import dilute
from pvkdb.simulation.network import HopNetwork, Hopping

#: Attempt frequency, jump length, jumps and dimensions of an iodide vacancy in cubic MAPbI3.
WALK = {
    "attempt_frequency_hz": 1e12,
    "jump_length_m": DEFAULTS["jump_length_m"].value.minimum or 0.0,
    "equivalent_jumps": 8.0,
    "dimensions": 3.0,
}
barriers, temperatures = st.floats(0, 1.5), st.floats(200, 500)
thicknesses, biases = st.floats(1e-9, 1e-5), st.floats(1e-3, 20)


def walk(barrier: float, temperature: float = 300.0) -> dict[str, float]:
    return {**WALK, "barrier_ev": barrier, "temperature_k": temperature}


def test_boltzmann_constant_is_the_si_one() -> None:
    """8.617333262 × 10⁻⁵ eV/K (CODATA 2018)."""
    assert pytest.approx(8.617333262e-5, rel=1e-9) == BOLTZMANN_EV_PER_K


def test_iodide_vacancies_of_mapbi3_diffuse_as_published() -> None:
    """Eames et al., Nat. Commun. 2015, 6, 7497 (doi 10.1038/ncomms8497): 10⁻¹² cm²/s at 320 K for
    the barrier of 0.58 eV that they compute; an order of magnitude."""
    coefficient = diffusion_coefficient_m2_per_s(**walk(0.58, 320.0))
    assert coefficient * 1e4 == pytest.approx(1e-12, rel=1.0)
    # The same by hand: 8/6 · (4.475 Å)² · 10¹² Hz · exp(−0.58 eV / 27.576 meV).
    assert coefficient == pytest.approx(1.96e-16, rel=5e-3)


def test_vacancies_of_mapbi3_in_equilibrium_as_published() -> None:
    """Walsh et al. 2015 (doi 10.1002/anie.201409740): 0.14 eV a defect make 0.4 % at 300 K."""
    assert vacancy_fraction(0.14, 300.0) == pytest.approx(0.004, abs=5e-4)
    assert vacancy_fraction(0.0, 300.0) == 0.5
    rare = np.exp(-2.0 / (BOLTZMANN_EV_PER_K * 300))
    assert vacancy_fraction(2.0, 300.0) == pytest.approx(rare, rel=1e-12)
    # Sites fill up: a negative energy of formation has no more than all of them.
    assert vacancy_fraction(np.array([-50.0, 50.0]), 300.0) == pytest.approx([1, 0], abs=1e-300)


def test_limits_of_the_rate() -> None:
    assert hop_rate_hz(0.0, 300.0, 1e12) == 1e12  # no barrier: every attempt succeeds
    assert hop_rate_hz(0.5, inf, 1e12) == 1e12  # so does it at infinite temperature
    assert hop_rate_hz(inf, 300.0, 1e12) == 0
    # 1 eV / k_B at 11604.518 K: one e-fold (CODATA 2018).
    assert hop_rate_hz(1.0, 11604.518, 1.0) == pytest.approx(np.exp(-1), rel=1e-7)
    rates = hop_rate_hz(np.array([[0.1], [0.2]]), np.array([250.0, 300.0, 350.0]), 1e12)
    assert rates[1, 2] == hop_rate_hz(0.2, 350.0, 1e12)


#: The X sites of a cubic ABX3: eight hops from each, along the edges of octahedra.
AXES = np.eye(3, dtype=int)
HALIDES = HopNetwork(
    6.3285 * AXES,
    AXES / 2,
    [0.0] * 3,
    [
        ((one, other, tuple((AXES[one] * up - AXES[other] * down).tolist())), 0.3, 0)
        for one, other in ((0, 1), (0, 2), (1, 2))
        for up, down in product((0, 1), repeat=2)
    ],
)


@pytest.mark.parametrize("field", [1e6, 1e8, 1e9, 4e9])
def test_it_is_the_exact_limit_of_the_hops_of_the_crystal(field: float) -> None:
    """Also where the field takes the barrier away: half of qsF is 0.63 eV at 4 × 10⁹ V/m."""
    hopping = Hopping(HALIDES, 300.0, 1e12)
    tensor = dilute.diffusion(hopping).tensor_m2_per_s
    own = diffusion_coefficient_m2_per_s(**walk(0.3))
    assert tensor == pytest.approx(float(own) * np.eye(3), rel=1e-9, abs=1e-30)
    pushed = Hopping(HALIDES, 300.0, 1e12, (field, 0.0, 0.0))
    speed = drift_velocity_m_per_s(field * 1e-7, 1e-7, **walk(0.3))
    assert dilute.drift_velocity_m_per_s(pushed)[0] == pytest.approx(float(speed), rel=1e-9)


@given(barriers, temperatures)
@settings(deadline=None)
def test_a_small_field_drifts_by_the_einstein_relation(barrier: float, temperature: float) -> None:
    """v = (q D / k_B T) F to first order; then relaxation takes q V / π² k_B T times as long."""
    bias, thickness = 1e-10, 1e-7
    thermal = BOLTZMANN_EV_PER_K * temperature
    arguments = walk(barrier, temperature)
    mobility = diffusion_coefficient_m2_per_s(**arguments) / thermal
    velocity = drift_velocity_m_per_s(bias, thickness, **arguments)
    assert velocity == pytest.approx(float(mobility) * bias / thickness, rel=1e-9)
    time = switching_time_s(bias, thickness, **arguments)
    ratio = time / relaxation_time_s(thickness, **arguments)
    assert ratio == pytest.approx(np.pi**2 * thermal / bias, rel=1e-6)


@given(barriers, thicknesses, biases, temperatures)
@settings(deadline=None)
def test_the_switching_voltage_is_the_inverse_of_the_switching_time(
    barrier: float, thickness: float, bias: float, temperature: float
) -> None:
    arguments = walk(barrier, temperature)
    time = float(switching_time_s(bias, thickness, **arguments))
    fastest = thickness * 6 / (8 * WALK["jump_length_m"] * 2**0.5 * 1e12)
    assume(time > fastest * (1 + 1e-6))  # beyond, more voltage gains nothing to invert
    assert switching_voltage_v(time, thickness, **arguments) == pytest.approx(bias, rel=1e-5)


def test_limits_of_times_and_voltages() -> None:
    assert switching_time_s(0.0, 1e-7, **walk(0.3)) == inf  # no bias
    fastest = 1e-7 * 6 / (8 * WALK["jump_length_m"] * 2**0.5 * 1e12)  # no barrier, any field
    assert switching_time_s(1e3, 1e-7, **walk(0.0)) == pytest.approx(fastest)
    assert switching_time_s(-1.0, 1e-7, **walk(0.3)) == switching_time_s(1.0, 1e-7, **walk(0.3))
    assert switching_voltage_v(1e-13, 1e-7, **walk(0.3)) == inf  # no voltage is fast enough
    # A wave between walls decays as exp(−t/τ): an explicit integration.
    tau, cells, steps = float(relaxation_time_s(1e-7, **walk(0.4))), 64, 10_000
    weight = cells**2 / (np.pi**2 * steps)
    profile = np.cos(np.pi * (np.arange(cells) + 0.5) / cells)
    start = profile[0]
    for _ in range(steps):
        flux = np.diff(profile, prepend=profile[:1], append=profile[-1:])
        profile = profile + weight * np.diff(flux)
    assert profile[0] / start == pytest.approx(np.exp(-1), rel=1e-3)
    assert tau * diffusion_coefficient_m2_per_s(**walk(0.4)) == pytest.approx(1e-14 / np.pi**2)


@given(barriers, st.floats(0, 0.5), thicknesses, biases, st.floats(1, 10), temperatures)
@settings(deadline=None)
def test_a_higher_barrier_or_a_lower_bias_is_never_faster(
    barrier: float, more: float, thickness: float, bias: float, factor: float, temperature: float
) -> None:
    low, high = walk(barrier, temperature), walk(barrier + more, temperature)
    slack = 1 - 1e-12
    time = switching_time_s(bias, thickness, **low)
    assert switching_time_s(bias, thickness, **high) >= slack * time
    assert switching_time_s(bias * factor, thickness, **low) <= time / slack
    assert switching_time_s(bias, thickness * factor, **low) >= slack * time
    assert relaxation_time_s(thickness, **high) >= slack * relaxation_time_s(thickness, **low)
    voltages = [switching_voltage_v(1e-3, thickness, **each) for each in (low, high)]
    assert voltages[1] >= slack * voltages[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (-0.1, 300.0, 1e12),
            "migration barrier barrier_ev = -0.1 is out of range; give eV, from 0 on",
        ),
        ((nan, 300.0, 1e12), "barrier_ev = nan is out of range"),
        ((0.1, 0.0, 1e12), "temperature temperature_k = 0 is out of range; give K, above 0"),
        ((0.1, 300.0, 0.0), "attempt frequency attempt_frequency_hz = 0 is out of range"),
        ((np.array([0.1, -0.3]), 300.0, 1e12), "barrier_ev = -0.3 is out of range"),
    ],
)
def test_what_no_ion_has_is_refused(arguments: tuple[float, ...], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        hop_rate_hz(*arguments)
