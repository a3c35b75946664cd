"""Screenings: what became of each candidate, with every number that decided it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: Why a candidate went no further. ``filter``: a condition of the plan; ``physical``: the
#: structure is another one than was asked for; ``numerical``: a calculation failed;
#: ``not defined``: the stage's quantity is not defined for it.
FallKind = Literal["filter", "physical", "numerical", "not defined"]


class Fall(BaseModel):
    """The stage at which a candidate fell, and why."""

    model_config = ConfigDict(frozen=True)

    stage: str
    kind: FallKind
    reason: str = Field(description="Short and the same for the same cause, to be counted.")
    detail: str = Field(description="With the candidate's own numbers.")


class Tolerance(BaseModel):
    """Tolerance factors of a candidate and the radii behind them."""

    t: float
    mu: float
    tau: float | None
    p_perovskite: float | None
    radii_source: str


class PhaseEnergy(BaseModel):
    """A relaxed phase of a compound; energies with one potential only ever meet each other."""

    phase: str
    calculation: str = Field(description="Id of the relaxation.")
    energy_ev_per_formula: float | None = Field(description="None where the relaxation failed.")
    space_group: str | None
    volume_ang3_per_formula: float | None
    findings: list[str] = Field(description="What is wrong with the relaxed structure, if so.")
    failure: str | None = Field(description="Why the relaxation failed, if so.")


class Product(BaseModel):
    """A product of a decomposition: amount in formula units for one of the compound."""

    formula: str
    phase: str
    amount: float


class Stability(BaseModel):
    """Energies of a candidate's phases against each other and against what it decomposes into."""

    phases: list[PhaseEnergy]
    ground_state: str | None
    perovskite_above_ground_state_ev_per_atom: float | None = Field(
        description="Lowest corner-sharing phase above the lowest phase; 0 where it is the lowest."
    )
    decomposition_ev_per_atom: float | None = Field(
        description="Energy that decomposing costs; negative where the products are lower."
    )
    products: list[Product]


class ScreenedCandidate(BaseModel):
    """A candidate with everything that is known of it, and where it fell, if it did."""

    formula: str
    type: str
    family: str
    lead_free: bool
    tolerance: Tolerance | None = None
    stability: Stability | None = None
    fall: Fall | None = None


class StageCount(BaseModel):
    """How many candidates entered a stage, passed it, and fell in it by kind."""

    stage: str
    entered: int
    passed: int
    fell: dict[FallKind, int]


class ScreeningReport(BaseModel):
    """The outcome of a plan. The same plan and version give the same report, times aside."""

    title: str
    plan: str = Field(description="The text of the plan.")
    potential: str
    pvkdb_version: str
    stages: list[StageCount]
    candidates: list[ScreenedCandidate]
    relaxations: int = Field(description="Relaxations behind the report.")
    force_calls: int = Field(description="Force calls of these relaxations.")
    core_hours: float = Field(description="Wall time of these relaxations, one core each.")
