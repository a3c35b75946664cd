"""Screenings: every candidate with its result and the numbers behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pvkdb.chemistry.phases import MEASURED, lowest_phases
from pvkdb.display.notebook import NotebookView
from pvkdb.operations.fields import Text
from pvkdb.schemas.calculations.calibration import formation_interval
from pvkdb.schemas.calculations.findings import FindingField
from pvkdb.schemas.calculations.reliability import barrier_doubts

#: Kind of reason for which a candidate fell. ``filter``: a condition of the plan; ``physical``: the
#: structure differs from the requested one; ``numerical``: a calculation failed;
#: ``not defined``: the stage's quantity is not defined for it.
FallKind = Literal["filter", "physical", "numerical", "not defined"]


class Fall(BaseModel):
    """The stage that rejected a candidate, and the reason."""

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
    """A relaxed phase of a compound; only energies by the same potential are compared."""

    phase: str
    calculation: str = Field(description="Id of the relaxation.")
    energy_ev_per_formula: float | None = Field(description="None where the relaxation failed.")
    space_group: str | None
    volume_ang3_per_formula: float | None
    findings: list[FindingField] = Field(description="Flaws of the relaxed structure.")
    failure_kind: str | None = Field(default=None, description="Kind of failure, if it failed.")
    failure: str | None = Field(description="Reason of a failed relaxation.")


class Product(BaseModel):
    """A product of a decomposition, with its formula units per formula unit of the compound."""

    formula: str = Field(description="Of the product.", examples=["CsBr"])
    phase: str = Field(description="Its lowest phase.", examples=["Pm-3m"])
    amount: float = Field(description="Its formula units for one of the compound.", examples=[1.0])


class Stability(BaseModel):
    """Energies of a candidate's phases, compared with each other and with its decomposition."""

    phases: list[PhaseEnergy]
    ground_state: str | None
    perovskite: str | None = Field(
        description="Lowest phase of the requested structure type: for ABX3, sharing corners."
    )
    perovskite_above_ground_state_ev_per_atom: float | None = Field(
        description="Lowest corner-sharing phase above the lowest phase; 0 where it is the lowest."
    )
    above_hull_ev_per_atom: float | None = Field(
        description="Energy of decomposition into other prototypes; negative for a stable compound."
    )
    mixing_ev_per_formula: float | None = Field(
        default=None,
        description="Energy of a mixture's lowest corner-sharing phase above its ends in the same "
        "phase; null for others.",
    )
    products: list[Product]
    without_energy: list[str] = Field(
        description="Competitors whose relaxations all failed: the compound may appear too stable."
    )

    def may_be_lowest(self, formula: str, potential: str) -> list[str]:
        """Return the measured phase, else those within the error of the potential."""
        measured = MEASURED.get(formula)
        if measured is not None and measured.prototype:
            return [measured.prototype]
        if self.ground_state is None:
            return []
        levels = {self.ground_state: 0.0}
        if self.perovskite and self.perovskite_above_ground_state_ev_per_atom is not None:
            levels[self.perovskite] = self.perovskite_above_ground_state_ev_per_atom
        return lowest_phases(formula, levels, potential)


class VacancyFormation(BaseModel):
    """Formation energy of a neutral halide vacancy in the lowest perovskite phase.

    E_f = E(vacancy) − E(host) + μ_X, with μ_X between the halide-poor limit (the metal is about to
    appear beside its halide) and the halide-rich one (the solid halogen).
    """

    phase: str
    calculation: str = Field(description="Id of the calculation of host and vacancies.")
    atoms_in_cell: int = Field(description="Atoms in the supercell of the host, without vacancy.")
    x_poor_ev: float
    x_rich_ev: float
    calibrated_ev: tuple[float, float] | None = Field(
        default=None,
        description="Between both limits: where 80 % of values of a DFT data set lie, by the "
        "measured error of the potential; None where it was not measured for such compositions.",
    )
    mu_x_poor_ev: float = Field(description="Chemical potential of the halide, eV an atom.")
    mu_x_rich_ev: float
    allowed: bool = Field(
        description="Whether the compound is stable somewhere between the limits; otherwise they "
        "are those of the elements and binary halides alone."
    )
    host_drop_ev_per_formula: float | None = Field(
        description="How far the host fell when the halide was put back, 0 where it did not; None "
        "where that relaxation failed."
    )
    without_energy: list[str] = Field(
        description="Compounds that may appear beside it but have no energy: the limits may be "
        "narrower than they are."
    )
    references: dict[str, str] = Field(
        description="Phase of each element and competing compound behind the potentials."
    )


