"""The examination: one device, one task, several seeds, with its imperfections one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from pydantic import Field

from pvkdb.crossbar.limits import read_margin
from pvkdb.errors import InputError, unknown_name
from pvkdb.examination import inference, reservoir, spiking, training
from pvkdb.examination.device import DeviceModel
from pvkdb.examination.images import Images, shipped
from pvkdb.examination.training import Protocol, Trained
from pvkdb.schemas import StrictModel

#: Imperfections that matter to a task, and must be known or taken as ideal.
TASKS = {
    "training": ("nonlinearity", "states", "cycle to cycle", "device to device", "read noise"),
    "inference": ("states", "writing", "device to device", "read noise", "retention"),
    "reservoir-digits": ("writing", "retention"),
    "henon": ("writing", "retention"),
}
TASKS |= {"stdp": TASKS["training"], "convolution": TASKS["inference"]}
TASKS |= {"spiking": TASKS["inference"]}


class OverSeeds(StrictModel):
    """A share of pictures named rightly, or an error of a series (NRMSE), over seeds."""

    mean: float = Field(description="Mean over the seeds.")
    spread: float = Field(description="Standard deviation over the seeds.")
    seeds: list[float] = Field(description="Of each seed; in training, mean of the last epochs.")


class ImperfectionCost(StrictModel):
    """What one imperfection of a device costs."""

    imperfection: str = Field(description="Its name.")
    alone: OverSeeds = Field(description="The result with this imperfection and no other.")
    without: OverSeeds = Field(description="The result with all imperfections but this one.")


class Examination(StrictModel):
    """The result of one task; without numbers where there is a verdict."""

    task: str = Field(description="A task of docs/networks.md, e.g. `training`.")
    device: str = Field(description="Name of the device's model.")
    images: str = Field(description="The pictures, or the series.")
    settings: dict[str, float | str] = Field(description="Settings of the task.")
    verdict: str = Field(default="", description="Why the device has no number in this task.")
    result: OverSeeds | None = Field(default=None, description="Accuracy, or NRMSE of a series.")
    ideal: OverSeeds | None = Field(default=None, description="The same of an ideal device.")
    gap_points: float | None = Field(default=None, description="Points below the ideal device.")
    baselines: dict[str, OverSeeds] = Field(
        default={}, description="Beside a reservoir: `memoryless` nodes, and `linear`, no nodes."
    )
    epochs: list[float] = Field(default=[], description="Mean accuracy after each epoch.")
    costs: list[ImperfectionCost] = Field(default=[], description="What each imperfection costs.")
    later: dict[float, OverSeeds] = Field(
        default={}, description="Copied weights, by the time after writing in s."
    )
    pulses: float | None = Field(default=None, description="Pulses an epoch.")
    energy_j: float | None = Field(default=None, description="Writing an epoch, ΣV²Gt, in J.")
    latency_s: float | None = Field(default=None, description="Writing an epoch row by row, in s.")
    assumed: list[str] = Field(default=[], description="Imperfections taken as ideal: not known.")
    notes: list[str] = Field(default=[], description="What to know beside the numbers.")


def examine(
    model: DeviceModel,
    task: str = "training",
    images: Images | None = None,
    seeds: Iterable[int] = range(5),
    protocol: Protocol = Protocol(),
    *,
    assume_ideal: bool = False,
    ablation: bool = True,
    at_s: Sequence[float] = (),
    line_ohm: float = 0.0,
    interval_s: float | None = None,
    pulses: float = 1.0,
) -> Examination:
    """Return what a device is worth in a task: mean and spread over seeds, and what costs what.

    Training counts the last epochs, never the best. ``assume_ideal`` takes what is not known as
    ideal, and the result says so. ``at_s`` are times after which copied weights are read, and
    ``line_ohm`` the resistance of a line between two cells of their array. The ``pulses`` of a
    reservoir are ``interval_s`` apart, by default the device's retention.

    Raises:
        InputError: there is no such task, or something that it needs is not known.
    """
    if task not in TASKS:
        raise InputError(unknown_name("task", task, TASKS))
    learning, chosen = task in ("training", "stdp"), list(seeds)
    fading = task in ("reservoir-digits", "henon")
    needed = [name for name in TASKS[task] if name != "retention" or fading or at_s]
    pictures = images or shipped("digits")
    interval = interval_s or model.retention_s or 0.0
    settings: dict[str, Any] = {"seeds": " ".join(map(str, chosen))}
    if fading:
        settings |= {"interval_s": interval, "pulses": pulses}
    else:
        settings |= {**asdict(protocol), "rates": " ".join(map(str, protocol.rates))}
        settings |= {"line_ohm": line_ohm} if line_ohm else {}
    found = Examination(
        task=task,
        device=model.name,
        images=reservoir.SERIES if task == "henon" else pictures.source,
        settings=settings,
    )
    if verdict := reservoir.verdict(model) if fading else model.verdict(learning):
        return found.model_copy(update={"verdict": verdict})
    if missing := model.missing((*needed, *(("on/off",) if model.read_noise else ()))):
        if not assume_ideal:
            raise InputError(
                f"{model.name}: {', '.join(missing)} not known, which {task} needs; measure, or "
                "ask to take them as ideal"
            )
        model = model.ideal(missing, assumed=True)
    update: dict[str, Any] = {"assumed": [name for name in model.assumed if name in needed]}
    if fading:
        compare = reservoir.foretell if task == "henon" else reservoir.digits
        rows = [compare(model, pictures, interval, pulses, seed)._asdict() for seed in chosen]
        update["baselines"] = {name: _over([row[name] for row in rows]) for name in rows[0]}
        update["result"] = update["baselines"].pop("memory")
        return found.model_copy(update=update)

    train, infer = _network(task)
    ideal = [train(model.ideal(needed), pictures, seed, protocol) for seed in chosen]
    times = (0.0, *at_s)

    def run(device: DeviceModel, lines: float = 0.0) -> list[OverSeeds]:
        """Results at all times; the training of the whole device says more."""
        if learning:
            runs = [train(device, pictures, seed, protocol) for seed in chosen]
            if device is model:
                update["epochs"] = np.mean([each.accuracy for each in runs], axis=0).tolist()
                update.update(_written(model, runs))
            return [last(runs, protocol)]
        each = [
            infer(device, trained.weights, pictures, seed, protocol, times, lines)
            for trained, seed in zip(ideal, chosen, strict=True)
        ]
        return [_over(values) for values in zip(*each, strict=True)]

    update["ideal"] = last(ideal, protocol) if learning else run(model.ideal(needed))[0]
    update["result"], *later = run(model, line_ohm)
    update["later"] = dict(zip(at_s, later, strict=not learning))
    update["gap_points"] = 100 * (update["ideal"].mean - update["result"].mean)
    if task == "inference":
        update["notes"] = _margin(model, pictures, protocol)
    present = [name for name in needed if name not in model.assumed] if ablation else []
    update["costs"] = [
        ImperfectionCost(
            imperfection=name,
            alone=run(model.ideal(other for other in needed if other != name))[0],
            without=run(model.ideal([name]))[0],
        )
        for name in present
        if model.ideal([name]) != model
    ]
    return found.model_copy(update=update)


def _network(task: str) -> tuple[Callable[..., Trained], Callable[..., list[float]]]:
    """Return how networks of a task are trained and copied; torch is imported when it is needed."""
    if task in ("convolution", "spiking"):
        from pvkdb.examination import torch_networks

        return partial(torch_networks.train, task), partial(torch_networks.infer, task)
    return spiking.train if task == "stdp" else training.train, inference.infer


def _margin(model: DeviceModel, images: Images, protocol: Protocol) -> list[str]:
    """Note on reading the cells of an array one by one, as verification of writing does."""
    if not model.on_off or not 1 < model.on_off < np.inf:
        return []
    lines = max(min(protocol.side, images.side) ** 2, protocol.hidden)
    return [
        f"cell by cell, without selectors, an array of {lines} × {lines} has a read margin of "
        f"{read_margin(lines, model.on_off):.2%} at a pull-up of R_LRS (10 % are needed): states "
        "are verified with selectors or transistors"
    ]


def _written(model: DeviceModel, runs: Sequence[Trained]) -> dict[str, float | None]:
    """Pulses of an epoch, their energy V² G t, and their time row by row."""
    names = ("pulses", "charges", "slots")
    pulses, charges, slots = (np.mean([getattr(r, n) for r in runs], axis=0) for n in names)
    volts, widths = (model.ltp_v, model.ltd_v), (model.ltp_s, model.ltd_s)
    found: dict[str, float | None] = {"pulses": float(pulses.sum())}
    if None not in widths:
        seconds = np.array(widths, dtype=float)
        found["latency_s"] = float(slots @ seconds)
        if None not in volts and model.g_max_s and model.on_off:
            low = model.g_max_s / model.on_off
            conductance = low * pulses + (model.g_max_s - low) * charges
            found["energy_j"] = float(np.array(volts, dtype=float) ** 2 @ (conductance * seconds))
    return found


def _over(values: Sequence[float]) -> OverSeeds:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return OverSeeds(mean=float(np.mean(values)), spread=spread, seeds=[*map(float, values)])


def last(runs: Sequence[Trained], protocol: Protocol) -> OverSeeds:
    """Return the means of the last epochs of networks, over seeds."""
    return _over([float(run.accuracy[-protocol.last :].mean()) for run in runs])
