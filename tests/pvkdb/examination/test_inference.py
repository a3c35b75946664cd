"""Copied weights, and what lines do to them."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.crossbar.network import Circuit, Drive, seen_conductance_s
from pvkdb.errors import InputError
from pvkdb.examination.device import DeviceModel

inference = pytest.importorskip(
    "pvkdb.examination.inference", reason="numba is not installed", exc_type=ImportError
)

RANDOM = np.random.default_rng


def test_copies_have_the_states_and_the_spread_of_the_device() -> None:
    weights = [RANDOM(0).uniform(-1, 1, (200, 100))]
    (five,) = inference.copied(DeviceModel("five", states=5), weights, RANDOM(1))
    assert np.unique(five).tolist() == [-1, -0.5, 0, 0.5, 1]
    assert np.abs(five - weights[0]).max() <= 0.25
    (written,) = inference.copied(DeviceModel("w", sigma_write=0.03), weights, RANDOM(1))
    inner = np.abs(weights[0]) < 0.7
    assert (written - weights[0])[inner].std() == pytest.approx(2 * 0.03, rel=0.03)
    (apart,) = inference.copied(DeviceModel("d", sigma_d2d=0.1), weights, RANDOM(1))
    assert (apart == weights[0])[np.abs(weights[0]) < 0.2].mean() > 0.99
    assert (apart != weights[0])[np.abs(weights[0]) > 0.98].mean() > 0.4


def test_states_fade_by_half_within_the_retention_or_along_a_power_law() -> None:
    assert inference.kept(DeviceModel("e", retention_s=100.0), 100.0) == pytest.approx(0.5)
    assert inference.kept(DeviceModel("p", retention_s=100.0, drift=0.5), 3.0) == pytest.approx(0.5)
    assert inference.kept(DeviceModel("unknown"), 1e9) == 1
    with pytest.raises(InputError, match="0 or more"):
        inference.kept(DeviceModel("e"), -1.0)


def test_what_drivers_see_of_an_array_is_what_the_circuit_gives() -> None:
    cells = RANDOM(0).uniform(1e-6, 1e-4, (6, 4))
    volts = RANDOM(1).uniform(0, 0.2, 6)
    circuit = Circuit(cells, Drive(volts, np.zeros(6)), Drive(np.zeros(4), np.zeros(4)), 20.0)
    currents = (cells * circuit.voltages().across).sum(axis=0)
    assert volts @ seen_conductance_s(cells, 20.0) == pytest.approx(currents, rel=1e-9)
    assert (seen_conductance_s(cells, 0.0) == cells).all()


def test_lines_weaken_weights_and_need_conductances() -> None:
    weight = RANDOM(0).uniform(-1, 1, (8, 3))
    model = DeviceModel("m", on_off=10.0, g_max_s=1e-4)
    near = inference._through_lines(model, weight, 1e-3)
    assert near == pytest.approx(weight, abs=1e-4)
    far = inference._through_lines(model, weight, 100.0)
    assert np.abs(far).mean() < 0.95 * np.abs(weight).mean()
    with pytest.raises(InputError, match="siemens"):
        inference._through_lines(DeviceModel("m", on_off=10.0), weight, 1.0)
