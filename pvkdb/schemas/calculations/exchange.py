"""Files of finished calculations, one per line, to copy them to another store."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

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


class ExchangedMaterial(_Line):
    """Material of a calculation."""

    formula: str
    phase: str | None


class ExchangedStructure(_Line):
    """A structure made by a calculation, with columns of the table of structures."""

    id: str
    space_group: str | None
    role: str
    origin: str
    parent_id: str | None
    energy_ev: float | None
    cell_ang: list[list[float]]
    symbols: list[str]
    positions_ang: list[list[float]]


class ExchangedEnergetic(_Line):
    """An energy computed by a calculation, with columns of the table of energetics."""

    id: str
    direction: str | None
    defect: str
    species: str
    charge: int | None
    quantity: Literal["E_A", "DFE"]
    scope: Literal["reported", "hop", "percolation"]
    value_min_ev: float | None
    value_max_ev: float | None
    bound: Literal["lower", "upper"] | None
    approximate: bool
    method: Literal["DFT", "experiment", "MLIP", "mixed", "unknown"]
    functional: str | None
    soc: bool | None
    conditions: str | None
    source: str


class ExchangedCalculation(_Line):
    """A calculation that is done, or failed for a reason other than its machine."""

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
    material: ExchangedMaterial | None
    structures: list[ExchangedStructure]
    energetics: list[ExchangedEnergetic]

    @model_validator(mode="after")
    def _own(self) -> ExchangedCalculation:
        """Check that all rows belong to the calculation."""
        structures = {row.id for row in self.structures}
        names = sorted(structures) + [row.id for row in self.energetics]
        strange = [name for name in names if self.key[:12] not in name]
        made_from = [row.parent_id for row in self.structures if row.parent_id is not None]
        strange += [name for name in made_from if name not in structures]
        if strange:
            raise ValueError(f"{strange[0]!r} belongs to another calculation than {self.key[:12]}")
        if (self.structures or self.energetics) and self.material is None:
            raise ValueError("structures and energies are of a material, and none is named")
        return self
