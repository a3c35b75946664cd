"""Envelopes of the service: pages, problems, health."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from pvkdb.schemas.tables import ToleranceRow

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A page of a collection. ``next_cursor`` is opaque; None on the last page."""

    data: list[Item]
    total: int = Field(description="Rows that match the filters, over all pages.")
    next_cursor: str | None
    dataset_version: str


class FormulaTolerance(BaseModel):
    """Tolerance factors of one formula among many, or why it has none."""

    formula: str = Field(description="The formula as it was given.")
    factors: ToleranceRow | None = Field(description="The factors with their radii.")
    problem: str | None = Field(description="Why there are none.")


class ToleranceAnswer(BaseModel):
    """Tolerance factors of many formulas, in the order in which they were given."""

    data: list[FormulaTolerance]


class Problem(BaseModel):
    """An error as RFC 9457 describes it (application/problem+json)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    parameter: str | None = Field(default=None, description="The parameter that was refused.")


class Liveness(BaseModel):
    """What ``/livez`` says."""

    status: str
    version: str


class Health(BaseModel):
    """What ``/readyz`` and ``/healthz`` say."""

    status: str
    version: str
    database: str
    dataset_version: str
