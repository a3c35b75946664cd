"""Finished calculations as they travel from one store to another: one a line of a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pvkdb.schemas.calculations import FailureKind

#: Raised whenever a reader of this version could not understand the lines.
EXCHANGE_VERSION: Literal[1] = 1


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ExchangeHead(_Line):
    """The first line of a file."""

    format: Literal["pvkdb calculations"] = "pvkdb calculations"
    version: Literal[1] = EXCHANGE_VERSION
    pvkdb_version: str
    calculations: int


class TravellingMaterial(_Line):
    """What a calculation is about."""

    formula: str
    phase: str | None


class TravellingStructure(_Line):
    """A structure that a calculation made; its columns in the table of structures."""

    id: str
    space_group: str | None
    role: str
    origin: str
    parent_id: str | None
    energy_ev: float | None
    cell_ang: list[list[float]]
    symbols: list[str]
    positions_ang: list[list[float]]


class TravellingEnergetic(_Line):
    """A statement that a calculation made; its columns in the table of energetics."""

    id: str
    direction: str | None
    defect: str
    species: str
    charge: int | None
    quantity: Literal["E_A", "DFE"]
    scope: str
    value_min_ev: float | None
    value_max_ev: float | None
    bound: str | None
    approximate: bool
    method: str
    functional: str | None
    soc: bool | None
    conditions: str | None
    source: str


class TravellingCalculation(_Line):
    """A calculation that is done, or that failed for a reason of its own."""

    key: str
    kind: str
    state: Literal["done", "failed"]
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    versions: dict[str, str] | None
    failure_kind: FailureKind | None
    failure_message: str | None
    started_at: datetime | None
    finished_at: datetime
    material: TravellingMaterial | None
    structures: list[TravellingStructure]
    energetics: list[TravellingEnergetic]
