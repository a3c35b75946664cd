"""Figures of loops and pulses, from currents whose figures are known."""

from __future__ import annotations

from importlib import import_module
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest

from pvkdb.errors import InputError

from .test_chain import CURRENTS, IONS

currents = import_module("pvkdb.simulation.devices.currents")

VALUES = {name: low for name, (low, _) in (IONS | CURRENTS).items()}


def test_figures_of_a_loop_and_a_pulse_by_hand() -> None:
    """Out I = V, back I = 2V: ∫V dV over a box of 2; vacancies move linearly and return."""
    ways = [np.linspace(0, 1, 11), np.linspace(1, 0, 11)[1:], np.linspace(0, -1, 11)[1:]]
    volts = np.concatenate([*ways, np.linspace(-1, 0, 11)[1:]])
    factor = np.where(np.arange(len(volts)) > 10, 2.0, 1.0)
    loop = SimpleNamespace(voltage_v=volts, current_a_per_m2=factor * volts)
    x, time = np.linspace(0, 100, 201), np.arange(21.0)
    centres = np.concatenate([np.linspace(30, 70, 11), np.linspace(70, 42, 11)[1:]])
    ions = np.exp(-((x - centres[:, None]) ** 2) / 50)
    pulsed = SimpleNamespace(position_nm=x, time_s=time, densities_per_cm3=(0, 0, ions))
    pulsed.voltage_v = np.where(time <= 10, 1.0, 0.0)
    current, hysteresis, ratio, moved, lost = currents.figures(loop, pulsed)
    # From 1 to 2 at the turn, the box is that of both ways.
    assert (current, ratio) == (pytest.approx(1.0), pytest.approx(2.0))
    assert hysteresis == pytest.approx(0.25, abs=0.03)
    assert (moved, lost) == (5.0, 8.0)
    still = SimpleNamespace(**{**vars(pulsed), "densities_per_cm3": (0, 0, np.ones_like(ions))})
    assert currents.figures(loop, still)[3:] == (inf, inf)


def test_the_layer_is_neutral_and_its_rates_are_around_the_ions_own() -> None:
    device = currents.device_of(VALUES, 1e-12, 1.5e22, 1.0)
    (layer,) = device.stack.layers
    assert layer.acceptors_per_cm3 == layer.ions[0].density_per_cm3 == pytest.approx(1.5e18)
    debye = layer.debye_length_nm(300.0)
    assert device.ionic_s == pytest.approx(100e-9 * debye * 1e-9 / 1e-12)
    assert device.rates_v_per_s()[2] == pytest.approx(0.1 / device.ionic_s)
    negative = currents.device_of(VALUES, 1e-12, 1.5e22, -1.0).stack.layers[0]
    assert negative.donors_per_cm3 == pytest.approx(1.5e18)


def test_a_field_beyond_breakdown_is_refused_with_what_to_give() -> None:
    weak = VALUES | {"breakdown_v_per_m": 1e5, "bias_v": 1.0}
    device = currents.device_of(weak, 1e-12, 1.5e22, 1.0)
    with pytest.raises(InputError, match="lower voltage or a thicker layer"):
        device.loop(device.rates_v_per_s()[2])
