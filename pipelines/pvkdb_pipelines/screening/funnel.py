"""The funnel: candidates through the stages of a plan, each fall with its reason.

Everything that takes time is a calculation in the store's queue, so a screening that was killed
goes on where it was, and two plans that meet the same compound relax it once. The report is made
from the store alone: the same plan on the same store gives the same report.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

import pvkdb
from pvkdb.chemistry.tolerance import ToleranceFactors, tolerance_factors
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.relaxations import RelaxRequest
from pvkdb.schemas.screening import (
    Fall,
    FallKind,
    PhaseEnergy,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    StageCount,
    Tolerance,
)
from pvkdb.store.calculations import Calculation
from pvkdb.store.database import Store
from pvkdb.store.queue import enqueue
from pvkdb_pipelines.compound_relaxation import relax_request
from pvkdb_pipelines.pool import drain
from pvkdb_pipelines.prototypes import Compound, candidates, competitors, compound_of
from pvkdb_pipelines.screening.conditions import Condition
from pvkdb_pipelines.screening.enumeration import Candidate
from pvkdb_pipelines.screening.plan import STAGES, Plan
from pvkdb_pipelines.screening.stability import assess

#: Keys looked up in one query.
_BATCH = 500

#: Hears which stage is at work, and how much of it is done.
Watch = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Track:
    """A candidate on its way."""

    candidate: Candidate
    tolerance: Tolerance | None = None
    compound: Compound | None = None
    stability: Stability | None = None
    fall: Fall | None = None

    def drop(self, stage: str, kind: FallKind, reason: str, detail: str) -> None:
        self.fall = Fall(stage=stage, kind=kind, reason=reason, detail=detail)


@dataclass
class Funnel:
    """One run of a plan on a store."""

    plan: Plan
    store: Store
    processes: int | None = None
    watch: Watch = lambda stage, done, total: None
    _tracks: list[_Track] = field(default_factory=list, init=False)
    _stages: list[StageCount] = field(default_factory=list, init=False)
    _requests: dict[Compound, list[RelaxRequest]] = field(default_factory=dict, init=False)

    def run(self) -> ScreeningReport:
        """Run every stage of the plan that is not done yet, and report.

        A KeyboardInterrupt passes through; what has been computed is kept.
        """
        work = {"enumerate": self._enumerate, "tolerance": self._tolerance}
        work["stability"] = self._stability
        for stage in STAGES[: STAGES.index(self.plan.stop_after) + 1]:
            entered = len(self._alive()) if stage != "enumerate" else 0
            work[stage]()
            self._filter(stage)
            self._count(stage, entered or len(self._tracks))
        return self._report()

    def relaxations(self) -> list[RelaxRequest]:
        """The relaxations that the candidates still in the funnel need, each once."""
        wanted: dict[Compound, None] = {}
        for track in self._alive():
            if track.compound is not None:
                wanted.update(dict.fromkeys([track.compound, *competitors(track.compound)]))
        return [request for compound in wanted for request in self._requests_of(compound)]

    # Stages

    def _enumerate(self) -> None:
        self._tracks = [_Track(candidate) for candidate in self.plan.candidates()]

    def _tolerance(self) -> None:
        total = len(self._tracks)
        for done, track in enumerate(self._tracks, start=1):
            # Where it is not defined for the type, conditions on it do not apply.
            with contextlib.suppress(InputError):
                track.tolerance = _as_row(tolerance_factors(track.candidate.composition))
            self.watch("tolerance", done, total)

    def _stability(self) -> None:
        for track in self._alive():
            try:
                track.compound = compound_of(track.candidate.composition)
                self._requests_of(track.compound)
            except InputError as error:
                track.drop("stability", "not defined", "no prototype can hold it", str(error))
        requests = self.relaxations()
        keys = [request.key() for request in requests]
        with self.store.session() as session:
            for request in requests:
                enqueue(session, request)
        self._drain(keys)
        found = self._calculations(keys)
        phases = {
            compound: [_phase(found[request.key()], request) for request in requests_of]
            for compound, requests_of in self._requests.items()
        }
        for track in self._alive():
            assert track.compound is not None
            others = {other: phases[other] for other in competitors(track.compound)}
            track.stability = assess(track.compound, phases[track.compound], others)
            self._judge(track)

    def _judge(self, track: _Track) -> None:
        """Fall of a candidate whose phases have no energy, or are not what they were built as."""
        stability = track.stability
        assert stability is not None
        if stability.decomposition_ev_per_atom is None:
            failed = [
                f"{entry.phase}: {entry.failure or '; '.join(entry.findings)}"
                for entry in stability.phases
                if entry.failure or entry.findings
            ]
            reason = "no energy of the compound or of what it decomposes into"
            track.drop("stability", "numerical", reason, "; ".join(failed) or reason)
        elif stability.perovskite_above_ground_state_ev_per_atom is None:
            findings = sorted({text for entry in stability.phases for text in entry.findings})
            reason = findings[0].partition(":")[0] if findings else "no phase of its type is left"
            track.drop("stability", "physical", reason, "; ".join(findings) or reason)

    def _drain(self, keys: list[str]) -> None:
        """Work until none of the calculations waits; others in the queue are worked off too."""
        total = len(keys)
        done = total - self._waiting(keys)
        self.watch("stability", done, total)
        while self._waiting(keys):
            for document in drain(self.store, self.processes):
                if document.key in keys:
                    done += 1
                    self.watch("stability", done, total)
        self.watch("stability", total, total)

    def _waiting(self, keys: list[str]) -> int:
        states = (CalculationState.QUEUED.value, CalculationState.RUNNING.value)
        with self.store.session(read_only=True) as session:
            return sum(
                session.scalar(
                    select(func.count())
                    .select_from(Calculation)
                    .where(Calculation.key.in_(part), Calculation.state.in_(states))
                )
                or 0
                for part in _parts(keys)
            )

    def _calculations(self, keys: list[str]) -> dict[str, Calculation]:
        with self.store.session(read_only=True) as session:
            found = {
                calculation.key: calculation
                for part in _parts(keys)
                for calculation in session.scalars(
                    select(Calculation).where(Calculation.key.in_(part))
                )
            }
            session.expunge_all()
        return found

    def _requests_of(self, compound: Compound) -> list[RelaxRequest]:
        if compound not in self._requests:
            self._requests[compound] = [
                relax_request(compound, info, self.plan.potential) for info in candidates(compound)
            ]
        return self._requests[compound]

    # Filters and counts

    def _filter(self, stage: str) -> None:
        conditions = self.plan.filters.get(stage, ())
        for track in self._alive():
            values = _values(stage, track)
            if values is None:
                continue
            for condition in conditions:
                if not condition.holds(values[condition.column]):
                    self._drop_by(track, stage, condition, values[condition.column])
                    break

    @staticmethod
    def _drop_by(track: _Track, stage: str, condition: Condition, value: float | None) -> None:
        shown = "not known" if value is None else f"{value:.4g}"
        track.drop(stage, "filter", f"not {condition}", f"{condition.column} is {shown}")

    def _alive(self) -> list[_Track]:
        return [track for track in self._tracks if track.fall is None]

    def _count(self, stage: str, entered: int) -> None:
        fell = Counter(
            track.fall.kind
            for track in self._tracks
            if track.fall is not None and track.fall.stage == stage
        )
        passed = len(self._alive())
        self._stages.append(
            StageCount(stage=stage, entered=entered, passed=passed, fell=dict(fell))
        )

    def _report(self) -> ScreeningReport:
        keys = [request.key() for of in self._requests.values() for request in of]
        results = [entry.result for entry in self._calculations(keys).values() if entry.result]
        return ScreeningReport(
            title=self.plan.title,
            plan=self.plan.text,
            potential=self.plan.potential.value,
            pvkdb_version=pvkdb.__version__,
            stages=self._stages,
            candidates=[_row(track) for track in self._tracks],
            relaxations=len(keys),
            force_calls=sum(result["force_calls"] for result in results),
            core_hours=sum(result["wall_seconds"] for result in results) / 3600,
        )


def _row(track: _Track) -> ScreenedCandidate:
    composition = track.candidate.composition
    return ScreenedCandidate(
        formula=composition.formula,
        type=track.candidate.type,
        family=composition.family,
        lead_free=composition.lead_free,
        tolerance=track.tolerance,
        stability=track.stability,
        fall=track.fall,
    )


def _as_row(factors: ToleranceFactors) -> Tolerance:
    return Tolerance(
        t=factors.t,
        mu=factors.mu,
        tau=factors.tau,
        p_perovskite=factors.p_perovskite,
        radii_source=factors.radii_source,
    )


def _phase(calculation: Calculation, request: RelaxRequest) -> PhaseEnergy:
    result = calculation.result or {}
    return PhaseEnergy(
        phase=request.phase,
        calculation=calculation.id,
        energy_ev_per_formula=result.get("energy_ev_per_formula"),
        space_group=result.get("space_group"),
        volume_ang3_per_formula=result.get("volume_ang3_per_formula"),
        findings=result.get("findings", []),
        failure=calculation.failure_message,
    )


def _values(stage: str, track: _Track) -> Mapping[str, float | None] | None:
    """The columns that a stage's conditions ask about; None where they do not apply."""
    if stage == "tolerance" and track.tolerance is not None:
        return track.tolerance.model_dump(exclude={"radii_source"})
    if stage == "stability" and track.stability is not None:
        return track.stability.model_dump(
            include={"decomposition_ev_per_atom", "perovskite_above_ground_state_ev_per_atom"}
        )
    return None


def _parts(keys: list[str]) -> Iterator[Iterable[str]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
