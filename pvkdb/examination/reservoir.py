"""Reservoir computing with devices that forget: pictures by rows, and a series to be foretold.

Always beside two baselines with the same readout: the same nodes without memory, and no nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError
from pvkdb.examination.device import DeviceModel
from pvkdb.examination.images import Images
from pvkdb.examination.inference import kept
from pvkdb.measurements.forms import Floats

TRAINED, TESTED, NODES, MASK, DELAYS = 2000, 3000, 100, 4, 10
SERIES = f"Hénon map, {TRAINED:,} steps to train and {TESTED:,} to test"
BITS = 4


class Compared(NamedTuple):
    """A result with memory, of the same nodes without memory, and of the inputs alone."""

    memory: float
    memoryless: float
    linear: float


def verdict(model: DeviceModel) -> str:
    """Return why a device is not a reservoir; empty if it is one, or if that is not known."""
    if model.retention_s is not None and np.isinf(model.retention_s) and not model.drift:
        return f"{model.name} does not forget: its states count pulses; use a volatile device"
    return ""


def answer(model: DeviceModel, interval_s: float) -> Callable[[Floats, Floats], Floats]:
    """Return a function of states and numbers of pulses: the states after an interval and them.

    Raises:
        InputError: the device has no curve of potentiation.
    """
    if model.ltp is None:
        raise InputError(f"{model.name} has no train of potentiation; measure one")
    table, pulses = model.ltp.within(model.ltp.low, model.ltp.high)
    x, share = np.linspace(0, pulses, len(table)), kept(model, interval_s)
    return lambda y, count: np.interp(np.interp(share * y, table, x) + count, x, table)


def states_of(model: DeviceModel, interval_s: float, pulses: float = 1.0) -> Floats:
    """Return the 16 states after four bits, by their number with the first bit as the highest.

    A bit that is set applies ``pulses``; the bits are ``interval_s`` apart.
    """
    after, codes = answer(model, interval_s), np.arange(2**BITS)
    state = np.zeros(len(codes))
    for bit in range(BITS - 1, -1, -1):
        state = after(state, (pulses * (codes >> bit & 1)).astype(np.float64))
    return np.asarray(state / max(state.max(), 1e-12))


def digits(
    model: DeviceModel, images: Images, interval_s: float, pulses: float, seed: int
) -> Compared:
    """Return accuracies of a linear readout of nodes that see four pixels each, one by one."""
    spread = model.sigma_write or 0.0
    return digits_of_states(states_of(model, interval_s, pulses), images, seed, spread)


def digits_of_states(states: Floats, images: Images, seed: int, spread: float = 0.0) -> Compared:
    """Return the same accuracies from 16 states, such as measured ones, and their scatter.

    Rows and columns are cut in fours; the scatter is a share of the range of the states. Without
    memory, the last pixel is all that a node knows; the third readout sees the pixels.

    Raises:
        InputError: there are not 16 states, or pictures cannot be cut in fours.
    """
    side = images.side
    if len(states) != 2**BITS or side % BITS:
        raise InputError(
            f"{len(states)} states, pictures {side} wide: give the {2**BITS} states of {BITS} "
            f"bits, and pictures whose side is a multiple of {BITS}"
        )
    random = np.random.default_rng(seed)
    pixels = [images.bits(x, side) for x in (images.train, images.test)]
    codes = [_codes(x.reshape(-1, side, side)) for x in pixels]
    scatter = spread * np.ptp(states)
    seen = [states[code] + scatter * random.standard_normal(code.shape) for code in codes]
    last = [(code & 1).astype(np.float64) for code in codes]
    labels = images.train_labels, images.test_labels
    return Compared(*(_readout(x, test, *labels) for x, test in (seen, last, pixels)))


def _codes(square: Floats) -> npt.NDArray[np.int64]:
    """Numbers of four neighbouring pixels, along rows and along columns."""
    powers = 2 ** np.arange(BITS - 1, -1, -1)
    both = (square, square.transpose(0, 2, 1))
    return np.hstack([x.reshape(len(x), -1, BITS) @ powers for x in both]).astype(np.int64)


def _readout(x: Floats, test: Floats, labels: Any, truth: Any) -> float:
    from sklearn.linear_model import LogisticRegression

    readout = LogisticRegression(C=0.1, tol=1e-3)
    return float(readout.fit(x, labels).score(test, truth))


def henon(count: int) -> Floats:
    """Return x of the Hénon map, a = 1.4 and b = 0.3, without its first 200 steps."""
    x = np.zeros(count + 202)
    for n in range(1, len(x) - 1):
        x[n + 1] = 1 - 1.4 * x[n] ** 2 + 0.3 * x[n - 1]
    return x[202:]


def foretell(
    model: DeviceModel, images: object, interval_s: float, pulses: float, seed: int
) -> Compared:
    """Return the NRMSE of foretelling the Hénon map one step ahead with 100 nodes.

    As in Y. Zhong et al., Nat. Commun. 12, 408 (2021), which measured 0.046: each of 25 devices
    sees the input through a random mask of 4 pulse trains, ``interval_s`` apart and of up to
    ``pulses`` pulses, and is read after each. The linear readout sees ten delays.
    """
    random, after = np.random.default_rng(seed), answer(model, interval_s)
    series = henon(TRAINED + TESTED + DELAYS)
    scaled = (series - series.min()) / np.ptp(series)
    mask = random.uniform(-1, 1, (MASK, NODES // MASK))
    errors = []
    for remembers in (1.0, 0.0):
        state, read = np.zeros(NODES // MASK), np.zeros((len(series), MASK, NODES // MASK))
        for step, u in enumerate(scaled):
            for part in range(MASK):
                strength = np.abs(mask[part]) * np.where(mask[part] > 0, u, 1 - u)
                state = after(remembers * state, pulses * strength)
                read[step, part] = state
        scatter = (model.sigma_write or 0.0) * random.standard_normal(read.shape)
        errors.append(foretelling_error((read + scatter).reshape(len(read), -1), series, 1e-6))
    delays = np.column_stack([np.roll(series, n) for n in range(DELAYS)])
    return Compared(errors[0], errors[1], foretelling_error(delays, series, 1e-6))


def foretelling_error(nodes: Floats, series: Floats, ridge: float) -> float:
    """Return the NRMSE of the next step by a ridge regression on nodes, after its training."""
    x, target = np.column_stack([np.ones(len(nodes)), nodes])[DELAYS - 1 : -1], series[DELAYS:]
    first, rest = x[:TRAINED], target[TRAINED:]
    square = first.T @ first + ridge * np.eye(x.shape[1])
    weights = np.linalg.solve(square, first.T @ target[:TRAINED])
    return float(np.sqrt(np.mean((x[TRAINED:] @ weights - rest) ** 2) / rest.var()))
