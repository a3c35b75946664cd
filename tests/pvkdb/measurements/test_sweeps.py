"""Metrics of sweeps, areas and single pulses on curves whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pvkdb.measurements.forms import AreaSeries, Setup, Trace
from pvkdb.measurements.metrics import Measured
from pvkdb.measurements.sweeps import (
    area_metrics,
    loops,
    power_exponent,
    pulse_metrics,
    sweep_metrics,
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
    return Trace(
        np.array(voltage), np.array(current), setup=Setup("a.csv", "a", read_voltage_v=0.2)
    )


def test_a_bipolar_sweep_has_two_loops_with_both_branches() -> None:
    trace = switching([1.0], [-1.0])
    found = loops(trace)
    assert [loop.positive for loop in found] == [True, False]
    assert all(loop.back.stop - loop.back.start == 201 for loop in found)


def test_loops_ignore_noise_of_the_voltage() -> None:
    trace = switching([1.0, 1.0], [-1.0, -1.0])
    noisy = trace.voltage_v + np.random.default_rng(1).normal(0, 0.003, len(trace.voltage_v))
    assert len(loops(Trace(noisy, trace.current_a))) == 4


def test_thresholds_and_on_off_of_every_cycle() -> None:
    v_set = [1.0, 1.1, 1.2, 0.9, 1.0, 1.3, 1.1, 1.0]
    found = by_name(sweep_metrics([switching(v_set, [-1.0] * 8)]))
    assert found["v_set"].value == pytest.approx(np.median(v_set), abs=0.011)
    assert found["v_set"].cycles == 8
    assert found["v_set"].ends is not None
    assert found["v_set"].ends[0] < 1.06 < found["v_set"].ends[1]
    assert found["v_reset"].value == pytest.approx(-0.99, abs=0.011)
    assert found["on_off"].value == pytest.approx(100)
    assert found["v_set_sigma"].value == pytest.approx(np.std(v_set, ddof=1), rel=0.1)
    assert "compliance" not in found


def test_a_large_first_set_is_kept_apart() -> None:
    found = by_name(sweep_metrics([switching([1.8, 1.0, 1.0, 1.1, 1.0], [-1.0] * 5)]))
    assert found["v_forming"].value == pytest.approx(1.795)
    assert "if the device was pristine" in found["v_forming"].note
    assert found["v_set"].cycles == 4


def test_a_compliance_is_found_said_and_makes_the_ratio_a_bound() -> None:
    found = by_name(sweep_metrics([switching([1.0], [-1.0], limit=1e-4)]))
    assert found["compliance"].value == pytest.approx(1e-4)
    assert "not stated" in found["compliance"].note
    assert found["on_off"].bound == ">"


def test_a_gradual_curve_has_no_threshold() -> None:
    trace = Trace(BIPOLAR, 1e-6 * np.sinh(3 * BIPOLAR))
    found = by_name(sweep_metrics([trace]))
    assert found["v_set"].value is None
    assert found["v_reset"].value is None
    assert "--v-read" in found["on_off"].note


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_exponent_of_a_power_law(power: float) -> None:
    metric = power_exponent(Trace(UP, UP**power), 0.1, 1.0)
    assert metric.value == pytest.approx(power)


@pytest.mark.parametrize(("slope", "word"), [(1.0, "interfacial"), (0.0, "filamentary")])
def test_area_scaling(slope: float, word: str) -> None:
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
        assert word in metric.note
        assert metric.devices == 9


def pulse(samples: int, tau: float = 1e-7) -> Trace:
    t = np.linspace(0, 2e-6, samples)
    v = np.where((t > 2e-7) & (t < 1.8e-6), 1.0, 0.0)
    g = 1e-5 + 9e-4 * (1 - np.exp(-np.maximum(t - 5e-7, 0) / tau))
    return Trace(v, v * g, t)


def test_switching_time_and_energy_of_an_exponential_rise() -> None:
    found = by_name(pulse_metrics(pulse(4001)))
    time = found["switching_time"]
    assert time.value == pytest.approx(1e-7 * np.log(9), rel=0.01)
    assert time.ends is not None
    assert time.ends[0] <= 1e-7 * np.log(9) <= time.ends[1]
    # The integral of 1e-5 + 9e-4 (1 − exp(−t/τ)) from 10 to 90 % at 1 V.
    energy = 9.1e-4 * 1e-7 * np.log(9) - 9e-4 * 1e-7 * 0.8
    assert found["switching_energy"].value == pytest.approx(energy, rel=0.01)


def test_a_sampling_that_is_too_slow_gives_a_bound() -> None:
    assert by_name(pulse_metrics(pulse(21)))["switching_time"].bound == "<"


def test_without_times_or_change_nothing_is_made_up() -> None:
    trace = pulse(400)
    assert all(m.value is None for m in pulse_metrics(Trace(trace.voltage_v, trace.current_a)))
    flat = Trace(trace.voltage_v, trace.voltage_v * 1e-3, trace.time_s)
    assert all("does not change" in m.note for m in pulse_metrics(flat))
