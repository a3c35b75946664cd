"""Hopping: published numbers, limits, units, conservation of the low-field limit."""

from __future__ import annotations

import re
from math import inf, nan, sinh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.kinetics.domains import BOLTZMANN_EV_PER_K
from pvkdb.kinetics.hopping import (
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
    hop_rate_hz,
    ion_diffusion_coefficient_m2_per_s,
    mobility_m2_per_v_s,
    vacancy_fraction,
)

#: Attempt frequency, jump length, jumps and dimensions of an iodide vacancy in cubic MAPbI3.
WALK = {
    "attempt_frequency_hz": 1e12,
    "jump_length_m": DEFAULTS["jump_length_m"].value.minimum or 0.0,
    "equivalent_jumps": 8.0,
    "dimensions": 3.0,
}
barriers = st.floats(0, 2)
temperatures = st.floats(100, 1000)
fields = st.floats(-1e9, 1e9)


def test_boltzmann_constant_is_the_si_one() -> None:
    """8.617333262 × 10⁻⁵ eV/K (CODATA 2018)."""
    assert pytest.approx(8.617333262e-5, rel=1e-9) == BOLTZMANN_EV_PER_K


def test_iodide_vacancies_of_mapbi3_diffuse_as_published() -> None:
    """Eames et al., Nat. Commun. 2015, 6, 7497 (doi 10.1038/ncomms8497): 10⁻¹² cm²/s at 320 K for
    the barrier of 0.58 eV that they compute; an order of magnitude."""
    coefficient = diffusion_coefficient_m2_per_s(0.58, 320.0, **WALK)
    assert coefficient * 1e4 == pytest.approx(1e-12, rel=1.0)
    # The same by hand: 8/6 · (4.475 Å)² · 10¹² Hz · exp(−0.58 eV / 27.576 meV).
    assert coefficient == pytest.approx(1.96e-16, rel=5e-3)


def test_vacancies_of_mapbi3_in_equilibrium_as_published() -> None:
    """Walsh et al. 2015 (doi 10.1002/anie.201409740): 0.14 eV a defect make 0.4 % at 300 K."""
    assert vacancy_fraction(0.14, 300.0) == pytest.approx(0.004, abs=5e-4)


def test_limits_of_the_rate() -> None:
    assert hop_rate_hz(0.0, 300.0, 1e12) == 1e12  # no barrier: every attempt succeeds
    assert hop_rate_hz(0.5, inf, 1e12) == 1e12  # so does it at infinite temperature
    assert hop_rate_hz(inf, 300.0, 1e12) == 0
    # 1 eV / k_B at 11604.518 K: one e-fold (CODATA 2018).
    assert hop_rate_hz(1.0, 11604.518, 1.0) == pytest.approx(np.exp(-1), rel=1e-7)


def test_limits_of_the_vacancies() -> None:
    assert vacancy_fraction(0.0, 300.0) == 0.5
    assert vacancy_fraction(1.0, inf) == 0.5
    assert vacancy_fraction(2.0, 300.0) == pytest.approx(
        np.exp(-2.0 / (BOLTZMANN_EV_PER_K * 300)), rel=1e-12
    )
    # Sites fill up: a negative energy of formation has no more than all of them.
    assert vacancy_fraction(-50.0, 300.0) == pytest.approx(1)
    assert vacancy_fraction(50.0, 300.0) == pytest.approx(0, abs=1e-300)


@given(barriers, temperatures)
@settings(deadline=None)
def test_without_field_nothing_drifts(barrier: float, temperature: float) -> None:
    assert drift_velocity_m_per_s(barrier, 0.0, temperature, **WALK) == 0


@given(barriers, temperatures)
@settings(deadline=None)
def test_a_small_field_drifts_by_the_einstein_relation(barrier: float, temperature: float) -> None:
    """v = (q D / k_B T) F to first order; the next term is (qaF/2kT)²/6."""
    field = 1e-6
    mobility = mobility_m2_per_v_s(
        diffusion_coefficient_m2_per_s(barrier, temperature, **WALK), temperature
    )
    velocity = drift_velocity_m_per_s(barrier, field, temperature, **WALK)
    assert velocity == pytest.approx(float(mobility) * field, rel=1e-9)


