"""NL and its relatives, PPF and STDP: known curves are found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Pairs, PulseTrain
from pvkdb.measurements.plasticity import (
    nonlinearity,
    ppf_metrics,
    stdp_metrics,
    train_metrics,
    trains_metrics,
)

from .test_sweeps import by_name

X = np.linspace(0, 1, 101)


def curve(a: float) -> np.ndarray:
    return (1 - np.exp(-X / a)) / (1 - np.exp(-1 / a))


#: NL and A of NeuroSim's table (Nonlinearity-NormA.htm of MLP+NeuroSim V3.0), from all its pages.
NEUROSIM = """\
0.04 31.5668, 0.1 12.6258, 0.25 5.048, 0.28 4.5065, 1.46 0.8487, 1.5 0.8252, 1.54 0.8028,
1.7 0.7239, 2.96 0.393, 3 0.3868, 3.04 0.3808, 3.2 0.3581, 4.46 0.2304, 4.5 0.2274, 4.54 0.2244,
5.96 0.1376, 6 0.1356, 6.04 0.1336, 7.46 0.072, 7.5 0.0705, 7.54 0.069, 7.78 0.0604, 8.95 0.0241,
9 0.0228"""


def test_a_of_a_label_is_that_of_the_table_of_neurosim() -> None:
    for row in NEUROSIM.split(","):
        label, a = map(float, row.split())
        found = brentq(lambda a, label=label: nonlinearity(a) - label, 1e-3, 100)
        assert found == pytest.approx(a, abs=1e-3), label


@given(st.floats(0.02, 50))
def test_the_label_is_the_largest_distance_from_the_line(a: float) -> None:
    x = np.linspace(0, 1, 20001)
    y = np.expm1(-x / a) / np.expm1(-1 / a)
    assert nonlinearity(a) == pytest.approx((y - x).max() / (0.07 * np.sqrt(2)), abs=2e-4)
    assert nonlinearity(-a) == -nonlinearity(a)


def test_the_label_of_a_straight_line_is_small_and_of_zero_refused() -> None:
    assert nonlinearity(9999.0) == pytest.approx(nonlinearity(10001.0), rel=1e-2)
    with pytest.raises(InputError, match="other than 0"):
        nonlinearity(0)


@pytest.mark.parametrize("a", [0.3, 1.5, -0.4])
def test_a_beta_and_nl_are_found_again(a: float) -> None:
    noise = np.random.default_rng(3).normal(0, 0.01, len(X))
    train = PulseTrain(np.arange(101.0), 1e-6 * (1 + 5 * (curve(a) + noise)))
    found = by_name(train_metrics(train))
    assert found["a"].ends[0] < a < found["a"].ends[1]
    assert found["beta"].value == pytest.approx(1 / a, rel=0.1)
    assert found["nl"].value == pytest.approx(nonlinearity(a), rel=0.1)
    assert found["delta_g"].value == pytest.approx(5, rel=0.2)


def test_depression_is_counted_backwards_so_that_a_mirror_image_has_no_asymmetry() -> None:
    up = PulseTrain(np.arange(101.0), 1e-6 * (1 + curve(0.3)))
    down = PulseTrain(np.arange(101.0), 1e-6 * (1 + curve(0.3))[::-1], falling=True)
    found = by_name(trains_metrics([up, down]))
    assert found["asymmetry"].value == pytest.approx(0, abs=1e-9)
    assert found["nl_difference"].value == pytest.approx(0, abs=1e-6)
    steep = PulseTrain(np.arange(101.0), 1e-6 * (2 - curve(0.3)), falling=True)
    other = by_name(trains_metrics([up, steep]))
    assert (other["asymmetry"].value or 0) > 0.5
    assert (other["nl_difference"].value or 0) == pytest.approx(2 * nonlinearity(0.3), rel=1e-3)


def test_saturation_is_where_ninety_percent_are_reached() -> None:
    found = by_name(train_metrics(PulseTrain(np.arange(101.0), 1e-6 * (1 + curve(0.2)))))
    assert found["saturation"].value == pytest.approx(100 * np.interp(0.9, curve(0.2), X), abs=0.2)
    falling = PulseTrain(np.arange(101.0), 1e-6 * (2 - curve(0.2)), falling=True)
    later = by_name(train_metrics(falling))["saturation"]
    assert later.value == pytest.approx(found["saturation"].value, abs=0.2)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_the_exponent_of_jang_is_found_again(alpha: float) -> None:
    g = 1e-6 * ((5**alpha - 1) * X + 1) ** (1 / alpha)
    found = by_name(train_metrics(PulseTrain(np.arange(101.0), g)))
    assert found["jang_alpha"].value == pytest.approx(alpha, rel=0.02)


def test_a_constant_train_and_arbitrary_units_give_no_number() -> None:
    (only,) = train_metrics(PulseTrain(np.arange(9.0), np.ones(9)))
    assert only.value is None
    found = by_name(train_metrics(PulseTrain(np.arange(101.0), curve(0.5) - 0.5, "arbitrary")))
    assert found["delta_g"].value is None
    assert found["nl"].value == pytest.approx(2.40, abs=0.01)


def test_ppf_prefers_two_exponentials_only_where_they_are_seen() -> None:
    t = np.geomspace(1e-3, 10, 40)
    noise = np.random.default_rng(2).normal(0, 0.005, len(t))
    two = 1 + 0.8 * np.exp(-t / 0.02) + 0.4 * np.exp(-t / 2) + noise
    times = [m.value for m in ppf_metrics(Pairs(t, two)) if m.name == "ppf_time"]
    assert times == pytest.approx([0.02, 2], rel=0.15)
    one = 100 * (1 + 0.8 * np.exp(-t / 0.5) + noise)
    found = ppf_metrics(Pairs(t, one))
    assert [m.value for m in found if m.name == "ppf_time"] == pytest.approx([0.5], rel=0.05)
    assert by_name(found)["ppf_index"].value == pytest.approx(80, abs=2)


def test_ppf_reported_as_change_decays_to_zero() -> None:
    t = np.geomspace(1e-3, 10, 30)
    y = 80 * np.exp(-t / 0.5) + np.random.default_rng(0).normal(0, 0.5, len(t))
    found = by_name(ppf_metrics(Pairs(t, y)))
    assert "read as percent, no change is 0" in found["ppf_index"].note
    assert found["ppf_index"].value == pytest.approx(80, abs=2)


def test_stdp_has_a_window_on_each_side() -> None:
    t = np.concatenate([-np.linspace(0.1, 0.005, 15), np.linspace(0.005, 0.1, 15)])
    w = np.where(t > 0, 0.9 * np.exp(-t / 0.02), -0.5 * np.exp(t / 0.03))
    w += np.random.default_rng(0).normal(0, 0.01, len(t))
    metrics = stdp_metrics(Pairs(t, w))
    assert [m.value for m in metrics] == pytest.approx([0.9, 0.02, -0.5, 0.03], rel=0.1)
    assert stdp_metrics(Pairs(t[15:], w[15:]))[-1].value is None
