"""Molecular dynamics of a vacancy: requests, and results with its diffusion coefficient."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pvkdb.operations.fields import InCommand
from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import AnyPotential, bounds
from pvkdb.schemas.calculations.relaxations import CalculationRequest, Host

#: Raised whenever a change of the code changes the numbers for the same settings.
DYNAMICS_RECIPE = 1
#: Fewest hops from which a diffusion coefficient follows: 30 hops have a standard error of 15 % in
#: each of three directions, and of more where hops lead back.
FEWEST_HOPS = 30


class MdSettings(RequestModel):
    """Numerical settings of molecular dynamics. Every field enters the content key."""

    temperature_k: float = Field(gt=0, le=3000, description="Temperature of the thermostat, K.")
    picoseconds: Annotated[float, InCommand(value="PS")] = Field(
        default=100.0, gt=0, le=1e5, description="Length that is counted."
    )
    settle_ps: float = Field(default=2.0, ge=0, le=1e4, description="Time before it, not counted.")
    step_fs: float = Field(default=2.0, gt=0, le=10, description="Time step.")
    distance_ang: float = Field(
        default=10.0, ge=6, le=30, description="Least distance of the vacancy from its images."
    )
    seed: int = Field(default=2145, ge=0, lt=2**32, description="Seed of velocities and heat bath.")


class MdRequest(CalculationRequest):
    """Request for molecular dynamics of one vacancy in a host of fixed cell."""

    recipe: ClassVar[int] = DYNAMICS_RECIPE
    kind: Literal["md"] = "md"
    formula: str = Field(max_length=200)
    phase: str | None = Field(default=None, max_length=40)
    defect: str = Field(pattern="^V_[A-Z][a-z]?$", description="The vacancy, e.g. V_Br.")
    host: Host
    potential: AnyPotential
    settings: MdSettings


class MdResult(bounds.PotentialResult):
    """Motion of one vacancy; intervals contain 95 %."""

    formula: str
    defect: str
    temperature_k: bounds.Positive = Field(description="Mean temperature of the run, K.")
    d_m2_per_s: float = Field(ge=0, description="Diffusion coefficient, mean of the directions.")
    d_min_m2_per_s: float = Field(ge=0, description="Lower end of its interval.")
    d_max_m2_per_s: float = Field(ge=0, description="Upper end of its interval.")
    hops: int = Field(ge=FEWEST_HOPS, description="Counted hops, also those that lead back.")
    blocks: bounds.Count = Field(description="Parts of the run that are drawn for the interval.")
    picoseconds: bounds.Positive
    lags_ps: list[float] = Field(description="Times of the mean-square displacements, ps.")
    msd_ang2: list[float] = Field(description="Mean-square displacements of the vacancy, Å².")
    atoms_in_cell: bounds.Atoms = Field(description="With the vacancy.")

    @model_validator(mode="after")
    def _ordered(self) -> MdResult:
        if not self.d_min_m2_per_s <= self.d_m2_per_s <= self.d_max_m2_per_s:
            raise ValueError("the diffusion coefficient is not within its interval")
        return self
