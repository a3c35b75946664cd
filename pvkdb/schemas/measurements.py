"""What measurements show beside their metrics: good practice, and the mechanism of switching."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pvkdb.schemas import StrictModel

NOT_MEASURED, UNDECIDED = "not measured", "undecided"


class Quality(StrictModel):
    """The answer of a data set to one question of good practice."""

    question: str
    answer: Literal["yes", "no", "not known"]
    found: str = Field(description="What was found in the data, or what would answer the question.")
    source: str = Field(description="Section that asks for it.")


class Vote(StrictModel):
    """What one sign says of the mechanism of switching."""

    sign: str = Field(description="E.g. `LRS current against area`.")
    answer: str = Field(description="One of the alternatives, `undecided` or `not measured`.")
    strength: Literal["strong", "weak", ""] = Field(
        description="weak: the sign also occurs with the other mechanism; empty without answer."
    )
    found: str = Field(description="The measured number, or the measurement that is missing.")
    source: str


class SwitchingStep(StrictModel):
    """One question on the mechanism of switching, with its votes."""

    question: str = Field(description="E.g. `filamentary or interfacial`.")
    answer: str = Field(description="One of the alternatives, `undecided` or `not measured`.")
    strength: Literal["strong", "weak", ""]
    votes: list[Vote]
    next: str = Field(description="The measurement to make next; empty if none is missing.")
