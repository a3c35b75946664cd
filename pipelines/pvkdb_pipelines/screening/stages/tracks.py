"""Candidates in the funnel: their results so far, and the stage that rejected them."""

from __future__ import annotations

from dataclasses import dataclass

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.findings import Flaw
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
from pvkdb_pipelines.prototypes import Compound, phases
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES
from pvkdb_pipelines.screening.plan.conditions import PlanCondition
from pvkdb_pipelines.screening.plan.enumeration import EnumeratedCandidate
from pvkdb_pipelines.screening.stages.stability import lowest_level


@dataclass(slots=True)
class Track:
    """A candidate with its results, filled stage by stage."""

    candidate: EnumeratedCandidate
    tolerance: Tolerance | None = None
    compound: Compound | None = None
    stability: Stability | None = None
    vacancy: VacancyFormation | None = None
    estimated_e_a_ev: float | None = None
    migration: Migration | None = None
    fall: Fall | None = None

    def drop(self, stage: str, kind: FallKind, reason: str, detail: str) -> None:
        """Remove the candidate from the funnel."""
        self.fall = Fall(stage=stage, kind=kind, reason=reason, detail=detail)

    def drop_unless(self, stage: str, condition: PlanCondition) -> bool:
        """Drop the candidate if it does not meet a condition; return whether it was dropped.

        A tolerance factor that is not defined for the type does not count against it.
        """
        if stage == "tolerance" and self.tolerance is None:
            return False
        value = self.value(condition.column)
        if condition.holds(value):
            return False
        shown = "not known" if value is None else f"{value:.4g}"
        self.drop(stage, "filter", f"not {condition}", f"{condition.column} is {shown}")
        return True

    @property
    def wanted(self) -> frozenset[str]:
        """Phases whose vacancies count: those of its files, else of its type, else all."""
        assert self.compound is not None
        kind = self.compound.stoichiometry
        chosen = frozenset(self.candidate.starts) or PEROVSKITE_PHASES.get(kind)
        return chosen or frozenset(info.phase for info in phases(kind))

    @property
    def perovskite(self) -> tuple[Compound, PhaseEnergy]:
        """The composition and its lowest perovskite phase; known after the stability stage."""
        assert self.compound is not None
        assert self.stability is not None
        name = self.stability.perovskite
        return self.compound, next(p for p in self.stability.phases if p.phase == name)

    def value(self, column: str) -> float | None:
        """Return the value of a column of filters and rankings; None where it is not known."""
        for part in (self.tolerance, self.stability, self.vacancy, self.migration):
            found = getattr(part, column.removeprefix("vacancy_"), None)
            if isinstance(found, float):
                return found
        return None

    def row(self, rank: int | None = None) -> ScreenedCandidate:
        """Return the candidate as a row of the report."""
        composition = self.candidate.composition
        return ScreenedCandidate(
            formula=composition.formula,
            type=self.candidate.type,
            family=composition.family,
            lead_free=composition.lead_free,
            tolerance=self.tolerance,
            stability=self.stability,
            vacancy=self.vacancy,
            estimated_e_a_ev=self.estimated_e_a_ev,
            migration=self.migration,
            rank=rank,
            fall=self.fall,
        )


#: Flaws from the gravest; the gravest of several is the reason of a fall.
_GRAVEST_FIRST = (
    Flaw.CONNECTIVITY_CHANGED,
    Flaw.COORDINATION_CHANGED,
    Flaw.VOLUME_OUT_OF_RANGE,
    Flaw.DISTANCES_TOO_SHORT,
    Flaw.DISTANCES_TOO_LONG,
    Flaw.BONDS_UNEVEN,
)


def judge_stability(track: Track) -> None:
    """Drop a candidate whose phases have no energy, or became another structure.

    Only the phases of its type count: of ABX3, the perovskites. A hybrid passes without an energy
    above the hull, since no prototype holds the halides of its molecules.
    """
    stability, compound = track.stability, track.compound
    assert stability is not None
    own = [entry for entry in stability.phases if entry.phase in track.wanted]
    wrong = "; ".join(
        f"{entry.phase}: {entry.failure or '; '.join(map(str, entry.findings))}"
        for entry in own
        if entry.failure or entry.findings
    )
    lowest = lowest_level(own)
    if stability.perovskite is None and lowest is None:
        kinds = sorted({entry.failure_kind or _first_flaw(entry) for entry in own})
        track.drop("stability", "numerical", ", ".join(kinds) or "no phase of its type", wrong)
    elif stability.perovskite is None:
        level = next(entry for entry in own if lowest and entry.phase == lowest.phase)
        track.drop("stability", "physical", _first_flaw(level), wrong)
    elif stability.above_hull_ev_per_atom is None and not (compound and compound.molecular):
        missing = ", ".join(stability.without_energy)
        track.drop(
            "stability",
            "numerical",
            "what it decomposes into has no energy",
            f"every relaxation of {missing} failed" if missing else "nothing balances it",
        )


def _first_flaw(entry: PhaseEnergy) -> str:
    """Return the gravest flaw of a relaxed phase."""
    named = [finding.name for finding in entry.findings]
    order = [flaw.value for flaw in _GRAVEST_FIRST]
    return min(named, key=lambda name: order.index(name) if name in order else len(order))


#: Kinds of falls by the failure of a calculation; of all others, "numerical".
_FALL_KINDS: dict[str | None, FallKind] = {
    FailureKind.UNSUPPORTED_COMPOSITION.value: "not defined",
    FailureKind.UNSUPPORTED_ELEMENT.value: "not defined",
    FailureKind.UNSTABLE_HOST.value: "physical",
    FailureKind.SYMMETRY_CHANGED.value: "physical",
}


def failed(track: Track, stage: str, kind: str | None, message: str | None) -> None:
    """Drop a candidate whose calculation ended in a typed failure."""
    fall = _FALL_KINDS.get(kind, "numerical")
    track.drop(stage, fall, kind or "crashed", message or "no message was recorded")
