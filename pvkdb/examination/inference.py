"""Weights trained in software and copied into devices: never mixed with training in place.

A copy has the states of the device, the spread of writing and of devices, decay with time, noise
of reading, and the drops along the lines of the array that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pvkdb.crossbar.network import seen_conductance_s
from pvkdb.errors import InputError
from pvkdb.examination.device import DeviceModel
from pvkdb.examination.images import Images
from pvkdb.examination.training import Protocol, accuracy
from pvkdb.measurements.forms import Floats


def kept(model: DeviceModel, at_s: float) -> float:
    """Return the share of a state above the least conductance that is left after a time."""
    if at_s < 0:
        raise InputError(f"{at_s:g} s: weights are read after they were written; give 0 or more")
    if model.drift:
        return float((1 + at_s) ** -model.drift)
    return float(0.5 ** (at_s / (model.retention_s or np.inf)))


def copied(
    model: DeviceModel, weights: Sequence[Floats], random: np.random.Generator
) -> list[Floats]:
    """Return weights from −1 to 1 as a device holds them right after writing."""
    found = []
    for weight in weights:
        y = (weight + 1) / 2
        if model.states and np.isfinite(model.states):
            y = np.round(y * (model.states - 1)) / (model.states - 1)
        y = y + (model.sigma_write or 0.0) * random.standard_normal(y.shape)
        spread = model.sigma_d2d or 0.0
        low, high = (end + spread * random.standard_normal(y.shape) for end in (0.0, 1.0))
        found.append(2 * np.clip(y, low, np.maximum(high, low)) - 1)
    return found


def infer(
    model: DeviceModel,
    weights: Sequence[Floats],
    images: Images,
    seed: int,
    protocol: Protocol,
    at_s: Sequence[float] = (0.0,),
    line_ohm: float = 0.0,
) -> list[float]:
    """Return the accuracy of copied weights at times after writing.

    With ``line_ohm`` each layer is one array without selectors, driven at all its word lines and
    held at 0 V at all its bit lines, of which one is the reference: no paths sneak, but lines drop.

    Raises:
        InputError: a time is negative, or line resistance is given without G_max and on/off.
    """
    random = np.random.default_rng(seed)
    written = copied(model, weights, random)
    found = []
    for seconds in at_s:
        share = kept(model, seconds)
        faded = [share * weight for weight in written]  # the reference fades, too
        if line_ohm:
            faded = [_through_lines(model, weight, line_ohm) for weight in faded]
        found.append(accuracy(images, (faded[0], faded[1]), model, random, protocol.side))
    return found


def _through_lines(model: DeviceModel, weight: Floats, line_ohm: float) -> Floats:
    """The weights that the drivers of an array see, beside a reference in its middle column."""
    if not model.g_max_s or not model.on_off:
        raise InputError(
            f"line resistance needs the conductances of {model.name}, which are not known; measure "
            "trains in siemens, or leave the lines out"
        )
    high, low = model.g_max_s, model.g_max_s / model.on_off
    middle = weight.shape[1] // 2
    cells = low + (np.insert(weight, middle, 0.0, axis=1) + 1) / 2 * (high - low)
    seen = seen_conductance_s(np.clip(cells, 0, None), line_ohm)
    return np.delete(2 * (seen - seen[:, [middle]]) / (high - low), middle, axis=1)
