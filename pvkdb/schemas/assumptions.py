"""What a model assumes, shown beside its result so that a reader can disagree."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Assumption(BaseModel):
    """One number or choice that went into a result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Name of the assumption.")
    value: str = Field(description="The value as text, a range as `low–high`.")
    unit: str = Field(description="Unit; `1` for a pure number or a choice.")
    source: str = Field(description="Where it comes from: a paper, the store, or `given`.")
    default: bool = Field(description="Whether pvkdb chose it because nobody gave another.")
