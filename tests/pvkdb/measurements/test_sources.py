"""What is not there is not given: sources, noise, offsets, steep diodes, flat decays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import constants
from scipy.optimize import brentq

from pvkdb.errors import InputError
from pvkdb.measurements import Request, measure
from pvkdb.measurements.conduction import conduction
from pvkdb.measurements.forms import Decay, Pairs, Setup, Trace
from pvkdb.measurements.memory import decay_metrics
from pvkdb.measurements.plasticity import ppf_metrics, trains_metrics
from pvkdb.measurements.sweeps import source, sweep_metrics, transient_metrics
from pvkdb.simulation.fitting import fit
from pvkdb.store.curation.sources import Upload

from .test_plasticity import PulseTrain, X, curve
from .test_sweeps import BIPOLAR, by_name, switching

KT = constants.k * 300 / constants.e


def there_and_back(v: np.ndarray) -> np.ndarray:
    return np.concatenate([v, v[::-1]])


def cell(v: np.ndarray, light: float, v_oc: float, ideality: float = 1.5) -> np.ndarray:
    """A single diode with 10 ohm in series and 100 kohm beside it, lit by ``light`` A."""
    dark = max(light, 1e-4) / np.expm1(v_oc / (ideality * KT))

    def current(volts: float) -> float:
        def off(i: float) -> float:
            inner = volts - 10 * i
            return float(dark * np.expm1(inner / (ideality * KT)) + inner / 1e5 - light - i)

        return brentq(off, -1.0 - light, 1.0)

    return np.array([current(volts) for volts in v])


@pytest.mark.parametrize("way", ["up", "down", "loop", "to V_OC"])
@pytest.mark.parametrize(
    ("light", "v_oc", "sign", "noise"),
    [(2e-3, 0.55, 1, 0.01), (2e-3, 1.1, -1, 0.0), (2e-5, 0.55, -1, 0.0), (2e-5, 1.1, 1, 0.01)],
)
def test_an_illuminated_solar_cell_has_no_threshold_resistance_or_mechanism(
    light: float, v_oc: float, sign: int, noise: float, way: str
) -> None:
    """Both signs of the current are in use; a hysteresis of 50 mV as of perovskites in the loop."""
    up = np.arange(-0.2, 1.3, 0.02)
    v = {"up": up, "down": up[::-1], "loop": there_and_back(up)}.get(way, up[(up > -1e-9)])
    v = v[v < v_oc] if way == "to V_OC" else v
    shift = np.where((np.arange(len(v)) >= len(up)) & (way == "loop"), 0.05, 0.0)
    i = sign * cell(v + shift, light, v_oc)
    i = i + np.random.default_rng(0).normal(0, noise * light, len(v))
    rows = "".join(f"{a:.3f},{b:.6e}\n" for a, b in zip(v, i, strict=True))
    asked = Request(read_voltage_v=0.3, electrodes="Ag/FTO", thicknesses_m=[3e-7])
    report = measure([Upload("cell.csv", f"V (V),I (A)\n{rows}".encode())], asked)
    assert {metric.value for _, metric in report.metrics} == {None}
    assert all("a source" in metric.note for _, metric in report.metrics)
    assert {step.answer for step in report.switching} == {"not measured"}
    assert report.conduction == ()


@pytest.mark.parametrize("low", [0.0, -5.0])
@pytest.mark.parametrize("way", [np.array, there_and_back])
def test_a_wide_sweep_shows_the_source_near_zero(low: float, way: Any) -> None:
    """V_OC is 3 % of the sweep; beyond it the cell looks as a diode with a resistance."""
    v = way(np.arange(low, 5, 0.025))
    trace = Trace(v, cell(v, 2e-4, 0.15))
    assert "against the voltage from 0.05 to" in source(trace)
    assert conduction([trace]) == []
    offset = Trace(v, (v - 0.02) / 1e3)  # of the instrument, below kT/e
    assert source(offset) == ""


@pytest.mark.parametrize("lit", ["always", "late"])
def test_a_lit_cell_has_no_switching_time(lit: str) -> None:
    """A pulse above V_OC while the light is on; light that begins within a pulse below V_OC."""
    t = np.linspace(0, 1, 200)
    dark, light = cell(np.array([1.2, 0.4]), 0.0, 1.1), cell(np.array([1.2, 0.4]), 2e-4, 1.1)
    if lit == "always":
        v, g = np.where(t > 0.2, 1.2, 0.0), 1 + np.tanh((t - 0.5) / 0.1)
        i = np.where(v > 0, light[0] * g, -2e-4)
    else:
        v, i = np.full(200, 0.4), np.where(t < 0.6, dark[1], light[1])
    found = transient_metrics(Trace(v, i, t))
    assert {metric.value for metric in found} == {None}
    assert "a source" in found[0].note


def test_a_cell_in_the_dark_is_passive_and_steep_but_sets_nothing() -> None:
    for volts in (0.02, 0.05):  # over 50 mV the current grows by a factor 7 at most
        v = np.arange(0, 1.2, volts)
        trace = Trace(v, cell(v, 0.0, 1.1, 1.0))
        found = by_name(sweep_metrics([trace]))
        assert source(trace) == ""
        assert (found["v_set"].value, found["v_set"].cycles) == (None, 0)


def test_noise_and_offset_set_nothing_and_a_switch_above_them_does() -> None:
    noise = np.random.default_rng(1).normal(2e-10, 3e-10, len(BIPOLAR))
    empty = by_name(sweep_metrics([Trace(BIPOLAR, noise)]))
    assert empty["v_set"].value is empty["v_reset"].value is None
    device = switching([1.0], [-1.0])
    below = np.abs(device.current_a / device.voltage_v.clip(1e-9)) < 5e-5
    hidden = Trace(BIPOLAR, np.where(below, 0, device.current_a) + noise, setup=device.setup)
    found = by_name(sweep_metrics([hidden]))
    assert found["v_set"].value == pytest.approx(1.0, abs=0.011)
    assert (found["r_hrs"].bound, found["on_off"].bound) == (">", ">")
    assert found["r_lrs"].value == pytest.approx(1e3, rel=0.01)


def test_a_discharge_on_the_way_back_is_no_source() -> None:
    """Crossings of zero that are shifted in one direction, as layers with ions show them."""
    device = switching([1.0], [-1.0])
    charge = 2e-5 * np.sign(np.gradient(np.abs(BIPOLAR))) * np.sign(BIPOLAR)
    trace = Trace(BIPOLAR, device.current_a + charge, setup=device.setup)
    assert (trace.current_a * BIPOLAR < -1e-9).sum() > 3
    assert source(trace) == ""
    assert by_name(sweep_metrics([trace]))["v_set"].value == pytest.approx(1.0, abs=0.011)


def test_a_model_of_a_resistance_is_not_fitted_to_a_source() -> None:
    v = there_and_back(np.arange(-0.2, 1.3, 0.02))
    trace = Trace(v, -cell(v, 2e-3, 1.1), np.arange(len(v)) * 0.1, setup=Setup(file="cell.csv"))
    with pytest.raises(InputError, match=r"cell.csv is of a source .*against the voltage"):
        fit("vteam", [trace], {})


def test_a_triangle_has_no_switching_time() -> None:
    t = np.linspace(0, 1, 400)
    v = 0.5 * (1 - np.abs(2 * t - 1))
    (time, energy, *_) = transient_metrics(Trace(v, 1e-6 * np.sinh(6 * v) * (1 + t), t))
    assert (time.value, energy.value) == (None, None)
    assert "not steady" in time.note


def test_a_state_that_does_not_decay_has_no_decay_time() -> None:
    """Traces of 120 s with 2 % noise gave times up to 1e304 s."""
    given = 0
    for seed in range(40):
        t = np.linspace(0, 120, 121)
        y = 1e-6 * (1 + np.random.default_rng(seed).normal(0, 0.02, 121))
        found = by_name(decay_metrics(Decay(t, y, "S")))
        given += found["decay_time"].value is not None
        assert (found["decay_time"].value or 0) <= 120
        assert (found["retention"].value, found["retention"].bound) == (120, ">")
    assert given <= 2


def test_a_drift_with_the_logarithm_of_time_has_no_exponent_and_no_law() -> None:
    """A current that grows by 0.2 % in seven decades was a power law of exponent 5e-5 ± 0.06."""
    t = np.geomspace(0.01, 2e5, 29)
    y = 3.8e-5 * (1 + 1.2e-4 * np.log(t) + np.random.default_rng(0).normal(0, 2e-4, 29))
    found = by_name(decay_metrics(Decay(t, y)))
    assert found["decay_exponent"].value is None
    assert "0 is no decay" in found["decay_exponent"].note
    assert found["exponential_weight"].value is None


def test_a_largest_current_at_the_start_of_a_branch_is_no_reset() -> None:
    """As of the tracked maximum power of a solar cell, whose voltage comes and goes."""
    v = -np.array([0.15, 0.97, 0.87, 1.05, 0.99, 0.87, 1.04, 1.05, 0.86, 0.97])
    i = -np.array([4.84, 4.28, 4.59, 2.53, 4.15, 4.60, 2.86, 2.64, 4.62, 4.31])
    assert by_name(sweep_metrics([Trace(v, i)]))["v_reset"].value is None


@pytest.mark.parametrize("tau", [1e-3, 20.0, 1e3])
def test_a_time_that_the_record_does_not_hold_is_a_bound(tau: float) -> None:
    t = np.linspace(0, 120, 601)
    y = 0.2 + np.exp(-t / tau) + np.random.default_rng(0).normal(0, 1e-3, 601)
    metric = by_name(decay_metrics(Decay(t, y, "S")))["decay_time"]
    assert metric.bound == {1e-3: "", 20.0: "", 1e3: ">"}[tau]
    assert metric.value is None if tau == 1e-3 else 0 < (metric.value or 0) <= 120


def test_a_time_of_facilitation_beyond_the_intervals_is_a_bound() -> None:
    t = np.geomspace(1e-3, 0.1, 30)
    y = 1.5 + 0.8 * np.exp(-t / 5) + np.random.default_rng(2).normal(0, 0.002, 30)
    times = [m for m in ppf_metrics(Pairs(t, y)) if m.name == "ppf_time" and m.value]
    assert all(m.value <= 0.1 for m in times)


def test_several_trains_have_one_summary_of_each_direction() -> None:
    rng, trains = np.random.default_rng(0), []
    for falling in (False, True) * 4:
        g = 1 + (curve(0.3)[::-1] if falling else curve(0.3)) + rng.normal(0, 0.01, len(X))
        trains.append(PulseTrain(np.arange(101.0), 1e-6 * g, falling=falling))
    found = trains_metrics(trains)
    notes = [m.note.split(";")[:2] for m in found if m.name == "nl"]
    assert notes == [[way, " median of 4 of 4 trains"] for way in ("up", "down")]
    assert [m.name for m in found].count("asymmetry") == 1


def test_files_of_one_direction_each_are_one_device() -> None:
    files = []
    for name, conductances in (("ltp", 1 + curve(0.3)), ("ltd", 2 - curve(0.3))):
        rows = "".join(f"{n},{1e-6 * g:g}\n" for n, g in enumerate(conductances))
        files.append(Upload(f"{name}.csv", f"pulse,G (S)\n{rows}".encode()))
    report = measure(files)
    assert {device for device, _ in report.metrics} == {"all"}
    assert {m.name: m.value for _, m in report.metrics}["asymmetry"] > 0.5


def test_what_is_not_known_is_said_once() -> None:
    rows = "".join(f"{v:g},{1e-6 * v:g}\n" for v in np.linspace(0, 1, 30))
    file = Upload("a.csv", f"V (V),I (A)\n{rows}".encode())
    for rate in (None, 0.1):
        report = measure([file], Request(sweep_rate_v_per_s=rate))
        answers = {row.question: row.answer for row in report.quality}
        assert ("sweep_rate_v_per_s" in report.unknown) is (rate is None)
        assert answers["Sweep rate known?"] == ("no" if rate is None else "yes")
