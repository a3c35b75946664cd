"""Rankings: how far each device meets the requirements of an application."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Verdict(StrEnum):
    """What the evidence says on one requirement."""

    MET = "met"
    NOT_MET = "not met"
    NOT_SHOWN = "not shown"
    UNKNOWN = "unknown"


class Requirement(BaseModel):
    """One criterion of an application profile, with its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    comparator: str
    value: float
    value_max: float | None = None
    unit: str
    source: str
    erratum: str | None = None
    basis: str = "printed"
    upper_limit: bool | None = None

    def __str__(self) -> str:
        if self.comparator == "between":
            return f"{self.metric} {self.value:g} to {self.value_max:g} {self.unit}"
        return f"{self.metric} {self.comparator} {self.value:g} {self.unit}"


class CriterionResult(BaseModel):
    """One requirement held against one device."""

    requirement: Requirement
    verdict: Verdict
    value: float | None = Field(description="Reported value, None where none was found.")
    qualifier: str | None = Field(description="'~', '>' or 'tested' (a lower bound).")
    shortfall_decades: float | None = Field(
        description="Decades missing to the requirement; 0 where met, None where unknown."
    )


class RankedDevice(BaseModel):
    """A device with its place. Equal evidence shares a place."""

    rank: int
    device: str
    structure: str
    absorber: str
    references: str
    criteria: list[CriterionResult]
    met: int
    unknown: int
    shortfall_decades: float = Field(description="Sum over the criteria that are known.")


class Ranking(BaseModel):
    """Devices in the order in which they serve an application."""

    application: str
    title: str
    source: str
    requirements: list[Requirement]
    devices: list[RankedDevice]
    dataset_version: str
