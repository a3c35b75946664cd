"""A candidate on its way through the funnel: what is known of it, and where it fell."""

from __future__ import annotations

from dataclasses import dataclass

from pvkdb.chemistry.tolerance import ToleranceFactors
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.findings import Flaw
from pvkdb.schemas.screening import (
    Fall,
    FallKind,
    Migration,
    PhaseEnergy,
    ScreenedCandidate,
    Stability,
    Tolerance,
    VacancyFormation,
)
from pvkdb_pipelines.prototypes import Compound
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES
from pvkdb_pipelines.screening.plan.conditions import FilterCondition
from pvkdb_pipelines.screening.plan.enumeration import EnumeratedCandidate
from pvkdb_pipelines.screening.stages.stability import lowest_level


@dataclass(slots=True)
class Track:
    """A candidate, filled stage by stage."""

    candidate: EnumeratedCandidate
    tolerance: Tolerance | None = None
    compound: Compound | None = None
    stability: Stability | None = None
    vacancy: VacancyFormation | None = None
    migration: Migration | None = None
    fall: Fall | None = None

    def drop(self, stage: str, kind: FallKind, reason: str, detail: str) -> None:
        """Take the candidate out of the funnel."""
        self.fall = Fall(stage=stage, kind=kind, reason=reason, detail=detail)

    def drop_unless(self, stage: str, condition: FilterCondition) -> bool:
        """Take the candidate out where it does not meet a condition; says whether it did.

        Tolerance factors that are not defined for a type cannot speak against it.
        """
        if stage == "tolerance" and self.tolerance is None:
            return False
        value = self.value(condition.column)
        if condition.holds(value):
            return False
        shown = "not known" if value is None else f"{value:.4g}"
        self.drop(stage, "filter", f"not {condition}", f"{condition.column} is {shown}")
        return True

    def value(self, column: str) -> float | None:
        """A number that conditions and the ranking ask about; None where it is not known."""
        for part in (self.tolerance, self.stability, self.vacancy, self.migration):
            found = getattr(part, column.removeprefix("vacancy_"), None)
            if isinstance(found, float):
                return found
        return None

    def row(self, rank: int | None = None) -> ScreenedCandidate:
        """The candidate as the report tells it."""
        composition = self.candidate.composition
        return ScreenedCandidate(
            formula=composition.formula,
            type=self.candidate.type,
            family=composition.family,
            lead_free=composition.lead_free,
            tolerance=self.tolerance,
            stability=self.stability,
            vacancy=self.vacancy,
            migration=self.migration,
            rank=rank,
            fall=self.fall,
        )


def tolerance_of(factors: ToleranceFactors) -> Tolerance:
    """Tolerance factors as the report tells them."""
    return Tolerance(
        t=factors.t,
        mu=factors.mu,
        tau=factors.tau,
        p_perovskite=factors.p_perovskite,
        radii_source=factors.radii_source,
    )


#: What a fall is put down to where several things are wrong, the first of these.
_GRAVEST_FIRST = (
    Flaw.CONNECTIVITY_CHANGED,
    Flaw.COORDINATION_CHANGED,
    Flaw.VOLUME_OUT_OF_RANGE,
    Flaw.DISTANCES_TOO_SHORT,
    Flaw.DISTANCES_TOO_LONG,
    Flaw.BONDS_UNEVEN,
)


def judge_stability(track: Track) -> None:
    """Fall of a candidate whose phases have no energy, or are not what they were built as.

    Only the phases of its type speak for or against it: of ABX3, the perovskites.
    """
    stability, compound = track.stability, track.compound
    assert stability is not None
    assert compound is not None
    wanted = PEROVSKITE_PHASES.get(compound.stoichiometry, frozenset())
    own = [entry for entry in stability.phases if entry.phase in wanted]
    wrong = "; ".join(_said(entry) for entry in own if entry.failure or entry.findings)
    lowest = lowest_level(own)
    if stability.perovskite is None and lowest is None:
        kinds = sorted({entry.failure_kind or _first_flaw(entry) for entry in own})
        track.drop("stability", "numerical", ", ".join(kinds) or "no phase of its type", wrong)
    elif stability.perovskite is None:
        level = next(entry for entry in own if lowest and entry.phase == lowest.phase)
        track.drop("stability", "physical", _first_flaw(level), wrong)
    elif stability.decomposition_ev_per_atom is None:
        missing = ", ".join(stability.without_energy)
        track.drop(
            "stability",
            "numerical",
            "what it decomposes into has no energy",
            f"every relaxation of {missing} failed" if missing else "nothing balances it",
        )


def _said(entry: PhaseEnergy) -> str:
    return f"{entry.phase}: {entry.failure or '; '.join(map(str, entry.findings))}"


def _first_flaw(entry: PhaseEnergy) -> str:
    """The gravest thing that is wrong with a relaxed phase."""
    named = [finding.name for finding in entry.findings]
    order = [flaw.value for flaw in _GRAVEST_FIRST]
    return min(named, key=lambda name: order.index(name) if name in order else len(order))


def failed(track: Track, stage: str, kind: str | None, message: str | None) -> None:
    """Fall of a candidate whose calculation ended in a typed failure."""
    not_possible = (
        FailureKind.UNSUPPORTED_COMPOSITION.value,
        FailureKind.UNSUPPORTED_ELEMENT.value,
    )
    unstable = (FailureKind.UNSTABLE_HOST.value, FailureKind.SYMMETRY_CHANGED.value)
    fall: FallKind = "not defined" if kind in not_possible else "numerical"
    if kind in unstable:
        fall = "physical"
    track.drop(stage, fall, kind or "crashed", message or "no message was recorded")
