"""A spiking layer that learns pictures without labels: STDP, and the winner takes all.

The rule of D. Querlioz et al., IEEE Trans. Nanotechnol. 12, 288 (2013), doi
10.1109/TNANO.2013.2250995: when a neuron fires, each of its devices gets one pulse, potentiation
where the input spiked within a window before, else depression, and the others are inhibited. Its
threshold rises as in P. U. Diehl and M. Cook, Front. Comput. Neurosci. 9, 99 (2015), doi
10.3389/fncom.2015.00099, so that every neuron wins some pictures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pvkdb.examination.device import GRID, DeviceModel
from pvkdb.examination.images import Images
from pvkdb.examination.training import Protocol, Trained
from pvkdb.measurements.forms import Floats

#: Neurons; steps of a picture, of the leak, of the window and of the inhibition; mean share of the
#: inputs that spike in a step. Thresholds are in units of the current of as many devices at the top
#: of their range, and each spike raises them.
_NEURONS, _STEPS, _LEAK, _WINDOW, _INHIBITION, _LIT = 50, 30, 10.0, 5, 3, 0.1
_THRESHOLD, _RISE = 3.0, 0.02
#: Pictures whose labels name the neurons.
_LABELLED = 1000


class _Layer:
    """Devices between inputs and neurons, and the thresholds of the neurons."""

    def __init__(self, model: DeviceModel, inputs: int, seed: int) -> None:
        self.random, self.maps = np.random.default_rng(seed), model.maps()[0]
        self.sigma, self.noise = model.sigma_c2c or 0.0, model.read_noise or 0.0
        shape, spread = (inputs, _NEURONS), model.sigma_d2d or 0.0
        # The least conductance adds the same current to all neurons.
        self.low = 1 / ((model.on_off or np.inf) - 1) + spread * self.random.normal(size=shape)
        self.span = np.maximum(1 + spread * self.random.normal(size=shape), 0.05)
        self.state = self.random.uniform(0.3, 0.7, shape)
        self.thresholds, self.counts = np.full(_NEURONS, _THRESHOLD), np.zeros((3, 2))

    def show(self, picture: Floats, learn: bool = False) -> Floats:
        """Return how often each neuron fires at a picture."""
        mean = _LIT * len(picture)
        rate = picture * (mean / max(float(picture.sum()), 1e-9))
        spikes = self.random.random((_STEPS, len(picture))) < rate
        conductance = self.low + self.span * self.state
        currents = spikes @ conductance
        if self.noise:
            size = self.noise * np.sqrt(spikes @ conductance**2)
            currents += size * self.random.normal(size=size.shape)
        times = np.where(spikes, np.arange(_STEPS)[:, None], -_STEPS)
        recent = np.arange(_STEPS)[:, None] - np.maximum.accumulate(times) < _WINDOW
        potential, fired, free = np.zeros(_NEURONS), np.zeros(_NEURONS), 0
        for step in range(_STEPS):
            potential = (potential * np.exp(-1 / _LEAK) + currents[step] / mean) * (step >= free)
            winner = int(np.argmax(potential - self.thresholds))
            if potential[winner] > self.thresholds[winner]:
                potential[:], free = 0.0, step + 1 + _INHIBITION
                fired[winner] += 1
                if learn:
                    after = self._learn(winner, recent[step])
                    currents[step + 1 :, winner] = spikes[step + 1 :] @ after
        return fired

    def _learn(self, winner: int, recent: npt.NDArray[np.bool_]) -> Floats:
        """Apply a pulse to each device of a neuron, and return their conductances."""
        before, grid = self.state[:, winner], np.linspace(0, 1, GRID + 1)
        up, down = (np.interp(before, grid, after) for after in self.maps)
        after = np.where(recent, up, down) + self.sigma * self.random.normal(size=len(before))
        self.state[:, winner] = after = np.clip(after, 0.0, 1.0)
        for way, chosen in enumerate((recent, ~recent)):
            self.counts[:, way] += chosen.sum(), (before + after)[chosen].sum() / 2, chosen.any()
        self.thresholds -= _RISE / _NEURONS
        self.thresholds[winner] += _RISE
        return np.asarray(self.low[:, winner] + self.span[:, winner] * after)


def train(model: DeviceModel, images: Images, seed: int, protocol: Protocol) -> Trained:
    """Return a layer that learnt pictures; labels only name what each neuron stands for.

    A picture gets the class for which the neurons that fire at it stand, each by the shares of the
    classes at which it fires. Of the protocol only the epochs count.

    Raises:
        InputError: the device lacks potentiation or depression.
    """
    layer, labels = _Layer(model, images.train.shape[1], seed), images.train_labels
    accuracy = np.zeros(protocol.epochs)
    for epoch in range(protocol.epochs):
        for number in layer.random.permutation(len(labels)):
            layer.show(images.train[number], learn=True)
        classes = np.zeros((int(labels.max()) + 1, _NEURONS))
        for picture, label in zip(images.train[:_LABELLED], labels, strict=False):
            classes[label] += layer.show(picture)
        classes /= np.maximum(np.bincount(labels[:_LABELLED], minlength=len(classes)), 1)[:, None]
        shares = classes / np.maximum(classes.sum(axis=0), 1e-9)
        answers = [int(np.argmax(shares @ layer.show(picture))) for picture in images.test]
        accuracy[epoch] = np.mean(np.array(answers) == images.test_labels)
    return Trained(accuracy, (layer.state,), *(layer.counts / protocol.epochs))
