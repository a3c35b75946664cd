"""Networks trained in place: every change of a weight is pulses on a device.

Two layers of sigmoid units, inputs of one bit, gradient descent image by image, weights from −1 to
1 on one cell each beside a reference in the middle of the range: after NeuroSim (P.-Y. Chen, X.
Peng and S. Yu, IEEE Trans. Comput.-Aided Des. 37, 3067 (2018)), whose hidden units pass on one bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import exp, sqrt
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

from pvkdb.errors import InputError, unknown_name
from pvkdb.examination.device import GRID, DeviceModel
from pvkdb.examination.images import Images
from pvkdb.measurements.forms import Floats

RULES = ("pulse", "rounded", "sign")
#: Pulses less likely than this are left out.
_RARE = 1e-3
_GOLDEN = 0.6180339887498949
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Protocol:
    """How networks are trained; the rates are the change of a weight for a gradient of 1.

    ``rule`` is ``pulse``, as many pulses as the change of a weight asks for, image by image, and
    one more by chance for the rest (T. Gokmen and Y. Vlasov, Front. Neurosci. 10, 333, 2016);
    ``rounded``, the same rounded to whole pulses; or ``sign``, one pulse along the sign of the
    gradient over ``batch`` images (M. Prezioso et al., Nature 521, 61 (2015)).
    """

    hidden: int = 100
    epochs: int = 10
    last: int = 3  # epochs whose mean is the result
    rates: tuple[float, float] = (0.4, 0.2)
    rule: str = "pulse"
    batch: int = 100
    start: float = 0.3  # the first weights lie between this and its negative
    side: int = 20  # of the pictures' middles


class Trained(NamedTuple):
    """Accuracy after each epoch, the weights, and pulses up and down in an epoch.

    ``charges`` are the pulses times the normalised conductance, ``slots`` those in a row.
    """

    accuracy: Floats
    weights: tuple[Floats, ...]
    pulses: Floats
    charges: Floats
    slots: Floats


def _compiled(function: _Function) -> _Function:
    """Return a function as numba compiles it, with its type."""
    return cast("_Function", njit(cache=True)(function))


@_compiled
def _move(y: float, count: float, after: Floats) -> float:
    """Return the normalised conductance after pulses; ``after`` is that of one, over GRID steps."""
    for _ in range(int(abs(count))):
        place = min(int(y * GRID), GRID - 1)
        y = after[place] + (y * GRID - place) * (after[place + 1] - after[place])
    return y


@_compiled
def _apply(
    layer: Any, i: int, j: int, count: float, device: Any, counts: Floats, random: Any
) -> None:
    """Apply pulses to one device; its weight follows."""
    weight, cells = layer
    maps, _, sigma = device
    way, before = int(count < 0.0), cells[i, j, 0]
    after = _move(before, count, maps[way])
    if sigma > 0.0:
        after += sigma * sqrt(abs(count)) * random.standard_normal()
        after = min(1.0, max(0.0, after))
    cells[i, j, 0] = after
    weight[i, j] = 2.0 * (cells[i, j, 1] + cells[i, j, 2] * after) - 1.0
    counts[way] += abs(count)
    counts[2 + way] += abs(count) * (before + after) / 2.0


@_compiled
def _read(left: Floats, weight: Floats, noise: Floats, right: Floats, random: Any) -> None:
    """Compute the units that read a layer of weights."""
    squares = np.zeros(len(right))
    right[:] = 0.0
    for i in range(len(left)):
        if left[i] != 0.0:
            for j in range(len(right)):
                right[j] += left[i] * weight[i, j]
            if noise[0] > 0.0:
                for j in range(len(right)):
                    squares[j] += (left[i] * (weight[i, j] + 1.0 + noise[1])) ** 2
    for j in range(len(right)):
        if noise[0] > 0.0:
            right[j] += noise[0] * sqrt(squares[j]) * random.standard_normal()
        right[j] = 1.0 / (1.0 + exp(-right[j]))


@_compiled
def _change(
    layer: Any, left: Floats, right: Floats, device: Any, rounded: bool, counts: Floats, random: Any
) -> None:
    """Apply the pulses that the outer product of two vectors asks for; the left is at most 1."""
    levels, found = device[1], 0
    sizes, chosen = np.zeros(len(right)), np.zeros(len(right), np.int64)
    golden = np.arange(len(right)) * _GOLDEN % 1.0  # as even as random numbers, and cheap
    for j in range(len(right)):
        size = abs(right[j]) * levels[int(right[j] < 0.0)]
        if size >= (0.5 if rounded else _RARE):
            sizes[found], chosen[found] = size, j
            found += 1
    for i in range(len(left)):
        most, least = 0.0, 0.0
        start = 0.5 if rounded else random.random()
        for place in range(found if left[i] != 0.0 else 0):
            chance = start if rounded else start + golden[place]
            size = left[i] * sizes[place] + chance - (chance >= 1.0)
            if size >= 1.0:
                j, count = chosen[place], np.floor(size)
                count = count if right[j] > 0.0 else -count
                most, least = max(most, count), min(least, count)
                _apply(layer, i, j, count, device, counts, random)
        counts[4] += most
        counts[5] -= least


@_compiled
def _follow(layer: Any, sums: Floats, device: Any, counts: Floats, random: Any) -> None:
    """Apply one pulse to each device along the sign of its summed gradient."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            if sums[i, j] != 0.0:
                _apply(layer, i, j, np.sign(sums[i, j]), device, counts, random)
    sums[:] = 0.0
    counts[4:] += sums.shape[0]


