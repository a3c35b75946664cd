"""Times: published extrapolations, inverses, limits, monotonicity."""

from __future__ import annotations

import re
from math import inf, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pvkdb.chemistry.units import KJ_PER_MOL
from pvkdb.errors import InputError
from pvkdb.kinetics.domains import ZERO_CELSIUS_K
from pvkdb.kinetics.times import (
    activation_energy_ev,
    relaxation_time_s,
    retention_at_s,
    switching_energy_j,
    switching_time_s,
    switching_voltage_v,
)

from .test_hopping import WALK

barriers = st.floats(0, 1.5)
temperatures = st.floats(200, 500)
thicknesses = st.floats(1e-9, 1e-5)
biases = st.floats(1e-3, 20)


@pytest.mark.parametrize(
    ("printed", "kj_per_mol", "ev", "digits"),
    [
        ("57.8 kJ mol⁻¹ (~0.6 eV)", 57.8, 0.6, 0.05),  # ref. 115
        ("66.9 kJ mol⁻¹ (0.69 eV)", 66.9, 0.69, 0.005),
        ("71.5 kJ mol⁻¹ (~0.74 eV)", 71.5, 0.74, 0.005),
        ("50.9 kJ mol⁻¹", 50.9, 0.528, 0.0005),  # ref. 112 prints kJ/mol alone
        ("60.8 kJ mol⁻¹", 60.8, 0.630, 0.0005),
    ],
)
def test_activation_energies_a_mole_are_those_an_ion(
    review: list[str], printed: str, kj_per_mol: float, ev: float, digits: float
) -> None:
    assert any(printed in line for line in review)
    assert float(KJ_PER_MOL) * kj_per_mol == pytest.approx(ev, abs=digits)


def test_an_accelerated_retention_test_as_published() -> None:
    """ABLIC's quality notes (after EIAJ ED-4701): with 0.5 eV a test at 125 °C counts 52 times as
    much as use at 40 °C, so that 1,000 hours stand for 5.9 years."""
    hot, warm = 125 + ZERO_CELSIUS_K, 40 + ZERO_CELSIUS_K
    factor = retention_at_s(1.0, hot, warm, 0.5)
    assert factor == pytest.approx(52, abs=0.5)
    assert factor * 1000 / (365.25 * 24) == pytest.approx(5.9, abs=0.1)


def test_the_retention_of_ref_331_at_room_temperature(review: list[str]) -> None:
    """10⁴ s at 85 °C, extrapolated to 25 °C with 0.58 eV (V_I in MAPbI3, Table 1): 4.4 × 10⁵ s.

    By hand: 1/298.15 − 1/358.15 = 5.619 × 10⁻⁴ /K; × 0.58 eV / k_B = 3.782; e^3.782 = 43.9.
    """
    assert any("retention of 10^4 s at 85 °C" in line for line in review)
    cold = retention_at_s(1e4, 85 + ZERO_CELSIUS_K, 25 + ZERO_CELSIUS_K, 0.58)
    assert cold == pytest.approx(4.39e5, rel=2e-3)
    back = activation_energy_ev(1e4, 85 + ZERO_CELSIUS_K, float(cold), 25 + ZERO_CELSIUS_K)
    assert back == pytest.approx(0.58)


@given(st.floats(1e-3, 1e9), temperatures, temperatures, st.floats(0, 2))
@settings(deadline=None)
def test_extrapolating_there_and_back_changes_nothing(
    retention: float, one: float, two: float, activation: float
) -> None:
    there = retention_at_s(retention, one, two, activation)
    assert retention_at_s(float(there), two, one, activation) == pytest.approx(retention, rel=1e-9)
    assert (there >= retention) == (two <= one or activation == 0 or there == retention)


@given(barriers, thicknesses, biases, temperatures)
@settings(deadline=None)
def test_the_switching_voltage_is_the_inverse_of_the_switching_time(
    barrier: float, thickness: float, bias: float, temperature: float
) -> None:
    time = float(switching_time_s(barrier, thickness, bias, temperature, **WALK))
    fastest = thickness * 6 / (8 * WALK["jump_length_m"] * 1e12)
    assume(time > fastest * (1 + 1e-6))  # beyond, more voltage gains nothing to invert
    voltage = switching_voltage_v(barrier, thickness, time, temperature, **WALK)
    assert voltage == pytest.approx(bias, rel=1e-5)


def test_a_time_that_no_voltage_reaches_takes_an_infinite_one() -> None:
    assert switching_voltage_v(0.3, 1e-7, 1e-12, 300.0, **WALK) == inf


