"""The examination: verdicts, what is missing, costs, and bars against published numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.examination.device import Curve, DeviceModel, preset, presets, reported
from pvkdb.examination.images import shipped

pytest.importorskip("numba", reason="numba is not installed (extra 'examination')")

from pvkdb.examination.examine import examine
from pvkdb.examination.training import Protocol

KNOWN = {"sigma_c2c": 0.01, "sigma_d2d": 0.0, "read_noise": 0.0, "states": 50}


def test_a_verdict_instead_of_a_number() -> None:
    model = DeviceModel("up", Curve(1e-6, 9e-6, 50, 2.0))
    found = examine(model, assume_ideal=True)
    assert found.verdict == model.verdict(learning=True) != ""
    assert found.result is None
    assert "does not forget" in examine(preset("PCM"), "henon").verdict
    assert "2 states" in examine(reported("d", {"states": 2}, "here"), "inference").verdict


def test_what_is_missing_is_named() -> None:
    model = reported("d-7", {"states": 16, "on_off_ratio": 100}, "Table 4")
    with pytest.raises(InputError, match="d-7: writing, device to device, read noise not known"):
        examine(model, "inference")
    with pytest.raises(InputError, match="training"):
        examine(model, "trainig")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_examination_with_costs_and_energy() -> None:
    model = replace(preset("Ag:a-Si"), sigma_d2d=0.05, read_noise=0.02, assumed=())
    protocol = Protocol(epochs=4, last=2, hidden=30)
    one, two = (examine(model, "training", seeds=range(2), protocol=protocol) for _ in range(2))
    assert one == two
    assert one.gap_points == pytest.approx(100 * (one.ideal.mean - one.result.mean))
    assert one.result.mean == pytest.approx(np.mean(one.epochs[-2:]))
    assert [cost.imperfection for cost in one.costs] == [
        "nonlinearity", "states", "cycle to cycle", "device to device", "read noise",
    ]  # fmt: skip
    assert all(cost.alone.mean >= one.result.mean - 0.05 for cost in one.costs)
    # 3.2 V, 300 µs and at most 1/26 MΩ a pulse.
    assert 0 < one.energy_j < one.pulses * 3.2**2 * 300e-6 / 26e6
    assert one.latency_s > 0


@pytest.mark.slow
def test_copied_weights_lose_by_states_and_by_time_and_say_what_was_assumed() -> None:
    model = reported("d", {"states": 4, "on_off_ratio": 10, "retention_s": 1e4}, "Table 4")
    found = examine(
        model, "inference", seeds=range(2), assume_ideal=True, at_s=(1e4, 1e5),
        protocol=Protocol(epochs=6, hidden=30),
    )  # fmt: skip
    assert found.assumed == ["writing", "device to device", "read noise"]
    assert found.result.mean < found.ideal.mean
    assert [*found.later] == [1e4, 1e5]
    assert found.later[1e5].mean < found.result.mean
    assert [cost.imperfection for cost in found.costs] == ["states", "retention"]
    assert "read margin" in found.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("PCM", 4),
        pytest.param("ideal", 4, marks=pytest.mark.long),
        pytest.param("Ag:a-Si", 8, marks=pytest.mark.long),
    ],
)
def test_devices_of_neurosim_reach_their_published_accuracy(name: str, within: float) -> None:
    """Two seeds here; docs/validation/networks.md has five."""
    found = examine(preset(name), "training", shipped("mnist"), range(2), ablation=False)
    assert 100 * found.result.mean == pytest.approx(presets()[name]["published"], abs=within)


@pytest.mark.slow
def test_a_reservoir_with_memory_beats_linear_beats_memoryless() -> None:
    """FACTS: 92.0, 90.1 and 86.7 % with 4-bit pulses, 392 nodes and 10,000 digits."""
    device = DeviceModel("v", Curve(0, 1, 20, 4.0), retention_s=1.0, sigma_write=0.01)
    written = {"interval_s": 0.2, "pulses": 4}
    found = examine(device, "reservoir-digits", shipped("mnist"), range(1), **written)
    linear, memoryless = (found.baselines[name].mean for name in ("linear", "memoryless"))
    assert found.result.mean - linear == pytest.approx(0.019, abs=0.01)
    assert linear - memoryless == pytest.approx(0.034, abs=0.01)
