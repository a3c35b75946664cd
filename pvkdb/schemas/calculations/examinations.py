"""Examinations of a device in networks: questions, requests and results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pvkdb.display.numbers import number
from pvkdb.display.units import with_unit
from pvkdb.operations.fields import InCommand
from pvkdb.schemas import RequestModel, StrictModel
from pvkdb.schemas.calculations import bounds
from pvkdb.schemas.calculations.relaxations import CalculationRequest

Task = Literal[
    "training", "inference", "reservoir-digits", "henon", "stdp", "convolution", "spiking",
    "behaviours", "puf",
]  # fmt: skip
#: Tasks in words.
TASKS = {
    "training": "network trained in place",
    "inference": "weights copied",
    "reservoir-digits": "reservoir, pictures by rows",
    "henon": "reservoir, Hénon map",
    "stdp": "spiking layer trained in place without labels",
    "convolution": "weights of a convolutional network copied",
    "spiking": "weights of a spiking network copied",
    "behaviours": "nociceptor, short-term synapse, conditioning",
    "puf": "physically unclonable function",
}
_PICTURES = "training inference reservoir-digits stdp convolution spiking"
#: The tasks that use a setting.
USED_BY = {
    "images": _PICTURES,
    "epochs": "training inference stdp convolution spiking",
    "at_s": "inference convolution spiking",
    "line_ohm": "inference",
    **dict.fromkeys(("interval_s", "pulses"), "reservoir-digits henon"),
    **dict.fromkeys(("model", "values"), "behaviours"),
    **dict.fromkeys(("seeds", "assume_ideal"), f"{_PICTURES} henon"),
}
_Seconds = Annotated[float, Field(ge=0, le=1e10)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class ExaminationSettings(RequestModel):
    """How a device is examined. Every field enters the content key."""

    task: Task = Field(default="training", description="See docs/networks.md.")
    seeds: int = Field(default=5, ge=1, le=50, description="Random seeds, one network each.")
    epochs: int = Field(default=10, ge=1, le=200, description="Epochs of training.")
    assume_ideal: bool = Field(default=False, description="Treat unknown properties as ideal.")
    at_s: tuple[_Seconds, ...] = Field(
        default=(), max_length=9, description="Times after copying at which weights are read, in s."
    )
    line_ohm: float = Field(
        default=0, ge=0, le=1e6, description="Resistance of the line between two cells, in Ω."
    )
    interval_s: float | None = Field(
        default=None,
        gt=0,
        le=1e10,
        description="Time between the pulses of a reservoir, in s; default: the retention.",
        examples=[None],
    )
    pulses: float = Field(
        default=1, gt=0, le=1e4, description="Pulses for each bit of a reservoir."
    )


class ExaminationQuestion(ExaminationSettings):
    """A device, a task, and settings; those that the task does not use are refused."""

    device: str = Field(
        max_length=200,
        description="Id of a device, or a device of NeuroSim: ideal, EpiRAM, PCM, …",
        examples=["EpiRAM"],
    )
    images: Literal["digits", "mnist", "fashion"] = Field(
        default="digits", description="Pictures to learn."
    )
    model: Literal["threshold", "vteam", "yakopcic"] = Field(
        default="threshold", description="Compact model whose behaviours are tested."
    )
    values: Annotated[dict[str, _Finite], InCommand("--set", "NAME=VALUE")] = Field(
        default={}, max_length=20, description="Parameters of the compact model, by name."
    )


class ExaminationRequest(ExaminationSettings, CalculationRequest):
    """Request for the examination of a device in a task.

    ``device_model`` has what is known of the device: its model for networks, a compact model, or
    arrays of states. ``images`` of a folder are ``FOLDER@HASH``, with the start of their SHA-256.
    """

    #: Raised whenever a change of the code changes the numbers for the same device.
    recipe: ClassVar[int] = 1
    kind: Literal["examine"] = "examine"
    device: str
    images: str
    device_model: dict[str, Any]


class OverSeeds(StrictModel):
    """A share of pictures classified correctly, or an error of a series (NRMSE), over seeds."""

    mean: float = Field(description="Mean over the seeds.")
    spread: float = Field(description="Standard deviation over the seeds.")
    seeds: list[float] = Field(description="Of each seed; in training, mean of the last epochs.")


class ImperfectionCost(StrictModel):
    """What one imperfection of a device costs."""

    imperfection: str = Field(description="Its name.")
    alone: OverSeeds = Field(description="The result with this imperfection and no other.")
    without: OverSeeds = Field(description="The result with all imperfections but this one.")


class BehaviourVerdict(StrictModel):
    """The verdict on one behaviour, with its definition."""

    name: str = Field(description="Its name, e.g. `allodynia`.")
    test: str = Field(description="Its test, e.g. `nociceptor`.")
    label: str = Field(description="The behaviour in words.")
    definition: str = Field(description="When it is shown.")
    measure: str = Field(description="What `value` is.")
    unit: str = Field(description="Unit of `value`; empty: a ratio.")
    untested: str = Field(description="Why it may be not tested.")
    source: str = Field(description="Publication of the definition.")
    verdict: str = Field(description="`shown`, `not shown` or `not tested`.")
    value: float | None = Field(description="The measure with the weakest pulses that show it.")
    at: dict[str, float] = Field(description="Amplitude, width and interval of these, in V and s.")
    settings: tuple[int, int] = Field(description="Settings that show it, and all tested.")
    note: str = Field(description="Remark, or why it is not tested.")


class KeyMetric(StrictModel):
    """A metric of keys with its interval."""

    name: str = Field(description="Its name, e.g. `uniqueness_percent`.")
    value: float | None = Field(description="Its value in percent; null: not tested.")
    ends: tuple[float, float] | None = Field(description="Interval at 90 %, in percent.")
    interval: str = Field(description="How the ends were found.")
    bound: str = Field(description="`>` or `<` where the value is a bound.")
    cycles: int | None = Field(description="Cycles or reads behind it.")
    devices: int = Field(description="Arrays or devices behind it.")
    note: str = Field(description="Remark, or why there is no value.")
    place: str = Field(description="Place in the raw file.")


class ExaminationResult(bounds.CalculationResult):
    """The result of one task; without numbers where there is a verdict."""

    task: Task = Field(description="A task of docs/networks.md, e.g. `training`.")
    device: str = Field(description="Name of the device's model.")
    images: str = Field(default="", description="The pictures, or the series.")
    protocol: dict[str, float | str] = Field(default={}, description="Settings of the task.")
    verdict: str = Field(default="", description="Why the device has no number in this task.")
    result: OverSeeds | None = Field(default=None, description="Accuracy, or NRMSE of a series.")
    ideal: OverSeeds | None = Field(default=None, description="The same of an ideal device.")
    gap_points: float | None = Field(default=None, description="Points below the ideal device.")
    baselines: dict[str, OverSeeds] = Field(
        default={}, description="Beside a reservoir: `memoryless` nodes, and `linear`, no nodes."
    )
    epochs: list[float] = Field(default=[], description="Mean accuracy after each epoch.")
    epoch_spreads: list[float] = Field(default=[], description="Spread over seeds of each epoch.")
    costs: list[ImperfectionCost] = Field(default=[], description="What each imperfection costs.")
    later: dict[float, OverSeeds] = Field(
        default={}, description="Copied weights, by the time after writing in s."
    )
    pulses: float | None = Field(default=None, description="Pulses an epoch.")
    energy_j: float | None = Field(default=None, description="Writing an epoch, ΣV²Gt, in J.")
    latency_s: float | None = Field(default=None, description="Writing an epoch row by row, in s.")
    assumed: list[str] = Field(default=[], description="Imperfections taken as ideal: not known.")
    sources: dict[str, str] = Field(default={}, description="Source of each figure of the device.")
    behaviours: list[BehaviourVerdict] = Field(
        default=[], description="Verdicts on behaviours, with definition, measure and source."
    )
    metrics: list[KeyMetric] = Field(default=[], description="Metrics of keys, in percent.")
    notes: list[str] = Field(default=[], description="What to know beside the numbers.")

    def text(self, value: OverSeeds) -> str:
        """Return a value of this task with its spread: percent, or an error without unit."""
        if self.task == "henon":
            return f"NRMSE {value.mean:.3g} ± {value.spread:.1g}"
        return f"{100 * value.mean:.1f} ± {100 * value.spread:.1f} %"

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield all results in words: name, value, note."""
        named = [("result", self.result), ("ideal device", self.ideal), *self.baselines.items()]
        named += [(f"{seconds:g} s after writing", each) for seconds, each in self.later.items()]
        yield from ((name, self.text(value), "") for name, value in named if value is not None)
        if self.gap_points is not None:
            yield "gap to ideal", f"{self.gap_points:.1f} points", ""
        costs = {"pulses": (self.pulses, ""), "energy": (self.energy_j, "J")}
        for name, (cost, unit) in {**costs, "latency": (self.latency_s, "s")}.items():
            if cost is not None:
                yield f"{name} an epoch", with_unit(number(cost), unit), ""
        for each in self.behaviours:
            value = "" if each.value is None else f", {each.measure} {number(each.value)}"
            yield (
                each.label,
                with_unit(f"{each.verdict}{value}", each.unit * bool(value)),
                each.note,
            )
        for key in self.metrics:
            value = "not tested" if key.value is None else f"{key.value:.4g} %"
            ends = f" ({key.ends[0]:.4g} – {key.ends[1]:.4g})" if key.ends else ""
            yield key.name.removesuffix("_percent").replace("_", " "), value + ends, key.note
