"""Devices in networks beside published accuracies: training in place, and reservoirs.

Writes docs/validation/networks.md (some 6 minutes on one quiet core). With names of sections,
prints these instead: ``python -m validation.devices.networks published disagreements reservoirs``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from pvkdb.examination import reservoir
from pvkdb.examination.device import Curve, DeviceModel, preset, presets
from pvkdb.examination.examine import examine, last
from pvkdb.examination.images import shipped
from pvkdb.examination.training import Protocol, train
from pvkdb.schemas.calculations.examinations import OverSeeds
from validation.pages import FOLDER, row, texts

TEXTS = texts(__file__)
PAGE = FOLDER / "networks.md"
SEEDS, FEW = range(5), range(2)
SHORT = Protocol()
#: Points within which a device agrees with NeuroSim; the others are shown with what was looked for.
BARS = {"ideal": 4.0, "EpiRAM": 4.0, "PCM": 4.0, "FeFET": 4.0, "Ag:a-Si": 8.0}
#: A volatile device: a pulse of four leads to half of the range, half is forgotten in 1 s.
VOLATILE = DeviceModel("volatile", Curve(0, 1, 20, 4.0), retention_s=1.0, sigma_write=0.01)
#: One that does not saturate.
STRAIGHT = replace(VOLATILE, name="volatile, straight", ltp=Curve(0, 1, 80))
#: The published echo-state network on the Hénon map: 100 nodes, spectral radius 0.3, half of the
#: weights zero, inputs within ±1, ridge 0.1: NMSE 7.66e-4.
ESN = "https://martinuzzifrancesco.github.io/posts/06_gsoc_week/"
ESN_NMSE, ESN_RADIUS, ESN_RIDGE = 0.000766235182367319, 0.3, 0.1


def echo_state(seed: int) -> float:
    """Return the NRMSE of an echo-state network with the settings of the published one."""
    random, nodes = np.random.default_rng(seed), reservoir.NODES
    series = 2 * (reservoir.henon(reservoir.TRAINED + reservoir.TESTED + 11) - 0.5)
    data = np.column_stack([series[1:], 0.3 * (series[:-1] + 1) - 1])  # y = 0.3 x of before
    weights = random.uniform(-1, 1, (nodes, nodes)) * (random.random((nodes, nodes)) < 0.5)
    weights *= ESN_RADIUS / np.abs(np.linalg.eigvals(weights)).max()
    inputs = random.uniform(-1, 1, (nodes, 2))
    state, read = np.zeros(nodes), np.zeros((len(data), nodes))
    for step, point in enumerate(data):
        state = np.tanh(inputs @ point + weights @ state)
        read[step] = state
    return reservoir.foretelling_error(np.hstack([read, data]), data[:, 0], ESN_RIDGE)


def percent(found: OverSeeds | None) -> str:
    """Mean and spread in percent."""
    return "–" if found is None else f"{100 * found.mean:.1f} ± {100 * found.spread:.1f}"


def accuracy(model: DeviceModel, protocol: Protocol, seeds: range) -> OverSeeds:
    """Accuracy of training in place on MNIST."""
    return last([train(model, shipped("mnist"), seed, protocol) for seed in seeds], protocol)


def head(*cells: str) -> Iterator[str]:
    yield row(*cells)
    yield row(*("---" for _ in cells))


def published(names: Iterable[str] = tuple(presets())) -> Iterator[str]:
    """Every device of NeuroSim."""
    yield from head(
        "device", "NL up, down", "pulses", "on/off", "one pulse", "here, %", "published",
        "difference", "asked",
    )  # fmt: skip
    for name in names:
        figures = presets()[name]
        found = accuracy(preset(name), SHORT, SEEDS)
        gap = 100 * found.mean - figures["published"]
        bar = f"within {BARS[name]:g}" if name in BARS else "shown"
        if name in BARS and abs(gap) > BARS[name]:
            bar += ": missed"
        pairs = ("{:g}, {:g}".format(*figures[key]) for key in ("nl", "pulses"))
        yield row(
            name, *pairs, f"{figures['on_off']:g}", f"{figures['c2c_percent']:g} %",
            percent(found), f"{figures['published']:g}",
            f"{gap:+.1f}", bar,
        )  # fmt: skip


def disagreements() -> Iterator[str]:
    """The devices that disagree, with one thing changed each."""
    yield from head(
        "device", "as above", "one pulse exact", "straight curves", "half the rates",
        "rounded pulses",
    )  # fmt: skip
    for name in presets():
        if name in BARS:
            continue
        model = preset(name)
        cells = [
            accuracy(model, SHORT, FEW),
            accuracy(model.ideal(["cycle to cycle"]), SHORT, FEW),
            accuracy(model.ideal(["nonlinearity"]), SHORT, FEW),
            accuracy(model, replace(SHORT, rates=(0.2, 0.1)), FEW),
            accuracy(model, replace(SHORT, rule="rounded"), FEW),
        ]
        yield row(name, *map(percent, cells))


def reservoirs() -> Iterator[str]:
    """A volatile device on pictures and on the Hénon map."""
    yield from head("task", "memory", "memoryless", "linear", "others")
    cases = ((VOLATILE, "mnist", SEEDS), (STRAIGHT, "mnist", FEW), (VOLATILE, "digits", FEW))
    for model, pictures, seeds in cases:
        found = examine(
            model, "reservoir-digits", shipped(pictures), seeds, interval_s=0.2, pulses=4.0
        )
        cells = [found.result, found.baselines["memoryless"], found.baselines["linear"]]
        yield row(f"{pictures}, {model.name}, %", *map(percent, cells), "")
    found = examine(VOLATILE, "henon", seeds=SEEDS, pulses=10.0)
    cells = [found.result, found.baselines["memoryless"], found.baselines["linear"]]
    shown = [f"{each.mean:.4f} ± {each.spread:.4f}" for each in cells if each]
    echo = [echo_state(seed) for seed in SEEDS]
    others = (
        f"echo-state network: here {np.mean(echo):.4f} ± {np.std(echo, ddof=1):.4f}, "
        f"[published]({ESN}) {ESN_NMSE**0.5:.4f}; memristors, measured (Zhong 2021) 0.046"
    )
    yield row("Hénon map, NRMSE", *shown, others)


SECTIONS = {each.__name__: each for each in (published, disagreements, reservoirs)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    names = options.parse_args().sections
    for name in names:
        for line in SECTIONS[name]():
            print(line, flush=True)
    if not names:
        made = {name: "\n".join(make()) for name, make in SECTIONS.items()}
        PAGE.write_text(TEXTS["page"].format(**made), encoding="utf-8")


if __name__ == "__main__":
    main()
