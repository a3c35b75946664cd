"""Whether predictions agree with measured devices: what decides about the weight they may have."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Correlation(BaseModel):
    """A rank correlation of predicted with measured values, with bootstrap intervals of 95 %."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None = Field(description="-1 to 1; None where it is not defined.")
    devices: int = Field(description="Devices that go in.")
    materials: int = Field(description="Absorbers among them.")
    pairs: int = Field(description="Pairs of devices whose measured order can be told.")
    low: float | None = Field(description="Of resampled materials; None with too few of them.")
    high: float | None
    device_low: float | None = Field(description="Of resampled devices, for comparison.")
    device_high: float | None


class Support(BaseModel):
    """Whether measured devices support the predictions of one metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    supported: bool
    reason: str = Field(description="Why, in words, with the numbers.")
    devices: int = Field(description="Devices with a measured and a predicted value.")
    materials: int
    correlations: tuple[Correlation, ...]


class SupportTable(BaseModel):
    """The support of every modelled metric, as the page has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str
    metrics: tuple[Support, ...]
