"""Models of devices from measurements, from figures of the store, and from NeuroSim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.examination.device import (
    Curve,
    DeviceModel,
    beta_of,
    measured,
    preset,
    presets,
    reported,
)
from pvkdb.measurements import measure
from pvkdb.measurements.forms import Cycles, Decay, PulseTrain, States
from pvkdb.measurements.plasticity import nonlinearity

from ..measurements.test_measuring import measured as laboratories

__all__ = ["laboratories"]

UP, DOWN = Curve(1e-6, 9e-6, 50, 2.0), Curve(1e-6, 9e-6, 50, -5.0)


def train(curve: Curve, falling: bool, sigma: float = 0.0, seed: int = 0) -> PulseTrain:
    """Pulses along a curve; each change has a spread, as a share of the range."""
    x = np.linspace(0, 1, int(curve.pulses) + 1)
    steps = sigma * (curve.high - curve.low) * np.random.default_rng(seed).standard_normal(len(x))
    g = curve.at(1 - x if falling else x) + np.cumsum(steps)
    return PulseTrain(x * curve.pulses, g, "S", falling, -1.0 if falling else 1.0, 1e-6)


def test_labels_of_nonlinearity_and_curves_are_neurosims() -> None:
    assert (1 / beta_of(2.40), 1 / beta_of(-4.88)) == pytest.approx((0.5, -0.2), rel=2e-3)
    assert nonlinearity(1 / beta_of(-6.76)) == pytest.approx(-6.76)
    assert beta_of(0.0) == 0
    with pytest.raises(InputError, match="between"):
        beta_of(10.5)


def test_a_part_of_a_curve_keeps_its_pulses() -> None:
    straight = Curve(0.0, 10.0, 40)
    table, pulses = straight.within(2.0, 7.0)
    assert pulses == pytest.approx(20)
    assert table == pytest.approx(np.linspace(0, 1, len(table)), abs=1e-6)


@pytest.mark.parametrize("name", presets())
def test_presets_have_their_published_figures(name: str) -> None:
    model, row = preset(name), presets()[name]
    assert 1 / model.ltp.high == pytest.approx(row["r_on_ohm"])
    assert model.ltd.high / model.ltd.low == pytest.approx(row["on_off"])
    assert set(model.assumed) == {"writing", "device to device", "read noise", "retention"}
    assert model.verdict(learning=True) == ""
    assert row["source"] in model.sources["ltp"]
    assert (model.ltp_v is None) == (name == "FeFET")  # its gate takes no current
    assert model.ltp_s is not None


def test_trains_give_curves_and_the_spread_of_a_pulse() -> None:
    trains = [train(UP, False, 0.01, seed) for seed in range(5)]
    trains += [train(DOWN, True, 0.01, seed) for seed in range(5, 10)]
    model = measured("made up", trains, fitted=True)
    assert model.ltp.beta == pytest.approx(2.0, abs=0.5)
    assert model.ltp.high == pytest.approx(9e-6, rel=0.1)
    assert model.ltd.beta < -3.5
    assert model.sigma_c2c == pytest.approx(0.01, rel=0.3)
    assert model.on_off == pytest.approx(9, rel=0.35)
    assert (model.ltp_v, model.ltd_v, model.ltp_s) == (1.0, -1.0, 1e-6)
    as_table = measured("made up", [train(UP, False), train(DOWN, True)])
    tables, pulses = as_table.curves()
    assert pulses == pytest.approx([50, 50], rel=1e-6)
    assert tables[0][512] == pytest.approx((UP.at(np.array([0.5]))[0] - 1e-6) / 8e-6, abs=2e-3)


def test_cycles_reads_and_decays_give_the_other_imperfections() -> None:
    random = np.random.default_rng(1)
    means = np.linspace(-1, 1, 20)[:, None] * 0.05 / np.std(np.linspace(-1, 1, 20), ddof=1)
    cells = 3 + means + 0.02 * random.standard_normal((20, 50))
    cycles = Cycles(100 * 10**cells, 10**cells, tuple(map(str, range(20))))
    reads = tuple(level * (1 + 0.01 * random.standard_normal(30)) for level in (1e-6, 2e-6, 4e-6))
    t = np.geomspace(1, 1000, 40)
    decay = Decay(t, 1e-6 * np.exp(-t / 100) + 1e-8 * random.standard_normal(40), "A")
    model = measured("cells", [cycles, States(("a", "b", "c"), reads), decay])
    assert model.on_off == pytest.approx(100, rel=0.02)
    assert model.sigma_write == pytest.approx(np.log(10) * 0.02, rel=0.1)
    assert model.sigma_d2d == pytest.approx(np.log(10) * 0.05, rel=0.05)
    assert (model.states, model.read_noise) == (3, pytest.approx(0.01, rel=0.4))
    assert model.retention_s == pytest.approx(100 * np.log(2), rel=0.2)
    assert model.drift is None
    flat = replace(decay, value=1e-6 + 1e-9 * random.standard_normal(40))
    assert measured("flat", [cycles, flat]).retention_s is None
    assert "3 states" in model.verdict(learning=False)
    missing = model.missing(["nonlinearity", "cycle to cycle", "writing", "states"])
    assert missing == ["nonlinearity", "cycle to cycle"]


def test_verdicts_instead_of_numbers() -> None:
    alone = DeviceModel("up", ltp=UP)
    assert "one direction alone" in alone.verdict(learning=True)
    assert alone.verdict(learning=False) == ""
    apart = DeviceModel("apart", ltp=UP, ltd=Curve(20e-6, 30e-6, 50))
    assert "share 0% of their range" in apart.verdict(learning=True)
    few = DeviceModel("few", ltp=replace(UP, pulses=2), ltd=replace(DOWN, pulses=2))
    assert "has 3 states" in few.verdict(learning=True)


def test_what_is_not_known_is_taken_as_ideal_only_with_its_mark() -> None:
    figures = {"on_off_ratio": 1e3, "states": 16.0, "variability_c2c_percent": 4.0}
    model = reported("d-1", figures, "Table 4 row 1")
    assert (model.sigma_write, model.sigma_c2c) == (0.04, None)
    wanted = ("nonlinearity", "states", "writing", "read noise")
    assert model.missing(wanted) == ["nonlinearity", "read noise"]
    whole = model.ideal(model.missing(wanted), assumed=True)
    assert whole.missing(wanted) == []
    assert whole.assumed == ("nonlinearity", "read noise")
    assert whole.states == 16
    assert model.sources == dict.fromkeys(("states", "on_off", "sigma_write"), "Table 4 row 1")
    with pytest.raises(InputError, match="nothing to make a device"):
        measured("empty", [])


def test_the_measured_silver_device_is_near_its_published_figures(laboratories: Path) -> None:
    folder = laboratories / "agasi_ltp"
    up, down = measure([folder / "ltp.csv", folder / "ltd.csv"]).forms
    # The file counts the pulses of the depression backwards, as NeuroSim does.
    down = replace(down, pulse=down.pulse[-1] - down.pulse, falling=True)
    model, published = measured("Ag:a-Si", [up, down], fitted=True), preset("Ag:a-Si")
    assert nonlinearity(1 / model.ltd.beta) == pytest.approx(-4.31, abs=0.05)
    assert model.g_max_s == pytest.approx(published.g_max_s, rel=0.15)
    # Published as 3.5 % from pulse to pulse. The scatter does not add up over pulses, though.
    assert model.sigma_c2c == pytest.approx(0, abs=0.015)
    assert model.read_noise == pytest.approx(0.06, abs=0.03)
