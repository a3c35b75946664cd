"""Models of exported rows, calculations, rankings, screenings and answers of the service."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of immutable models that refuse unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