class BarrierOutcome(BaseModel):
    """Result of one potential for the migration of the halide vacancy of a candidate."""

    potential: str
    calculation: str = Field(description="Id of the calculation.")
    e_a_ev: float | None = Field(description="Bottleneck of the easiest percolating path.")
    dimensionality: int | None = Field(description="Dimensions in which that path leads on.")
    limited_by: str | None = Field(description="Class of the hop that limits it.")
    upper_bound: bool = Field(
        default=False, description="Whether a hop that failed might be part of an easier path."
    )
    host_left_for: str | None = Field(
        default=None, description="Structure of the host if its phase is not a minimum."
    )
    failure_kind: str | None = None
    failure: str | None = None


class Migration(BaseModel):
    """Activation energy of the halide vacancy of a candidate."""

    phase: str
    e_a_ev: float = Field(description="By the first potential of the plan's [barriers].")
    e_a_spread_ev: float | None = Field(
        description="Between the lowest and the highest over all potentials; None where only one "
        "has a value."
    )
    outcomes: list[BarrierOutcome]


class ScreenedCandidate(BaseModel):
    """A candidate with the results of all stages, and its rejection if it did not pass."""

    formula: str
    type: str
    family: str
    lead_free: bool
    tolerance: Tolerance | None = None
    stability: Stability | None = None
    vacancy: VacancyFormation | None = None
    estimated_e_a_ev: float | None = Field(default=None, description="Estimate of E_A, eV.")
    migration: Migration | None = None
    rank: int | None = Field(default=None, description="Among those that passed every stage.")
    fall: Fall | None = None
    doubts: list[str] = Field(
        default=[],
        description="Why its numbers may be wrong: `negative formation energy`, `low barrier`, "
        "`host changed`, `phases differ` or `lowest phase undecided`, and details.",
    )

    @model_validator(mode="after")
    def _doubted(self) -> ScreenedCandidate:
        lowest = self.stability.ground_state if self.stability else None
        if (found := self.migration or self.vacancy) is None:
            return self
        outcomes = self.migration.outcomes if self.migration else []
        self.doubts = [
            f"{doubt} with {each.potential}"
            for each in outcomes
            for doubt in barrier_doubts(each.e_a_ev, found.phase, each.host_left_for)
        ]
        formed = self.vacancy
        if formed and formed.allowed and (lower := min(formed.x_poor_ev, formed.x_rich_ev)) < 0:
            self.doubts.append(
                f"negative formation energy: {lower:.2f} eV where the compound is stable"
            )
        if len({each.host_left_for for each in outcomes if each.e_a_ev is not None}) > 1:
            self.doubts.append("phases differ: the potentials computed different hosts")
        if lowest not in (None, found.phase):
            self.doubts.append(
                f"phases differ: {lowest} is lowest, these numbers are of {found.phase}"
            )
        return self


class CandidateSelection(BaseModel):
    """Which candidates of a screening; what is omitted accepts every one."""

    passed: bool | None = Field(None, description="Whether they passed every stage.")
    stage: Text | None = Field(None, description="The stage that rejected them.")
    reason: Text | None = Field(None, description="The reason of the rejection.")
    family: Text | None = Field(None, description="Their structure family.")
    lead_free: bool | None = Field(None, description="Whether they are free of lead.")

    def fits(self, candidate: ScreenedCandidate) -> bool:
        """Whether a candidate meets the conditions."""
        fall = candidate.fall
        return (
            self.passed in (None, fall is None)
            and self.stage in (None, fall and fall.stage)
            and self.reason in (None, fall and fall.reason)
            and self.family in (None, candidate.family)
            and self.lead_free in (None, candidate.lead_free)
        )


