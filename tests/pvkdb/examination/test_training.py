"""Training in place, against curves in closed form and against the published accuracies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.examination.device import Curve, DeviceModel
from pvkdb.examination.images import Images

training = pytest.importorskip(
    "pvkdb.examination.training", reason="numba is not installed", exc_type=ImportError
)

IDEAL = DeviceModel("ideal", Curve(0, 1, 64), Curve(0, 1, 64), sigma_c2c=0.0)


@pytest.fixture
def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without compiling."""
    for name in ("_move", "_apply", "_read", "_change", "_follow", "_train", "_score"):
        monkeypatch.setattr(training, name, getattr(training, name).py_func)


def dots(count: int = 36) -> Images:
    """Three kinds of pictures of 4 × 4 pixels: one of three rows is lit, the rest at random."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, count)
    x = (random.random((count, 4, 4)) < 0.1).astype(float)
    x[np.arange(count), labels] = 1.0
    rows = x.reshape(count, 16)
    return Images(rows, labels, rows, labels, "made up")


def test_pulses_move_along_the_curve_in_closed_form(in_python: None) -> None:
    """y' = B − (B − y) exp(−β n/P) with B = 1/(1 − exp(−β)); a depression runs backwards."""
    for beta in (3.0, -5.0):
        model = replace(IDEAL, ltp=Curve(0, 1, 50, beta), ltd=Curve(0, 1, 50, beta))
        device = (*model.maps(), 0.0)
        b = 1 / -np.expm1(-beta)
        for count in (3, -3):
            layer = np.zeros((1, 1)), np.array([[[0.4, 0.0, 1.0]]])
            counts = np.zeros(6)
            training._apply(layer, 0, 0, count, device, counts, None)
            expected = b - (b - 0.4) * np.exp(-beta * count / 50)
            assert layer[1][0, 0, 0] == pytest.approx(expected, abs=1e-5)
            assert layer[0][0, 0] == pytest.approx(2 * expected - 1, abs=2e-5)
            assert counts[int(count < 0)] == 3
            assert counts[2 + int(count < 0)] == pytest.approx(3 * (0.4 + expected) / 2, abs=1e-4)


def test_changes_are_rounded_to_pulses_and_counted_by_rows(in_python: None) -> None:
    layer = training._layer((3, 2), 0.0, 0.0, np.random.default_rng(0))
    device, counts = (*IDEAL.maps(), 0.0), np.zeros(6)
    left, right = np.array([1.0, 0.0, 0.5]), np.array([2.4, -1.5]) / 64
    training._change(layer, left, right, device, True, counts, None)
    pulses = np.array([[2, -2], [0, 0], [1, -1]])
    assert layer[1][:, :, 0] * 64 - 32 == pytest.approx(pulses, abs=1e-4)
    assert counts[[0, 1, 4, 5]].tolist() == [3, 3, 3, 3]
    random, sums = np.random.default_rng(0), np.zeros(6)
    for _ in range(2000):
        training._change(layer, left, right, device, False, sums, random)
    # By chance: 2.4 and 1.2 pulses up, 1.5 and 0.75 down, on average.
    assert sums[:2] / 2000 == pytest.approx([3.6, 2.25], rel=0.03)


@pytest.mark.parametrize("rule", training.RULES)
def test_a_network_learns_and_a_seed_gives_the_same_numbers(in_python: None, rule: str) -> None:
    protocol = training.Protocol(hidden=6, epochs=6, rates=(2.0, 2.0), rule=rule, batch=9, side=4)
    model = replace(IDEAL, sigma_c2c=0.02, sigma_d2d=0.05, read_noise=0.05, on_off=10.0)
    first, again = (training.train(model, dots(), 3, protocol) for _ in range(2))
    assert first.accuracy[-2:].mean() > 0.8
    assert (first.accuracy == again.accuracy).all()
    assert (first.weights[0] == again.weights[0]).all()
    assert (first.pulses > 0).all()
    other = training.train(model, dots(), 4, protocol)
    assert (first.weights[0] != other.weights[0]).any()


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(InputError, match="sign"):
        training.train(IDEAL, dots(), 0, training.Protocol(rule="signs"))
    with pytest.raises(InputError, match="measure both"):
        training.train(replace(IDEAL, ltd=None), dots(), 0, training.Protocol(side=4))
