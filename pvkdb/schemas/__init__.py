"""Models of exported rows, calculations, rankings, screenings and answers of the service."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of models that cannot be changed and refuse unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
