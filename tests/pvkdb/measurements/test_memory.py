"""Endurance, states and retention: numbers of made-up devices are found again, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Cycles, Decay, Setup, States
from pvkdb.measurements.memory import (
    BOLTZMANN_EV_PER_K,
    arrhenius,
    decay_metrics,
    endurance_metrics,
    retention_time,
    state_metrics,
    states_apart,
)

from .test_sweeps import by_name


def cycles(devices: int, number: int, between: float = 0.3, within: float = 0.2) -> Cycles:
    rng = np.random.default_rng(5)
    logs = [
        centre + rng.normal(0, between, (devices, 1)) + rng.normal(0, within, (devices, number))
        for centre in (5.0, 3.0)
    ]
    return Cycles(10 ** logs[0], 10 ** logs[1], tuple(map(str, range(devices))))


def test_variability_within_and_between_devices_is_separated() -> None:
    found = by_name(endurance_metrics(cycles(200, 20)))
    assert found["sigma_c2c_hrs"].value == pytest.approx(0.2, rel=0.05)
    assert found["sigma_d2d_hrs"].value == pytest.approx(0.3, rel=0.15)
    assert found["sigma_hrs"].value == pytest.approx(np.hypot(0.2, 0.3), rel=0.1)
    assert found["r_hrs"].value == pytest.approx(1e5, rel=0.1)
    assert (found["r_hrs"].cycles, found["r_hrs"].devices) == (20, 200)
    assert found["window"].value == pytest.approx(100 / 10 ** (2 * 1.645 * 0.36), rel=0.25)


def test_values_are_those_of_numpy() -> None:
    matrix = cycles(7, 11)
    found = by_name(endurance_metrics(matrix))
    logs = np.log10(matrix.hrs_ohm)
    assert found["r_hrs"].value == pytest.approx(np.median(matrix.hrs_ohm))
    both = [found[f"sigma_{part}_hrs"].value or 0 for part in ("c2c", "d2d")]
    assert found["sigma_hrs"].value == pytest.approx(np.hypot(*both))
    # The spread of the sample is smaller by what seven means say less than all.
    assert logs.std() < (found["sigma_hrs"].value or 0) < 1.1 * logs.std()
    assert found["sigma_c2c_hrs"].value == pytest.approx(np.sqrt(logs.var(axis=1, ddof=1).mean()))


@pytest.mark.slow
def test_intervals_over_devices_cover_the_truth() -> None:
    rng, hits = np.random.default_rng(8), 0
    for _ in range(60):
        logs = 5 + rng.normal(0, 0.3, (20, 1)) + rng.normal(0, 0.2, (20, 8))
        metric = by_name(endurance_metrics(Cycles(10**logs, 10 ** (logs - 2), ("",) * 20)))["r_hrs"]
        hits += metric.ends is not None and metric.ends[0] <= 1e5 <= metric.ends[1]
    assert 48 <= hits <= 60


def test_one_device_says_nothing_of_others() -> None:
    found = by_name(endurance_metrics(cycles(1, 40)))
    assert found["r_hrs"].interval == "bootstrap"
    assert "sigma_d2d_hrs" not in found
    assert "needs 5 devices" in found["window"].note


def test_misread_cycles_are_counted() -> None:
    matrix = cycles(6, 50, 0, 0.05)
    matrix.hrs_ohm[2, 10:] = 1e3  # a cell that stays in LRS
    found = by_name(endurance_metrics(matrix))
    assert found["misread"].value == pytest.approx(40 / 300)
    assert "1 of 6 devices" in found["endurance"].note
    assert (found["endurance"].value, found["endurance"].bound) == (50, ">")
    matrix.hrs_ohm[:5, 20:] = 1e3
    worn = by_name(endurance_metrics(matrix))["endurance"]
    assert (worn.value, worn.bound) == (20, "")


def test_states_apart_are_the_most_that_do_not_overlap() -> None:
    samples = [np.array([m - 0.1, m + 0.1]) for m in (0, 0.2, 0.5, 1.0)]
    assert states_apart(samples, 1.0) == [0, 2, 3]
    assert states_apart(samples, 0.1) == [0, 1, 2, 3]
    wide = [np.array([-10.0, 10.0]), *samples]
    assert 0 not in states_apart(wide, 1.0)


def test_states_before_and_after_a_wait() -> None:
    rng = np.random.default_rng(0)
    before = tuple(rng.normal(m, 0.01, 50) for m in range(8))
    after = tuple(rng.normal(m, 0.3, 50) for m in range(8))
    found = state_metrics(States(tuple("abcdefgh"), before, after))
    values = {(m.name, m.note): m.value for m in found}
    assert values["states_before", "of 8 at k = 3"] == 8
    assert (values["states_after", "of 8 at k = 3"] or 9) < 8
    assert state_metrics(States(("a",), before[:1]))[-1].value is None
    with pytest.raises(InputError, match="read once"):
        state_metrics(States(("a", "b"), (np.ones(1), np.ones(1))))


@pytest.mark.parametrize(
    ("law", "noise"), [("exponential", 0.01), ("exponential", 0.0), ("power law", 0.01)]
)
def test_the_law_of_a_decay_is_found(law: str, noise: float) -> None:
    t = np.linspace(0.1, 100, 400)
    y = 0.2 + np.exp(-t / 20) if law == "exponential" else t**-0.4
    y = y * (1 + np.random.default_rng(1).normal(0, noise, len(t)))
    found = by_name(decay_metrics(Decay(t, 1e-6 * y)))
    assert found["decay_time"].note.startswith(law)
    if law == "exponential":
        assert found["decay_time"].value == pytest.approx(20, rel=0.1)
    else:
        assert found["decay_exponent"].value == pytest.approx(0.4, rel=0.2)


def test_no_law_is_taken_where_neither_describes_a_smooth_curve() -> None:
    """Akaike weights of correlated residuals would decide for one of two wrong laws."""
    t = np.linspace(0.1, 100, 400)
    found = by_name(decay_metrics(Decay(t, np.exp(-t / 2) + np.exp(-t / 40))))
    assert found["exponential_weight"].value is None
    assert "neither" in found["exponential_weight"].note
    assert (found["decay_time"].value, found["decay_exponent"].value) == (None, None)


def decay(kelvin: float, energy: float = 0.8, end: float = 1e6) -> Decay:
    """Loses half after 1e-6 s · exp(E/kT) · ln 2."""
    tau = 1e-8 * np.exp(energy / (BOLTZMANN_EV_PER_K * kelvin))
    t = np.concatenate([[0], np.geomspace(1, end, 3000)])
    return Decay(t, np.exp(-t / tau), "S", Setup(temperature_k=kelvin))


def test_retention_is_a_bound_where_the_state_is_still_there() -> None:
    metric = retention_time(decay(250))
    assert (metric.value, metric.bound) == (1e6, ">")
    assert "not extrapolated" in metric.note
    reached = retention_time(decay(380))
    tau = 1e-8 * np.exp(0.8 / (BOLTZMANN_EV_PER_K * 380))
    assert reached.value == pytest.approx(tau * np.log(2), rel=0.02)


@pytest.mark.parametrize("points", [201, 1001, 5001])
def test_retention_does_not_follow_the_number_of_even_steps(points: int) -> None:
    """The first percent of the steps has decayed already: not the value at the start."""
    t = np.linspace(0, 1000, points)
    found = retention_time(Decay(t, np.exp(-t / 100), "S"))
    assert found.value == pytest.approx(100 * np.log(2), rel=0.005)


def test_arrhenius_gives_energy_and_extrapolation() -> None:
    energy, at = arrhenius([decay(k) for k in (340, 360, 380, 400)], 300)
    assert energy.value == pytest.approx(0.8, abs=0.01)
    tau = 1e-8 * np.exp(0.8 / (BOLTZMANN_EV_PER_K * 300))
    assert at.value == pytest.approx(tau * np.log(2), rel=0.1)
    assert at.ends[0] <= tau * np.log(2) * 1.1


def test_an_extrapolation_from_bounds_is_refused() -> None:
    for metric in arrhenius([decay(k) for k in (230, 240, 250, 400)], 300):
        assert metric.value is None
        assert "refused" in metric.note
