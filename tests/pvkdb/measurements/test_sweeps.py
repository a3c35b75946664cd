"""Metrics of sweeps, areas and single pulses on curves whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pvkdb.measurements.forms import AreaSeries, Setup, Trace
from pvkdb.measurements.metrics import Measured
from pvkdb.measurements.sweeps import (
    area_metrics,
    loops,
    power_exponent,
    sweep_metrics,
    transient_metrics,
)

UP = np.linspace(0, 2, 201)
BIPOLAR = np.concatenate([UP, UP[::-1][1:], -UP[1:], -UP[::-1][1:]])


def by_name(metrics: Sequence[Measured]) -> dict[str, Measured]:
    return {metric.name: metric for metric in metrics}


def switching(v_set: Sequence[float], v_reset: Sequence[float], limit: float = 1.0) -> Trace:
    """A bipolar device of 100 kohm and 1 kohm."""
    voltage, current, on = [], [], False
    for up, down in zip(v_set, v_reset, strict=True):
        for v in BIPOLAR:
            on = True if v >= up else False if v <= down else on
            voltage.append(v)
            current.append(np.clip(v / (1e3 if on else 1e5), -limit, limit))
    setup = Setup("a.csv", "a", read_voltage_v=0.2)
    return Trace(np.array(voltage), np.array(current), setup=setup)


def test_a_bipolar_sweep_has_two_loops_with_both_branches() -> None:
    trace = switching([1.0], [-1.0])
    found = loops(trace)
    assert [loop.positive for loop in found] == [True, False]
    assert all(loop.back.stop - loop.back.start == 201 for loop in found)


def test_loops_ignore_noise_of_the_voltage() -> None:
    trace = switching([1.0, 1.0], [-1.0, -1.0])
    noisy = trace.voltage_v + np.random.default_rng(1).normal(0, 0.003, len(trace.voltage_v))
    assert len(loops(Trace(noisy, trace.current_a))) == 4


@pytest.mark.parametrize("signs", [(1, 1, 1), (1, -1, 1)])
def test_sweeps_that_jump_back_have_one_branch_and_no_on_off(signs: tuple[int, ...]) -> None:
    voltage = np.concatenate([sign * UP for sign in signs])
    trace = Trace(voltage, voltage**3, setup=Setup(read_voltage_v=0.2))
    assert [loop.back for loop in loops(trace)] == [slice(0)] * 3
    on_off = by_name(sweep_metrics([trace]))["on_off"]
    assert on_off.value is None
    assert "no loop has both branches" in on_off.note


def test_thresholds_and_on_off_of_every_cycle() -> None:
    v_set = [1.0, 1.1, 1.2, 0.9, 1.0, 1.3, 1.1, 1.0]
    found = by_name(sweep_metrics([switching(v_set, [-1.0] * 8)]))
    assert found["v_set"].value == pytest.approx(np.median(v_set), abs=0.011)
    assert found["v_set"].cycles == 8
    assert found["v_set"].ends[0] < 1.06 < found["v_set"].ends[1]
    assert found["v_reset"].value == pytest.approx(-0.99, abs=0.011)
    states = [found[name].value for name in ("r_hrs", "r_lrs", "on_off")]
    assert states == pytest.approx([1e5, 1e3, 100])
    assert found["v_set_sigma"].value == pytest.approx(np.std(v_set, ddof=1), rel=0.1)
    assert "compliance" not in found


def test_a_large_first_set_is_kept_apart() -> None:
    found = by_name(sweep_metrics([switching([1.8, 1.0, 1.0, 1.1, 1.0], [-1.0] * 5)]))
    assert found["v_forming"].value == pytest.approx(1.795)
    assert "if the device was pristine" in found["v_forming"].note
    assert found["v_set"].cycles == 4


def test_devices_are_resampled_as_wholes_and_their_spread_is_told_from_that_of_cycles() -> None:
    middles, apart = [0.7, 0.85, 1.0, 1.15, 1.3], [-0.05, 0.0, 0.05, 0.0]
    traces = [switching([m + a for a in apart], [-1.0] * 4) for m in middles]
    named = [replace(t, setup=replace(t.setup, device=f"{n}")) for n, t in enumerate(traces)]
    found = by_name(sweep_metrics(named))
    assert (found["v_set"].cycles, found["v_set"].devices) == (4, 5)
    assert found["v_set_sigma_c2c"].value == pytest.approx(np.std(apart, ddof=1), abs=0.01)
    assert found["v_set_sigma_d2d"].value == pytest.approx(np.std(middles, ddof=1), rel=0.05)
    low, high = found["v_set"].ends or (1, 1)
    assert high - low > 0.4  # five devices: cycles resampled together would give 0.2
    assert by_name(sweep_metrics(named[:4]))["v_set"].ends is None


def test_one_cycle_of_each_device_shows_only_their_spread_together() -> None:
    traces = [switching([v], [-1.0]) for v in (0.9, 1.0, 1.1, 1.2, 0.8, 1.0)]
    named = [replace(t, setup=Setup(device=f"{n}")) for n, t in enumerate(traces)]
    found = by_name(sweep_metrics(named))
    assert (found["v_set"].cycles, found["v_set"].devices) == (1, 6)
    assert found["v_set"].ends is not None
    assert "v_set_sigma_c2c" not in found


def test_a_compliance_is_found_said_and_makes_the_ratio_a_bound() -> None:
    found = by_name(sweep_metrics([switching([1.0], [-1.0], limit=1e-4)]))
    assert found["compliance"].value == pytest.approx(1e-4)
    assert "not stated" in found["compliance"].note
    assert found["on_off"].bound == ">"


def test_a_gradual_curve_has_no_threshold() -> None:
    trace = Trace(BIPOLAR, 1e-6 * np.sinh(3 * BIPOLAR))
    found = by_name(sweep_metrics([trace]))
    assert found["v_set"].value is found["v_reset"].value is None
    assert "--v-read" in found["on_off"].note


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_exponent_of_a_power_law(power: float) -> None:
    metric = power_exponent(Trace(UP, UP**power), 0.1, 1.0)
    assert metric.value == pytest.approx(power)


@pytest.mark.parametrize("slope", [1.0, 0.0])
def test_area_scaling(slope: float) -> None:
    rng = np.random.default_rng(0)
    members = []
    for area in (1e-12, 1e-11, 1e-10):
        for _ in range(3):
            size = (area / 1e-12) ** slope * np.exp(rng.normal(0, 0.1)) * 1e-6
            current = size * BIPOLAR * np.where(np.arange(len(BIPOLAR)) > 200, 10, 1)
            members.append(Trace(BIPOLAR, current, setup=Setup(area_m2=area)))
    hrs, lrs = area_metrics(AreaSeries(tuple(members)), 0.3)
    for metric in (hrs, lrs):
        assert metric.value == pytest.approx(slope, abs=0.1)
        assert metric.devices == 9
    for metric in area_metrics(AreaSeries(tuple(members)), None):
        assert metric.value is None
        assert "--v-read" in metric.note


def pulse(samples: int, tau: float = 1e-7, noise: float = 0.0) -> Trace:
    """A read at 0.1 V after the pulse sees the conductance fall again, with 4e-7 s."""
    t = np.linspace(0, 5e-6, samples)
    v = np.where((t > 2e-7) & (t < 1.8e-6), 1.0, np.where(t > 1.8e-6, 0.1, 0.0))
    g = 1e-5 + 9e-4 * (1 - np.exp(-np.maximum(t - 5e-7, 0) / tau))
    g = np.where(t > 1.8e-6, 1e-5 + 9e-4 * np.exp(-(t - 1.8e-6) / 4e-7), g)
    return Trace(v, v * (g + np.random.default_rng(0).normal(0, noise, samples)), t)


@pytest.mark.parametrize("noise", [0.0, 2e-5])
def test_switching_and_relaxation_of_exponentials(noise: float) -> None:
    found = by_name(transient_metrics(pulse(2001, noise=noise)))
    # The integral of 1e-5 + 9e-4 (1 − exp(−t/τ)) from 10 to 90 % at 1 V.
    energy = 9.1e-4 * 1e-7 * np.log(9) - 9e-4 * 1e-7 * 0.8
    for name, value in (
        ("switching_time", 1e-7 * np.log(9)),
        ("switching_energy", energy),
        ("relaxation_time", 4e-7 * np.log(9)),
        ("decay_time", 4e-7),
    ):
        assert found[name].value == pytest.approx(value, rel=0.02 if noise == 0 else 0.2)
        ends = found[name].ends
        assert ends[0] * (1 - 1e-9) <= value <= ends[1] * (1 + 1e-9)


def test_a_sampling_that_is_too_slow_gives_a_bound() -> None:
    metric = by_name(transient_metrics(pulse(51)))["switching_time"]
    assert metric.bound == "<"
    assert (metric.value or 0) > 1e-7 * np.log(9)


def test_without_times_voltage_or_change_nothing_is_made_up() -> None:
    trace = pulse(400)
    assert all(m.value is None for m in transient_metrics(Trace(trace.voltage_v, trace.current_a)))
    flat = Trace(trace.voltage_v, trace.voltage_v * 1e-3, trace.time_s)
    assert all("does not change" in m.note for m in transient_metrics(flat))
    dead = Trace(trace.voltage_v * 0, trace.current_a, trace.time_s)
    assert all("voltage is 0" in m.note for m in transient_metrics(dead))
    unread = Trace(np.where(trace.voltage_v < 0.5, 0, 1), trace.current_a, trace.time_s)
    assert by_name(transient_metrics(unread))["relaxation_time"].value is None


def test_no_times_apart_and_no_sweep_give_no_number() -> None:
    v, g = np.repeat([1.0, 0.1], 20), np.repeat([1e-6, 1e-4, 1e-4, 1e-6], 10)
    found = transient_metrics(Trace(v, v * g, np.zeros(40)))
    assert {metric.value for metric in found} == {None}
    assert loops(Trace(np.array([1.0, 0.0, 1.0]), np.ones(3))) == []


def test_noise_at_the_end_of_a_pulse_is_no_later_crossing() -> None:
    """The last point of the pulse may lie below 90 %."""
    trace = pulse(200, noise=1.5e-4)
    assert len(transient_metrics(trace)) == 6
