"""Networks of torch: they learn the digits, and lose them with the weights' imperfections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pvkdb.errors import InputError
from pvkdb.examination.device import preset
from pvkdb.examination.images import shipped

pytest.importorskip("numba", reason="numba is not installed (extra 'examination')")

from pvkdb.examination.examine import examine
from pvkdb.examination.training import Protocol, Trained

pytestmark = pytest.mark.slow

FINE, SIX = preset("ideal").ideal(["states"]), Protocol(epochs=6)


@pytest.fixture(scope="module")
def networks() -> dict[str, Trained]:
    from pvkdb.examination.torch_networks import train

    return {
        kind: train(kind, FINE, shipped("digits"), 0, SIX) for kind in ("convolution", "spiking")
    }


def test_both_learn_the_digits(networks: dict[str, Trained]) -> None:
    assert networks["convolution"].accuracy[-1] > 0.94
    assert networks["spiking"].accuracy[-1] > 0.91


def test_copied_weights_lose_what_the_device_lacks(networks: dict[str, Trained]) -> None:
    from pvkdb.examination.torch_networks import infer

    digits = shipped("digits")
    for kind, network in networks.items():
        ideal = network.accuracy[-1]

        def right(kind: str = kind, network: Trained = network, **changes: float) -> float:
            return infer(kind, replace(FINE, **changes), network.weights, digits, 1, SIX)[0]

        assert right() == pytest.approx(ideal, abs=0.01)
        assert right(states=64.0) == pytest.approx(ideal, abs=0.015)
        assert right(states=4.0) < ideal - 0.05
        assert right(sigma_write=0.2) < right(sigma_write=0.05) - 0.2
        assert right(read_noise=1.0) < ideal - 0.05


def test_what_fades_evenly_is_lost_to_spiking_neurons_only(networks: dict[str, Trained]) -> None:
    """Rectified sums keep their order when all weights shrink alike; potentials fail to fire."""
    from pvkdb.examination.torch_networks import infer

    fading, digits = replace(FINE, retention_s=1.0), shipped("digits")
    at = {
        kind: infer(kind, fading, network.weights, digits, 1, SIX, (0.0, 2.0))
        for kind, network in networks.items()
    }
    assert at["convolution"][0] == at["convolution"][1]
    assert at["spiking"][1] < 0.3 < 0.9 < at["spiking"][0]


def test_a_spike_has_the_gradient_of_a_fast_sigmoid() -> None:
    import torch

    from pvkdb.examination.torch_networks import _Spike

    over = torch.tensor([-0.04, 0.0, 0.04], requires_grad=True)
    spikes = _Spike.apply(over)
    assert spikes.tolist() == [0.0, 0.0, 1.0]
    spikes.sum().backward()
    assert over.grad.tolist() == pytest.approx([0.25, 1.0, 0.25])


def test_the_same_seed_gives_the_same_numbers(networks: dict[str, Trained]) -> None:
    from pvkdb.examination.torch_networks import train

    again = train("spiking", FINE, shipped("digits"), 0, Protocol(epochs=1))
    assert again.accuracy[0] == networks["spiking"].accuracy[0]


@pytest.mark.parametrize("task", ["convolution", "spiking"])
def test_the_examination_copies_a_network_of_torch(task: str) -> None:
    model, digits = preset("Ag:a-Si"), shipped("digits")
    digits = replace(digits, train=digits.train[:300], train_labels=digits.train_labels[:300])
    found = examine(model, task, digits, range(2), Protocol(epochs=4), assume_ideal=True)
    assert found.gap_points == pytest.approx(100 * (found.ideal.mean - found.result.mean))
    assert "writing" in found.assumed
    with pytest.raises(InputError, match=f"not in the task {task}"):
        examine(model, task, digits, range(1), Protocol(epochs=1), assume_ideal=True, line_ohm=1.0)
