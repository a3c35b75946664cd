"""The examination: one device, one task, several seeds, with its imperfections one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from pvkdb.crossbar.limits import read_margin
from pvkdb.errors import InputError, unknown_name
from pvkdb.examination import inference, reservoir, spiking, training
from pvkdb.examination.device import FADING, LEARNING, NEEDED, DeviceModel, needed
from pvkdb.examination.images import Images, shipped
from pvkdb.examination.training import Protocol, Trained
from pvkdb.schemas.calculations.examinations import (
    ExaminationResult,
    ImperfectionCost,
    OverSeeds,
    Task,
)

__all__ = ["examine"]


def examine(
    model: DeviceModel,
    task: Task = "training",
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
    on_share: Callable[[float], None] = lambda share: None,
) -> ExaminationResult:
    """Return a device's result in a task, over seeds, and the cost of each imperfection.

    Training counts the last epochs, never the best. ``assume_ideal`` takes what is not known as
    ideal, and the result says so. ``at_s`` are times after which copied weights are read, and
    ``line_ohm`` the resistance of a line between two cells of their array. The ``pulses`` of a
    reservoir are ``interval_s`` apart, by default the device's retention. ``on_share`` is called
    with the share that is done.

    Raises:
        InputError: there is no such task, or something that it needs is not known.
    """
    if task not in NEEDED:
        raise InputError(unknown_name("task", task, NEEDED))
    learning, fading, chosen = task in LEARNING, task in FADING, list(seeds)
    parts = needed(task, bool(at_s))
    pictures = images or shipped("digits")
    interval = interval_s or model.retention_s or 0.0
    used: dict[str, Any] = {"seeds": " ".join(map(str, chosen))}
    if fading:
        used |= {"interval_s": interval} if np.isfinite(interval) else {}
        used["pulses"] = pulses
    else:
        used |= {**asdict(protocol), "rates": " ".join(map(str, protocol.rates))}
        used |= {"line_ohm": line_ohm} if line_ohm else {}
    found = ExaminationResult(
        task=task,
        device=model.name,
        images=reservoir.SERIES if task == "henon" else pictures.source,
        protocol=used,
        sources=dict(model.sources),
    )
    if not (verdict := reservoir.verdict(model) if fading else model.verdict(learning)):
        model = model.for_task(task, bool(at_s), assume_ideal)
        verdict = reservoir.verdict(model) if fading else ""
    if verdict:
        return found.model_copy(update={"verdict": verdict})
    update: dict[str, Any] = {"assumed": [name for name in model.assumed if name in parts]}
    if fading:
        compare = reservoir.foretell if task == "henon" else reservoir.digits
        rows = [compare(model, pictures, interval, pulses, seed)._asdict() for seed in chosen]
        update["baselines"] = {name: _over([row[name] for row in rows]) for name in rows[0]}
        update["result"] = update["baselines"].pop("memory")
        return found.model_copy(update=update)

    train, infer = _network(task)
    present = [name for name in parts if name not in model.assumed] if ablation else []
    present = [name for name in present if model.ideal([name]) != model]
    ideal = [train(model.ideal(parts), pictures, seed, protocol) for seed in chosen]
    times, steps = (0.0, *at_s), count(1)

    def run(device: DeviceModel, lines: float = 0.0) -> list[OverSeeds]:
        """Results at all times; the training of the whole device says more."""
        on_share(next(steps) / (3 + 2 * len(present)))
        if learning:
            runs = [train(device, pictures, seed, protocol) for seed in chosen]
            if device is model:
                each_epoch = np.array([each.accuracy for each in runs])
                update["epochs"] = each_epoch.mean(axis=0).tolist()
                update["epoch_spreads"] = [_over(values).spread for values in each_epoch.T]
                update.update(_written(model, runs))
            return [last(runs, protocol)]
        each = [
            infer(device, trained.weights, pictures, seed, protocol, times, lines)
            for trained, seed in zip(ideal, chosen, strict=True)
        ]
        return [_over(values) for values in zip(*each, strict=True)]

    update["ideal"] = last(ideal, protocol) if learning else run(model.ideal(parts))[0]
    update["result"], *later = run(model, line_ohm)
    update["later"] = dict(zip(at_s, later, strict=not learning))
    update["gap_points"] = 100 * (update["ideal"].mean - update["result"].mean)
    if task == "inference":
        update["notes"] = _margin(model, pictures, protocol)
    update["costs"] = [
        ImperfectionCost(
            imperfection=name,
            alone=run(model.ideal(other for other in parts if other != name))[0],
            without=run(model.ideal([name]))[0],
        )
        for name in present
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