@_compiled
def _train(
    data: Any, order: Any, layers: Any, device: Any, settings: Any, counts: Floats, random: Any
) -> None:
    """Train on all images once; a batch of 0 is the rule of pulses."""
    images, labels = data
    one, two = layers
    noise, rates, batch, rounded = settings
    second = two[0]
    a, o, delta = np.zeros(len(second)), np.zeros(second.shape[1]), np.zeros(second.shape[1])
    sum1, sum2 = np.zeros(one[0].shape), np.zeros(second.shape)
    for step in range(len(order)):
        x = images[order[step]]
        _read(x, one[0], noise, a, random)
        _read(a, second, noise, o, random)
        for k in range(len(o)):
            target = 1.0 if k == labels[order[step]] else 0.0
            delta[k] = 2.0 * o[k] * (1.0 - o[k]) * (target - o[k])
        back = a * (1.0 - a) * (second @ delta)
        if batch == 0:  # half a change: the range of weights is 2
            _change(one, x, back * (rates[0] / 2.0), device, rounded, counts, random)
            _change(two, a, delta * (rates[1] / 2.0), device, rounded, counts, random)
            continue
        for i in range(len(x)):
            if x[i] != 0.0:
                sum1[i] += x[i] * back
        for j in range(len(a)):
            sum2[j] += a[j] * delta
        if (step + 1) % batch == 0:
            _follow(one, sum1, device, counts, random)
            _follow(two, sum2, device, counts, random)


@_compiled
def _score(data: Any, first: Floats, second: Floats, noise: Floats, random: Any) -> float:
    """Return the share of images whose largest output is that of their label."""
    images, labels = data
    a, o, right = np.zeros(len(second)), np.zeros(second.shape[1]), 0
    for n in range(len(images)):
        _read(images[n], first, noise, a, random)
        _read(a, second, noise, o, random)
        right += np.argmax(o) == labels[n]
    return right / len(images)


def train(model: DeviceModel, images: Images, seed: int, protocol: Protocol) -> Trained:
    """Return a network trained with a device as its weights; the same seed gives the same numbers.

    Noise of reading is in the forward pass; errors are led back by the weights themselves.

    Raises:
        InputError: the rule does not exist, or the device lacks potentiation or depression.
    """
    if protocol.rule not in RULES:
        raise InputError(unknown_name("rule", protocol.rule, RULES))
    random = np.random.default_rng(seed)
    maps, levels = model.maps()
    labels = images.train_labels
    data = images.bits(images.train, protocol.side), labels
    sizes = data[0].shape[1], protocol.hidden, int(labels.max()) + 1
    spread = model.sigma_d2d or 0.0
    layers = tuple(_layer(shape, spread, protocol.start, random) for shape in pairwise(sizes))
    device = maps, levels, float(model.sigma_c2c or 0.0)
    batch = protocol.batch if protocol.rule == "sign" else 0
    settings = noise_of(model), np.array(protocol.rates), batch, protocol.rule == "rounded"
    weights = layers[0][0], layers[1][0]
    counts, right = np.zeros(6), []
    for _ in range(protocol.epochs):
        _train(data, random.permutation(len(labels)), layers, device, settings, counts, random)
        right.append(accuracy(images, weights, model, random, protocol.side))
    each = counts / protocol.epochs
    return Trained(np.array(right), weights, each[:2], each[2:4], each[4:])


def accuracy(
    images: Images,
    weights: tuple[Floats, Floats],
    model: DeviceModel,
    random: np.random.Generator,
    side: int,
) -> float:
    """Return the share of the pictures to test that a network names rightly."""
    data = images.bits(images.test, side), images.test_labels
    return _score(data, *weights, noise_of(model), random)


def noise_of(model: DeviceModel) -> Floats:
    """Return the noise of reading, and the least conductance as a weight (of a range of 2)."""
    return np.array([model.read_noise or 0.0, 2 / ((model.on_off or np.inf) - 1)])


def _layer(
    shape: tuple[int, int], spread: float, start: float, random: np.random.Generator
) -> tuple[Floats, ...]:
    """Weights; and state, low end and span of each device, in shares of the range."""
    low = spread * random.standard_normal(shape)
    span = np.maximum(1 + spread * random.standard_normal(shape) - low, 0.05)
    state = 0.5 + start / 2 * random.uniform(-1, 1, shape)
    return 2 * (low + span * state) - 1, np.stack([state, low, span], axis=2)
