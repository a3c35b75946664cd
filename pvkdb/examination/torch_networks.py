"""Networks that torch trains in software, for weights that are copied into devices.

``convolution``: two layers of 3 × 3 kernels, each with pooling, and a linear layer. ``spiking``:
two layers of leaky integrate-and-fire neurons; inputs spike with the probability of their grey, and
the gradient of a spike is that of a fast sigmoid (F. Zenke and S. Ganguli, Neural Comput. 30, 1514
(2018), doi 10.1162/neco_a_01086; slope 25 as in snntorch).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pvkdb.errors import InputError
from pvkdb.examination.device import DeviceModel
from pvkdb.examination.images import Images
from pvkdb.examination.inference import copied, kept
from pvkdb.examination.training import Protocol, Trained, noise_of
from pvkdb.measurements.forms import Floats

_STEPS, _LEAK, _SLOPE = 20, 0.9, 25.0
_BATCH, _RATE = 64, {"convolution": 1e-2, "spiking": 2e-3}
_Operation = Callable[[Tensor, Tensor], Tensor]
#: A layer: its number, its operation, its input.
_Layer = Callable[[int, _Operation, Tensor], Tensor]
_convolve = partial(functional.conv2d, padding=1)


class _Spike(torch.autograd.Function):
    """A step at zero, with the gradient of a fast sigmoid."""

    @staticmethod
    def forward(ctx: Any, over: Tensor) -> Tensor:
        ctx.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] / (1 + _SLOPE * ctx.saved_tensors[0].abs()) ** 2


def _outputs(kind: str, x: Tensor, layer: _Layer, random: torch.Generator) -> Tensor:
    """Return pictures × classes; of spiking neurons how often they fire."""
    if kind == "convolution":
        x = x.unflatten(1, (1, round(x.shape[1] ** 0.5), -1))
        for number in range(2):
            x = functional.max_pool2d(functional.relu(layer(number, _convolve, x)), 2)
        return layer(2, functional.linear, x.flatten(1))
    potentials, fired = [torch.zeros(()), torch.zeros(())], torch.zeros(())
    for _ in range(_STEPS):
        spikes = torch.bernoulli(x, generator=random)
        for number in range(2):
            potential = _LEAK * potentials[number] + layer(number, functional.linear, spikes)
            spikes = _Spike.apply(potential - 1)
            potentials[number] = potential - spikes
        fired = fired + spikes
    return fired


@torch.no_grad()
def _accuracy(kind: str, images: Images, layer: _Layer, random: torch.Generator) -> float:
    outputs = _outputs(kind, torch.tensor(images.test).float(), layer, random)
    return float(np.mean(outputs.argmax(dim=1).numpy() == images.test_labels))


def train(kind: str, _: DeviceModel, images: Images, seed: int, protocol: Protocol) -> Trained:
    """Return a network that torch trained without devices; the same seed gives the same numbers."""
    random, classes = torch.Generator().manual_seed(seed), int(images.train_labels.max()) + 1
    shapes: list[tuple[int, ...]] = [(protocol.hidden, images.side**2), (classes, protocol.hidden)]
    if kind == "convolution":
        shapes = [(8, 1, 3, 3), (16, 8, 3, 3), (classes, 16 * (images.side // 4) ** 2)]
    weights = [nn.init.kaiming_uniform_(torch.empty(s), 5**0.5, generator=random) for s in shapes]
    optimizer = torch.optim.Adam([w.requires_grad_() for w in weights], _RATE[kind])
    x, labels = torch.tensor(images.train).float(), torch.tensor(images.train_labels)
    accuracy, none = np.zeros(protocol.epochs), np.zeros(2)

    def layer(number: int, of: _Operation, inputs: Tensor) -> Tensor:
        return of(inputs, weights[number])

    for epoch in range(protocol.epochs):
        for batch in torch.randperm(len(x), generator=random).split(_BATCH):
            optimizer.zero_grad()
            outputs = _outputs(kind, x[batch], layer, random)
            functional.cross_entropy(outputs, labels[batch]).backward()
            optimizer.step()
        accuracy[epoch] = _accuracy(kind, images, layer, random)
    return Trained(accuracy, tuple(w.detach().numpy() for w in weights), none, none, none)


def infer(
    kind: str,
    model: DeviceModel,
    weights: Sequence[Floats],
    images: Images,
    seed: int,
    _: Protocol,
    at_s: Sequence[float] = (0.0,),
    line_ohm: float = 0.0,
) -> list[float]:
    """Return the accuracy of weights copied into devices, at times after writing.

    The largest weight of a layer is the end of the range. Each sum has the noise of reading its
    devices; pooling, thresholds and leaks are ideal. Raises InputError with line resistance.
    """
    if line_ohm:
        raise InputError(
            f"line resistance is not in the task {kind}; leave it out, or use inference"
        )
    scales = [np.abs(w).max() for w in weights]
    shares = [w / scale for w, scale in zip(weights, scales, strict=True)]
    written, (sigma, least) = copied(model, shares, np.random.default_rng(seed)), noise_of(model)

    def after(seconds: float) -> float:
        random, share = torch.Generator().manual_seed(seed), kept(model, seconds)
        faded = [torch.tensor(share * w).float() for w in written]

        def layer(number: int, of: _Operation, inputs: Tensor) -> Tensor:
            sums = of(inputs, faded[number])
            if sigma:
                squares = of(inputs**2, (faded[number] + 1 + least) ** 2).clamp(min=0)
                sums += sigma * squares.sqrt() * torch.randn(sums.shape, generator=random)
            return scales[number] * sums

        return _accuracy(kind, images, layer, random)

    return [after(seconds) for seconds in at_s]
