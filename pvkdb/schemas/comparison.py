"""Two to four compositions or devices side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from pvkdb.display.notebook import NotebookView
from pvkdb.operations.fields import InCommand, Text
from pvkdb.schemas import RequestModel
from pvkdb.schemas.profiles import MetricName, Subject
from pvkdb.schemas.rankings import Known, split_names

Difference = Literal["beyond the errors", "within the errors", "error not known", "unknown"]


class CompareRequest(RequestModel):
    """Compositions or devices to compare."""

    materials: Annotated[list[Text] | None, InCommand("materials")] = Field(
        None,
        min_length=2,
        max_length=4,
        description="Two to four formulas in any spelling.",
        examples=[["CsPbBr3", "MAPbI3"]],
    )
    devices: list[Text] | None = Field(
        None,
        min_length=2,
        max_length=4,
        description="Two to four ids of devices.",
        examples=[["d-t4-r14", "d-t4-r15"]],
    )

    @field_validator("materials", "devices", mode="before")
    @classmethod
    def _names(cls, given: str | Sequence[str] | None) -> list[str] | None:
        return None if given is None else [*split_names(given)]


class ComparedValue(Known):
    """A value of one candidate; `minimum` and `maximum` are the ends of its 95% interval."""

    kind: Literal["literature", "computed", "literature and computed", "unknown"] = Field(
        description="Whether papers report it, or pvkdb computed it."
    )
    beside: list[Known] = Field([], description="The kinds of evidence that it joins.")


class ComparedRow(BaseModel):
    """The values of all candidates for one metric."""

    metric: MetricName
    label: str = Field(description="The metric in words.")
    unit: str = Field(description="Unit; `1` for a pure number.")
    values: list[ComparedValue] = Field(description="One for each candidate, in their order.")
    difference: Difference = Field(description="Whether any two of the intervals lie apart.")


class ComparedScore(BaseModel):
    """Place and score of one candidate in the ranking of an application."""

    rank: int = Field(description="Place; of an unreviewed candidate where it would stand.")
    score: float = Field(description="Product of the shares over all requirements.")
    score_low: float = Field(description="Lower end of the 95% interval of the score.")
    score_high: float = Field(description="Upper end of the 95% interval of the score.")
    unreviewed: bool = Field(description="Whether it is imported and nobody has confirmed it.")


class ComparedApplication(BaseModel):
    """The places of all candidates in the ranking of one application."""

    application: str = Field(description="Name of the application.")
    title: str = Field(description="Title.")
    ranked: int = Field(description="Number of ranked candidates.")
    scores: list[ComparedScore | None] = Field(description="One for each candidate; None: none.")
    difference: Difference = Field(description="Whether any two of the intervals lie apart.")


class Comparison(BaseModel, NotebookView):
    """Candidates side by side, with the answer to how they differ."""

    answer: str = Field(description="What differs most beyond the errors, in one sentence.")
    subject: Subject = Field(description="What is compared: devices or materials.")
    candidates: list[str] = Field(description="Formulas, or ids of devices.")
    labels: list[str] = Field(description="Their names.")
    values: list[ComparedRow] = Field(description="One row for each metric with a value.")
    applications: list[ComparedApplication] = Field(description="One row for each application.")
    dataset_version: str = Field(description="Version of the data, for a citation.")

    @property
    def places(self) -> list[tuple[str, ComparedApplication]]:
        """The applications, those with equal places and scores as one, with all titles."""
        titles: dict[str, list[str]] = {}
        rows: dict[str, ComparedApplication] = {}
        for each in self.applications:
            same = each.model_dump_json(exclude={"application", "title"})
            titles.setdefault(same, []).append(each.title)
            rows[same] = each
        return [(", ".join(titles[same]), row) for same, row in rows.items()]
