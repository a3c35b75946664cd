"""Currents, loops and transients beside the textbook, conservation, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import constants

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.simulation.drift_diffusion import RunConditions, follow, pulse, settled, sweep
from pvkdb.simulation.stack import Contact, MobileIon, Stack, StackLayer

#: An insulator of 200 nm, one carrier, contacts at its conduction band.
INSULATOR = StackLayer(200.0, 10.0, 4.0, 6.0, 1e19, 1e19, 1e-2, 1e-2)
#: The memristor of docs/simulation.md: vacancies, fixed charge, barriers of 0.5 eV.
VACANCY = MobileIon(1, 1e19, 1e-16, 0.58)
FILM = StackLayer(
    *(300.0, 24.1, 3.7, 5.4, 8.1e18, 5.8e18, 1.0, 1.0),
    ions=(VACANCY,),
    acceptors_per_cm3=1e19,
    recombination_cm3_per_s=1e-10,
)
MEMRISTOR = Stack((FILM,), Contact(4.2, 5.0), Contact(4.2, 5.0))
COARSE: RunConditions = {"points": 40, "tolerance": 5e-3}


def steady(stack: Stack, voltage_v: float) -> float:
    return float(settled(stack, voltage_v, **COARSE).current_a_per_m2[-1])


def test_a_doped_layer_is_a_resistor() -> None:
    """J = q n μ V/L, in both directions."""
    kt = constants.k * 298.15 / constants.e
    level = 4.0 + kt * np.log(1e19 / 1e17)
    doped = replace(INSULATOR, donors_per_cm3=1e17)
    stack = Stack((doped,), Contact(level), Contact(level))
    ohmic = constants.e * 1e23 * 1e-6 * 0.1 / 200e-9
    assert steady(stack, 0.1) == pytest.approx(ohmic, rel=1e-3)
    assert steady(stack, -0.1) == pytest.approx(-ohmic, rel=1e-3)


@pytest.mark.slow
def test_an_insulator_follows_mott_and_gurney() -> None:
    """J → 9/8 ε μ V²/L³ (Mott and Gurney 1940) as V grows: diffusion adds 7 % at 20 V."""
    stack = Stack((INSULATOR,), Contact(4.0), Contact(4.0))
    law = 9 / 8 * 10 * constants.epsilon_0 * 1e-6 / 200e-9**3
    over = [
        settled(stack, volts, points=160, tolerance=1e-2).current_a_per_m2[-1] / law / volts**2 - 1
        for volts in (10.0, 40.0)
    ]
    assert 0 < over[1] < over[0] / 2.5
    assert over[1] < 0.05


def test_a_blocked_layer_is_a_capacitor() -> None:
    """J = ε/L dV/dt where no carriers are: 10 ε₀/200 nm × 1 kV/s."""
    stack = Stack((INSULATOR,), Contact(5.0), Contact(5.0))
    found = sweep(stack, 1e3, (0.0, 0.1), **COARSE)
    expected = 10 * constants.epsilon_0 / 200e-9 * 1e3
    assert found.current_a_per_m2[-5:] == pytest.approx(expected, rel=1e-3)


def test_ions_screen_a_voltage_in_debye_lengths() -> None:
    """Gouy and Chapman: against a plane of low potential, ions decay as exp(−x/λ) from the bulk."""
    dilute = replace(VACANCY, density_per_cm3=1e18)
    layer = replace(FILM, ions=(dilute,), acceptors_per_cm3=1e18)
    stack = Stack((layer,), Contact(4.5), Contact(4.5))
    last = settled(stack, 0.01, points=80).last
    x, psi = 1e9 * stack.mesh(80)[0], last.values[0]
    middle = np.interp(150.0, x, psi)
    near = (x > 3) & (x < 20)
    slope = np.polyfit(x[near], np.log(np.abs(psi[near] - middle)), 1)[0]
    assert -1 / slope == pytest.approx(layer.debye_length_nm(298.15), rel=0.05)


@pytest.mark.slow
def test_a_mirrored_device_has_the_mirrored_current() -> None:
    stack = replace(MEMRISTOR, right=Contact(4.4, 5.0))
    mirrored = replace(stack, left=stack.right, right=stack.left)
    forward = sweep(stack, 1.0, (0.0, 0.5), **COARSE)
    backward = sweep(mirrored, 1.0, (0.0, -0.5), **COARSE)
    end = forward.current_a_per_m2[-1]
    assert backward.current_a_per_m2[-1] == pytest.approx(-end, rel=1e-6)


@pytest.mark.slow
def test_charge_and_ions_are_conserved() -> None:
    """To 1e-9, along a loop, pulses and the rest after them."""
    start = settled(MEMRISTOR, **COARSE)
    loop = sweep(MEMRISTOR, 1.0, (0.0, 1.0, 0.0), start=start.last, **COARSE)
    train = pulse(MEMRISTOR, 1.0, 0.1, 1.0, count=2, start=loop.last, **COARSE)
    for found in (loop, train):
        assert found.charge_loss < 1e-9
        assert found.ion_loss < 1e-9
    assert abs(start.current_a_per_m2[-1]) < 1e-9 * np.abs(loop.current_a_per_m2).max()


@pytest.mark.slow
def test_self_doping_opens_a_loop_between_slow_and_fast() -> None:
    """Vacancies at the injecting contact lower its barrier (review, section 3.2.2.1)."""
    start = settled(MEMRISTOR, **COARSE).last
    rates, loop = (1e-4, 1.0, 100.0), (0.0, 1.0, 0.0)
    found = [sweep(MEMRISTOR, rate, loop, start=start, **COARSE) for rate in rates]
    slow, middle, fast = (each.hysteresis_index for each in found)
    assert max(slow, fast) < 0.05
    assert middle > 0.2
    voltage, out, back = found[1].loop()
    half = np.searchsorted(voltage, 0.5)
    # On the way back the resistance is low: the loop sets.
    assert back[half] > 3 * out[half]
    assert found[0].current_a_per_m2.max() > 10 * found[2].current_a_per_m2.max()


@pytest.mark.slow
def test_a_pulse_sets_and_the_rest_forgets() -> None:
    """Reads to 0.5 V in 10 ms, too short for ions: before a pulse, after it, after a rest."""
    start = settled(MEMRISTOR, **COARSE).last
    currents = []
    for wait_s in (None, 1e-3, 20.0):
        if wait_s is not None:
            start = pulse(MEMRISTOR, 1.0, 0.3, wait_s, start=start, **COARSE).last
        read = sweep(MEMRISTOR, 50.0, (0.0, 0.5), start=start, **COARSE)
        currents.append(read.current_a_per_m2[-1])
    before, after, later = currents
    assert after > 2 * before
    assert before < later < after


def test_a_run_may_start_with_a_jump_of_the_voltage() -> None:
    """The capacitance takes its charge at once, and as much leaves at the end."""
    stack = Stack((INSULATOR,), Contact(5.0), Contact(5.0))
    start = settled(stack, **COARSE).last
    found = follow(stack, [0.0, 1.0, 1.1], [0.2, 0.2, 0.0], start=start, **COARSE)
    assert found.potential_v[1, -1] - found.potential_v[0, -1] == pytest.approx(0.2)
    assert found.potential_v[-1] == pytest.approx(found.potential_v[0], abs=1e-6)


@pytest.mark.slow
def test_the_current_heats() -> None:
    """In balance the device is R_th J V above its surroundings."""
    hot = replace(MEMRISTOR, thermal_resistance_k_m2_per_w=0.03, heat_capacity_j_per_k_m2=1e-3)
    found = sweep(hot, 1.0, (0.0, 1.0), **COARSE)
    power = found.current_a_per_m2[-1] * found.voltage_v[-1]
    assert found.temperature_k[-1] > 300
    assert found.temperature_k[-1] == pytest.approx(298.15 + 0.03 * power, abs=0.05)


def test_a_field_beyond_breakdown_is_refused() -> None:
    weak = replace(FILM, breakdown_v_per_m=1e6, breakdown_source="an assumed limit")
    with pytest.raises(InputError, match=r"layer 1 has .* \(an assumed limit\): give a lower"):
        sweep(replace(MEMRISTOR, layers=(weak,)), 1.0, (0.0, 1.0), **COARSE)


def test_what_does_not_converge_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    start = settled(MEMRISTOR, **COARSE).last
    monkeypatch.setattr("pvkdb.simulation.transport._MOST_NEWTON", 0)
    words = "nm from the left contact: give more"
    with pytest.raises(CalculationFailedError, match=words) as found:
        sweep(MEMRISTOR, 1.0, (0.0, 1.0), start=start, **COARSE)
    assert found.value.kind == FailureKind.SIMULATION_NOT_CONVERGED


def test_waveforms_that_cannot_be_are_refused() -> None:
    start = settled(MEMRISTOR, **COARSE)
    with pytest.raises(InputError, match="a rate above 0"):
        sweep(MEMRISTOR, 0.0)
    with pytest.raises(InputError, match="other voltages"):
        sweep(MEMRISTOR, 1.0, (0.0, 0.0))
    with pytest.raises(InputError, match="rising times"):
        follow(MEMRISTOR, [0.0, 0.0], [0.0, 1.0])
    with pytest.raises(InputError, match="another mesh"):
        sweep(MEMRISTOR, 1.0, start=start.last)
    with pytest.raises(InputError, match="no loop"):
        start.loop()