def test_a_strong_field_accelerates_by_the_hyperbolic_sine() -> None:
    """v = (2D/a) sinh(q a F / 2 k_B T) while the barrier stands."""
    coefficient, length = diffusion_coefficient_m2_per_s(0.5, 300.0, **WALK), WALK["jump_length_m"]
    for field in (1e6, 1e7, 1e8, 1e9):
        expected = 2 * coefficient / length * sinh(length * field / (2 * BOLTZMANN_EV_PER_K * 300))
        found = drift_velocity_m_per_s(0.5, field, 300.0, **WALK)
        assert found == pytest.approx(float(expected), rel=1e-10)


@given(barriers, fields, temperatures, st.integers(-2, 2))
@settings(deadline=None)
def test_drift_is_odd_in_field_and_charge_and_never_outruns_the_attempts(
    barrier: float, field: float, temperature: float, charge: int
) -> None:
    velocity = drift_velocity_m_per_s(barrier, field, temperature, **WALK, charge_number=charge)
    assert velocity == -drift_velocity_m_per_s(
        barrier, -field, temperature, **WALK, charge_number=charge
    )
    assert velocity == -drift_velocity_m_per_s(
        barrier, field, temperature, **WALK, charge_number=-charge
    )
    most = 8 * WALK["jump_length_m"] * 1e12 / 6
    assert abs(velocity) <= most * (1 + 1e-12)


def test_a_tilted_away_barrier_hides_no_jump_in_speed() -> None:
    """Where qaF/2 reaches E_A the speed goes on continuously."""
    vanishing = 2 * 0.3 / WALK["jump_length_m"]
    below, above = (
        drift_velocity_m_per_s(0.3, factor * vanishing, 300.0, **WALK)
        for factor in (1 - 1e-9, 1 + 1e-9)
    )
    assert below == pytest.approx(float(above), rel=1e-6)


@given(barriers, st.floats(0, 0.5), temperatures, st.floats(0, 1e9))
@settings(deadline=None)
def test_a_higher_barrier_is_never_faster(
    barrier: float, more: float, temperature: float, field: float
) -> None:
    low, high = barrier, barrier + more
    for function, rest in (
        (hop_rate_hz, (temperature, 1e12)),
        (diffusion_coefficient_m2_per_s, (temperature, *WALK.values())),
        (drift_velocity_m_per_s, (field, temperature, *WALK.values())),
    ):
        assert function(high, *rest) <= function(low, *rest) * (1 + 1e-12)  # type: ignore[operator]


@given(st.floats(-0.5, 2), st.floats(0, 1), temperatures)
@settings(deadline=None)
def test_a_costlier_vacancy_is_never_more_frequent(
    energy: float, more: float, temperature: float
) -> None:
    cheap, costly = (
        vacancy_fraction(energy, temperature),
        vacancy_fraction(energy + more, temperature),
    )
    assert 0 <= costly <= cheap <= 1


def test_ions_move_only_where_there_are_vacancies() -> None:
    assert ion_diffusion_coefficient_m2_per_s(2e-16, 0.0) == 0
    assert ion_diffusion_coefficient_m2_per_s(2e-16, 0.004) == pytest.approx(8e-19)


def test_arrays_broadcast() -> None:
    rates = hop_rate_hz(np.array([[0.1], [0.2]]), np.array([250.0, 300.0, 350.0]), 1e12)
    assert rates.shape == (2, 3)
    assert rates[1, 2] == hop_rate_hz(0.2, 350.0, 1e12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (-0.1, 300.0, 1e12),
            "migration barrier barrier_ev = -0.1 is out of range; give eV, from 0",
        ),
        ((nan, 300.0, 1e12), "barrier_ev = nan is out of range"),
        ((0.1, 0.0, 1e12), "temperature temperature_k = 0 is out of range; give K, above 0"),
        ((0.1, -5.0, 1e12), "temperature_k = -5 is out of range"),
        ((0.1, 300.0, 0.0), "attempt frequency attempt_frequency_hz = 0 is out of range"),
        ((np.array([0.1, -0.3]), 300.0, 1e12), "barrier_ev = -0.3 is out of range"),
    ],
)
def test_what_no_ion_has_is_refused(arguments: tuple[float, ...], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        hop_rate_hz(*arguments)
