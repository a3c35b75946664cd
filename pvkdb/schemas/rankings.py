"""Rankings: how far devices and materials suit an application, with every number behind it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from pvkdb.schemas.assumptions import Assumption
from pvkdb.schemas.profiles import Ask, Criterion, Subject

Order = Literal["shown", "expected", "possible"]
ORDERS: dict[Order, str] = {
    "shown": "what is not shown counts as the floor",
    "expected": "what is unknown counts as its mean over all that is possible",
    "possible": "what is unknown counts as the best",
}


class Verdict(StrEnum):
    """What the evidence says on one criterion."""

    MET = "met"
    PARTLY = "partly met"
    GRADED = "graded"
    UNDECIDED = "undecided"
    NOT_DEMONSTRATED = "not demonstrated"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_DEFINED = "not defined"


class Grade(StrEnum):
    """How good the evidence is, best first."""

    MEASURED_SEVERAL = "measured, several sources"
    MEASURED = "measured"
    DFT = "DFT"
    REPORTED = "reported, method not told"
    COMPOSITION = "from the composition"
    MODEL = "model"
    MISSING = "missing"


class Assessment(BaseModel):
    """One criterion held against the evidence of one candidate."""

    metric: str
    weight: float = Field(description="Share of the weight, of those criteria that are defined.")
    verdict: Verdict
    minimum: float | None = Field(default=None, description="None: unknown, or open below.")
    maximum: float | None = Field(default=None, description="None: unknown, or open above.")
    word: str | None = None
    qualifier: str | None = Field(default=None, description="As printed, or 'tested'.")
    unit: str
    grade: Grade
    desirability_shown: float = Field(description="0 to 1, as far as the evidence shows it.")
    desirability_expected: float = Field(description="Mean over what the evidence allows.")
    desirability_possible: float = Field(description="The best that the evidence allows.")
    shortfall_decades: float | None = Field(
        default=None,
        description="Decades missing to what satisfies; None where not on a log scale.",
    )
    reason: str = Field(description="The verdict in words, with its numbers.")
    source: str | None = None
    references: str = ""


class Known(BaseModel):
    """What is known of a candidate on a metric that the profile does not ask for."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    word: str | None = None
    text: str = Field(description="The value in words.")
    grade: Grade
    source: str | None = None
    references: str = ""


class UnderReading(BaseModel):
    """Where a candidate stands under another reading of the doubtful requirements."""

    rank: int
    shown: float
    failures: list[str]


class RankedCandidate(BaseModel):
    """A candidate with its place. Equal evidence shares a place."""

    rank: int
    id: str
    label: str
    kind: Literal["device", "figures", "material"] = Field(
        description="A row of the devices, figures of the text on one device, or a material."
    )
    material: str | None = Field(default=None, description="Public name, where it can be told.")
    absorber: str | None = Field(default=None, description="Of a device, as printed.")
    references: str = ""
    devices: int | None = Field(
        default=None, description="Of a material: devices of the store that are made of it."
    )
    shown: float
    expected: float
    possible: float
    coverage: float = Field(description="Share of the weight on which there is evidence.")
    failures: list[str] = Field(description="Requirements that are not met, in words.")
    met: int
    not_demonstrated: int
    unknown: int
    shortfall_decades: float = Field(description="Sum over the criteria on a log scale.")
    pareto: bool = Field(description="No other candidate is shown to be better all round.")
    rank_probabilities: list[float] = Field(
        description="Probability of ranks 1, 2, … for random weights and values (SMAA)."
    )
    mean_rank: float = Field(description="Mean rank of the same samples.")
    topsis_rank: int | None = None
    spotis_rank: int | None = None
    under_readings: dict[str, UnderReading] = {}
    prediction: str | None = Field(
        default=None,
        description="What the model of kinetics predicts, against what the profile wants.",
    )
    criteria: list[Assessment]
    also_known: list[Known] = []


class CrossCheck(BaseModel):
    """The shown order beside that of a method of pymcdm on the same desirabilities."""

    method: str
    spearman: float | None = Field(
        description="Rank correlation with the shown order; None where either has no order."
    )
    same_leaders: bool = Field(description="Whether the first place is shared by the same.")


class Ranking(BaseModel):
    """Candidates in the order in which they suit an application."""

    application: str
    title: str
    summary: str
    subject: Subject
    order: Order
    reading: str | None = Field(description="Reading of doubtful requirements; None: the first.")
    floor: float = Field(description="What a desirability counts at least.")
    samples: int
    seed: int
    criteria: list[Criterion] = Field(description="With the weights that were used.")
    not_judged: list[Ask]
    candidates: list[RankedCandidate]
    cross_checks: list[CrossCheck]
    notes: list[str] = Field(description="What a reader must know of this ranking.")
    assumptions: list[Assumption] = Field(
        default=[], description="What predictions take beside the activation energy."
    )
    dataset_version: str


class ProfileSummary(BaseModel):
    """An application profile in a line."""

    name: str
    title: str
    device_criteria: int
    material_criteria: int