class StageCount(BaseModel):
    """Numbers of candidates that entered and passed a stage, and of rejected ones by kind."""

    stage: str = Field(description="Name of the stage.")
    entered: int = Field(description="Candidates that entered it.")
    passed: int = Field(description="Candidates that passed it.")
    fell: dict[FallKind, int] = Field(description="Candidates that fell in it, by kind.")


class ScreeningReport(BaseModel, NotebookView):
    """The result of a plan; the same plan and version give the same report except for times."""

    title: str
    plan: str = Field(description="The text of the plan.")
    potential: str
    pvkdb_version: str
    ranked_by: str = Field(description="Column, and which end of it comes first.")
    stages: list[StageCount]
    candidates: list[ScreenedCandidate]
    calculations: dict[str, int] = Field(description="Behind the report, by kind.")
    failed: dict[str, int] = Field(description="Of these, how many failed, by kind of failure.")
    force_calls: dict[str, int] = Field(description="By kind of calculation.")
    core_hours: float = Field(description="Processor time of the calculations.")

    @model_validator(mode="after")
    def _judged(self) -> ScreeningReport:
        for each in self.candidates:
            if (found := each.vacancy) is not None:
                ends = sorted((found.x_poor_ev, found.x_rich_ev))
                interval = formation_interval(self.potential, each.formula, found.phase, *ends)
                found.calibrated_ev = interval
            of_phase = each.migration or found
            if each.stability is not None and of_phase is not None:
                lowest = each.stability.may_be_lowest(each.formula, self.potential)
                if of_phase.phase in lowest:
                    each.doubts = [doubt for doubt in each.doubts if " is lowest, " not in doubt]
                if len(lowest) > 1:
                    each.doubts.append(f"lowest phase undecided: {' or '.join(lowest)}")
        return self


class FallReason(BaseModel):
    """A reason for which candidates were rejected, and their number."""

    stage: str = Field(description="Stage at which they fell.")
    kind: FallKind = Field(
        description="`filter`: a condition of the plan; `physical`: the structure became another "
        "one; `numerical`: a calculation failed; `not defined`: the stage's quantity is not "
        "defined for it."
    )
    reason: str = Field(description="The reason, without the numbers of a candidate.")
    count: int = Field(description="Candidates that fell for it.")
    formulas: list[str] = Field(description="The first of them, at most six.")


class CandidateSummary(BaseModel):
    """A candidate of a screening in one row: its main numbers, and the stage that rejected it."""

    formula: str = Field(description="Its formula.")
    type: str = Field(description="Requested structure type, e.g. ABX3.")
    family: str = Field(description="Family of structures.")
    lead_free: bool = Field(description="Whether it holds no lead.")
    rank: int | None = Field(description="Among those that passed every stage; null: it fell.")
    stage: str | None = Field(description="Stage at which it fell; null: it passed.")
    kind: FallKind | None = Field(description="Kind of its fall; null: it passed.")
    reason: str | None = Field(description="Why it fell, as it is counted; null: it passed.")
    detail: str | None = Field(description="Why it fell, with its own numbers; null: it passed.")
    t: float | None = Field(description="Goldschmidt's tolerance factor.")
    mu: float | None = Field(description="Octahedral factor, r_B over r_X.")
    tau: float | None = Field(description="Factor of Bartel et al. (2019).")
    ground_state: str | None = Field(description="Lowest of the phases that were relaxed.")
    perovskite_above_ground_state_ev_per_atom: float | None = Field(
        description="Lowest phase of the structure type above the ground state, eV an atom."
    )
    above_hull_ev_per_atom: float | None = Field(
        description="Energy of decomposition into other prototypes, eV an atom; negative: stable."
    )
    vacancy_x_poor_ev: float | None = Field(
        description="Formation energy of the neutral halide vacancy, halide-poor limit, eV."
    )
    vacancy_x_rich_ev: float | None = Field(
        description="Formation energy of the neutral halide vacancy, halide-rich limit, eV."
    )
    e_a_ev: float | None = Field(
        description="Activation energy of the halide vacancy by the plan's first potential, eV."
    )
    e_a_spread_ev: float | None = Field(
        description="Between the lowest and the highest of several potentials, eV."
    )
    doubts: list[str] = Field(description="Why its numbers may be wrong.")
