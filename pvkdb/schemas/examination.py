"""What a device is worth in a network: the result of an examination."""

from __future__ import annotations

from pydantic import Field

from pvkdb.schemas import StrictModel


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

    task: str = Field(description="`training`, `inference`, `reservoir-digits` or `henon`.")
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