def test_limits_of_the_switching_time() -> None:
    assert switching_time_s(0.3, 1e-7, 0.0, 300.0, **WALK) == inf  # no bias
    fastest = 1e-7 * 6 / (8 * WALK["jump_length_m"] * 1e12)  # no barrier, any field
    assert switching_time_s(0.0, 1e-7, 1e3, 300.0, **WALK) == pytest.approx(fastest)
    assert switching_time_s(0.3, 1e-7, -1.0, 300.0, **WALK) == switching_time_s(
        0.3, 1e-7, 1.0, 300.0, **WALK
    )


def test_a_low_bias_takes_as_long_as_ohmic_drift() -> None:
    """t = L² k_B T / (q D V), from which relaxation differs by the factor π² k_B T / (q V)."""
    bias = 1e-4
    drift = switching_time_s(0.4, 1e-7, bias, 300.0, **WALK)
    relaxation = relaxation_time_s(0.4, 1e-7, 300.0, **WALK)
    assert drift / relaxation == pytest.approx(np.pi**2 * 8.617333262e-5 * 300 / bias, rel=1e-6)


def test_the_relaxation_time_is_that_of_the_diffusion_equation() -> None:
    """An explicit integration of ∂c/∂t = D ∂²c/∂x² between walls decays by 1/e in τ."""
    thickness, cells = 1e-7, 64
    tau = float(relaxation_time_s(0.4, thickness, 300.0, **WALK))
    width = thickness / cells
    coefficient = thickness**2 / (np.pi**2 * tau)
    profile = np.cos(np.pi * (np.arange(cells) + 0.5) / cells)
    steps = 10_000
    weight = coefficient * (tau / steps) / width**2
    start = profile[0]
    for _ in range(steps):
        flux = np.diff(profile, prepend=profile[:1], append=profile[-1:])
        profile = profile + weight * np.diff(flux)
    assert profile[0] / start == pytest.approx(np.exp(-1), rel=1e-3)


@given(barriers, st.floats(0, 0.5), thicknesses, biases, temperatures)
@settings(deadline=None)
def test_a_higher_barrier_makes_longer_times_and_a_higher_voltage(
    barrier: float, more: float, thickness: float, bias: float, temperature: float
) -> None:
    rest = (temperature, *WALK.values())
    slack = 1 - 1e-12
    assert switching_time_s(barrier + more, thickness, bias, *rest) >= slack * switching_time_s(
        barrier, thickness, bias, *rest
    )
    assert relaxation_time_s(barrier + more, thickness, *rest) >= slack * relaxation_time_s(
        barrier, thickness, *rest
    )
    assert switching_voltage_v(barrier + more, thickness, 1e-3, *rest) >= (
        slack * switching_voltage_v(barrier, thickness, 1e-3, *rest)
    )


@given(barriers, thicknesses, biases, st.floats(1, 10), temperatures)
@settings(deadline=None)
def test_more_bias_is_faster_and_more_thickness_slower(
    barrier: float, thickness: float, bias: float, factor: float, temperature: float
) -> None:
    rest = (temperature, *WALK.values())
    time = switching_time_s(barrier, thickness, bias, *rest)
    assert switching_time_s(barrier, thickness, bias * factor, *rest) <= time * (1 + 1e-12)
    assert switching_time_s(barrier, thickness * factor, bias, *rest) >= time * (1 - 1e-12)


def test_energy_of_a_pulse() -> None:
    """1 V, 1 mA, 1 μs: 1 nJ, whatever the polarity."""
    assert switching_energy_j(1.0, 1e-3, 1e-6) == pytest.approx(1e-9)
    assert switching_energy_j(-1.0, 1e-3, 1e-6) == pytest.approx(1e-9)
    assert switching_energy_j(1.0, 1e-3, 0.0) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: retention_at_s(-1.0, 358.0, 298.0, 0.5), "retention retention_s = -1"),
        (lambda: retention_at_s(0.0, 358.0, 298.0, 0.5), "retention_s = 0 is out of range"),
        (lambda: retention_at_s(1.0, nan, 298.0, 0.5), "measured_at_k = nan"),
        (lambda: switching_energy_j(1.0, 1e-3, -1e-6), "duration duration_s = -1e-06"),
        (lambda: switching_time_s(0.3, 0.0, 1.0, 300.0, **WALK), "thickness_m = 0"),
        (lambda: switching_time_s(0.3, 1e-7, nan, 300.0, **WALK), "bias bias_v = nan"),
        (lambda: switching_voltage_v(0.3, 1e-7, -1.0, 300.0, **WALK), "switching_time_s = -1"),
        (lambda: activation_energy_ev(1.0, 300.0, 2.0, 300.0), "give two temperatures"),
        (lambda: activation_energy_ev(1.0, 300.0, 2.0, 350.0), "the colder device forgets sooner"),
    ],
)
def test_what_no_device_has_is_refused(call: object, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        call()  # type: ignore[operator]
