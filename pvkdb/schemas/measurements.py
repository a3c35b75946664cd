"""What measurements show beside their metrics: good practice, and the mechanism of switching."""

from __future__ import annotations

from typing import Literal

from pvkdb.schemas import StrictModel

NOT_MEASURED, UNDECIDED = "not measured", "undecided"


class Quality(StrictModel):
    """The answer of a data set to a question of good practice, and what was found."""

    question: str
    answer: Literal["yes", "no", "not known"]
    found: str
    source: str


class Vote(StrictModel):
    """What a sign says of a mechanism, and the number it rests on, or what has to be measured."""

    sign: str
    answer: str  # an alternative of the step, "undecided" or "not measured"
    strength: str  # "strong"; "weak": also seen with the other mechanism; empty without answer
    found: str
    source: str


class SwitchingStep(StrictModel):
    """A question on the mechanism of switching, its answer by votes, and what to measure next."""

    question: str
    answer: str
    strength: str
    votes: list[Vote]
    next: str  # empty if nothing is missing
