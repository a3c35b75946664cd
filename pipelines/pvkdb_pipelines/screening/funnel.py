"""The funnel: candidates pass the stages of a plan, or are rejected with a reason.

Every long computation is a calculation in the store's queue, so a screening that was killed
resumes where it stopped, and two plans with the same compound relax it once. The report is made
from the store alone: the same plan on the same store gives the same report.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pvkdb
from pvkdb.chemistry.factors.tolerance import tolerance_factors
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.migration import NebRequest, require_dispersion
from pvkdb.schemas.calculations.relaxations import (
    CalculationRequest,
    ElementResult,
    EstimateRequest,
    EstimateResult,
    Host,
    RelaxRequest,
    VacancyRequest,
    VacancyResult,
)
from pvkdb.schemas.screening import (
    PhaseEnergy,
    ScreeningReport,
    StageCount,
    Tolerance,
    VacancyFormation,
)
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.engines import CalculationEngine
from pvkdb_pipelines.engines.durations import Durations
from pvkdb_pipelines.prototypes import (
    Compound,
    candidates,
    competitors,
    compound_of,
)
from pvkdb_pipelines.relaxations.compound import relax_request
from pvkdb_pipelines.screening.ledger import Ledger
from pvkdb_pipelines.screening.plan.plan import STAGES, Plan
from pvkdb_pipelines.screening.stages.stability import assess, compared
from pvkdb_pipelines.screening.stages.surrogate import Learning
from pvkdb_pipelines.screening.stages.tracks import Track, failed, judge_stability
from pvkdb_pipelines.screening.stages.vacancies import (
    barrier_requests,
    element_requests,
    migration_of,
    most_promising,
    record_formation,
    reference_compounds,
    vacancy_formation,
    vacancy_request,
)
from pvkdb_pipelines.work.pool import LocalEngine

#: Of larger plans, what falls at the tolerance filters is counted, not listed.
MOST_LISTED = 10_000
#: Most candidates that are followed through the stages: each needs relaxations.
MOST_FOLLOWED = 20_000

#: Called with the current stage, the number of finished steps, and their total.
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Preview:
    """The counts of a plan's stages without calculations, and how many relaxations it needs.

    ``core_seconds`` is the estimated processor time, by kind, of the relaxations that the store
    does not hold, and of vacancies, estimates and barriers of at most ``candidates``.
    ``no_prototype`` are the compositions that cannot be relaxed, with the reason.
    """

    stages: list[StageCount]
    relaxations: int = 0
    held: int = 0
    candidates: int = 0
    core_seconds: dict[str, float] = field(default_factory=dict)
    no_prototype: dict[str, str] = field(default_factory=dict)


@dataclass
class Funnel:
    """One run of a plan on a store.

    Attributes:
        plan: Plan of the screening.
        store: Store with the calculations.
        processes: Most processes on this machine; None for one on each core.
        watch: Called with the progress.
        retry: Whether calculations that failed before are computed again.
        engine: Engine in place of processes on this machine.
    """

    plan: Plan
    store: Store
    processes: int | None = None
    watch: Watch = lambda stage, done, total: None
    retry: bool = False
    engine: CalculationEngine | None = None
    _tracks: list[Track] = field(default_factory=list, init=False)
    _unlisted: int = field(default=0, init=False)
    _stages: list[StageCount] = field(default_factory=list, init=False)
    _requests: dict[Compound, list[RelaxRequest]] = field(default_factory=dict, init=False)
    _requested: dict[str, CalculationRequest] = field(default_factory=dict, init=False)
    _phases: dict[Compound, list[PhaseEnergy]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.store, self.engine or LocalEngine(self.processes), self.retry)

    def run(self) -> ScreeningReport:
        """Run every stage of the plan and return the report.

        A KeyboardInterrupt passes through; finished calculations are kept.
        """
        self._run_to(self.plan.stop_after)
        return self._report()

    def partial(self) -> ScreeningReport:
        """Return the report of what is finished after an interruption.

        Candidates of the interrupted stage have the phases that are relaxed, and no rank.
        """
        self._ledger.look_up_finished([*self._requested.values()])
        for track in self._alive():
            if track.compound is not None and track.stability is None:
                done = [r for r in self._requests[track.compound] if self._ledger.holds(r)]
                phases = [_phase(self._ledger.of(request), request) for request in done]
                track.stability = assess(track.compound, phases, {}, track.wanted)
        title = f"{self.plan.title} (interrupted)"
        return self._report(ranked=[]).model_copy(update={"title": title})

    @property
    def computed(self) -> int:
        """Number of calculations that were not finished in the store before this run."""
        return len(self._ledger.lacking)

    def preview(self) -> Preview:
        """Run the stages that need no calculation, and count the relaxations that would follow."""
        free = STAGES[: STAGES.index("stability")]
        last = self.plan.stop_after if self.plan.stop_after in free else free[-1]
        self._run_to(last)
        if last == self.plan.stop_after:
            return Preview(self._stages)
        self._name_compounds()
        requests = self._relaxations()
        missing = self._ledger.missing(requests)
        limited = self.plan.stop_after == "barrier"
        chosen = self._most_promising() if limited else self._alive()
        own, later = [self.plan.potential], list[tuple[str, Sequence[str]]]()
        if self.plan.stop_after != "stability":
            later += [("vacancy", own)]
        if limited and self.plan.barriers.goal is not None:
            later += [("estimate", own)]
        if limited:
            later += [("neb", self.plan.barriers.potentials)]
        wanted = [("relax", request.model_dump()) for request in missing] + [
            (kind, {"formula": track.candidate.composition.formula, "potential": str(name)})
            for kind, names in later
            for track in chosen
            for name in names
        ]
        seconds: defaultdict[str, float] = defaultdict(float)
        durations = Durations(self.store, "cpu_seconds")
        for kind, parameters in wanted:
            seconds[kind] += durations.estimate_s(kind, parameters)
        held = len(requests) - len(missing)
        unheld = {
            track.candidate.composition.formula: track.fall.detail.rpartition(": ")[2]
            for track in self._tracks
            if track.fall and track.fall.stage == "stability"
        }
        return Preview(self._stages, len(requests), held, len(chosen), seconds, unheld)

    def _run_to(self, last: str) -> None:
        work = {
            "enumerate": self._enumerate,
            "tolerance": self._tolerance,
            "stability": self._stability,
            "vacancy": self._vacancy,
            "barrier": self._barrier,
        }
        for stage in STAGES[: STAGES.index(last) + 1]:
            entered = len(self._alive())
            work[stage]()
            entered = len(self._tracks) if stage == "enumerate" else entered
            entered += self._unlisted if stage in ("enumerate", "tolerance") else 0
            for track in self._alive():
                conditions = self.plan.filters.get(stage, ())
                any(track.drop_unless(stage, condition) for condition in conditions)
            self._count(stage, entered)

    # Stages

    def _enumerate(self) -> None:
        total = sum(self.plan.numbers().values())
        conditions = self.plan.filters.get("tolerance", ()) if total > MOST_LISTED else ()
        passing = self.plan.stream(conditions)
        self._tracks = [Track(candidate) for candidate in islice(passing, MOST_FOLLOWED + 1)]
        if len(self._tracks) > MOST_FOLLOWED:
            raise InputError(
                f"more than {MOST_FOLLOWED:,} of the {total:,} compositions of this plan pass its "
                "tolerance filters, too many to follow; add filters, or list them with "
                "--write-candidates FILE"
            )
        self._unlisted = total - len(self._tracks)
        self.watch("enumerate", total, total)

    def _tolerance(self) -> None:
        total = len(self._tracks)
        self.watch("tolerance", 0, total)
        for done, track in enumerate(self._tracks, start=1):
            # Conditions on a factor that is not defined for the type do not apply.
            with contextlib.suppress(InputError):
                factors = tolerance_factors(track.candidate.composition)
                track.tolerance = Tolerance.model_validate(factors, from_attributes=True)
            self.watch("tolerance", done, total)

    def _stability(self) -> None:
        self._name_compounds()
        self._relax(self._relaxations(), "stability")
        for track in self._alive():
            assert track.compound is not None
            others = {other: self._phases_of(other) for other in competitors(track.compound)}
            own = self._phases_of(track.compound)
            track.stability = assess(track.compound, own, others, track.wanted)
            judge_stability(track)

    def _name_compounds(self) -> None:
        for track in self._alive():
            try:
                track.compound = compound_of(track.candidate.composition)
                require_dispersion(track.candidate.composition, self.plan.potential)
                self._requests_of(track.compound, track.candidate.starts)
            except InputError as error:
                # The remedy in the message, a user-supplied structure, does not help a screening.
                detail = str(error).partition("; choose another")[0]
                track.drop("stability", "not defined", "no prototype can hold it", detail)

    def _vacancy(self) -> None:
        if self.plan.stop_after == "barrier":
            self._keep_most_promising()
        potential = self.plan.potential
        wanted: list[tuple[Track, VacancyRequest]] = []
        others: dict[str, CalculationRequest] = {}
        with self.store.session(read_only=True) as session:
            for track in self._alive():
                compound, phase = track.perovskite
                for halide in compound.on("X"):
                    given = (compound, phase, potential, halide.symbol)
                    wanted.append((track, vacancy_request(session, *given)))
                others.update((r.key(), r) for r in element_requests(compound, potential))
                for reference in reference_compounds(compound):
                    # A halide without radii cannot be computed as a competitor.
                    with contextlib.suppress(InputError):
                        others.update((r.key(), r) for r in self._requests_of(reference))
        self._relax([*(request for _, request in wanted), *others.values()], "vacancy")
        formed = [(request, self._form_vacancy(track, request)) for track, request in wanted]
        with self.store.session() as session:
            for request, vacancy in formed:
                if vacancy is not None:
                    record_formation(session, request.halide, vacancy)

    def _keep_most_promising(self) -> None:
        kept = {id(track) for track in self._most_promising()}
        limit = self.plan.barriers.limit
        limited_by = "quotas" if limit is None else f"most = {limit}"
        for track in self._alive():
            if id(track) not in kept:
                reason = f"not computed: {limited_by}"
                track.drop("vacancy", "filter", reason, f"[barriers] {limited_by}")

    def _most_promising(self) -> list[Track]:
        barriers = self.plan.barriers
        return most_promising(self._alive(), barriers.limit, barriers.quotas)

    def _barrier(self) -> None:
        potentials = self.plan.barriers.potentials
        with self.store.session(read_only=True) as session:
            wanted = [
                (track, barrier_requests(session, *track.perovskite, potentials))
                for track in self._alive()
            ]
        if self.plan.barriers.goal is None:
            self._compute_barriers(wanted)
            return
        self._estimate([track for track, _ in wanted])
        learning = Learning(self.plan.barriers, [track.row() for track, _ in wanted])
        while chosen := learning.next():
            self._compute_barriers([wanted[place] for place in chosen])
            learning.learn(
                {at: m.e_a_ev for at in chosen if (m := wanted[at][0].migration) is not None}
            )
        for place, reason in learning.not_computed():
            wanted[place][0].drop(
                "barrier", "filter", "not computed: not expected among the best", reason
            )

    def _estimate(self, tracks: Sequence[Track]) -> None:
        """Estimate barriers; where that fails, the candidate has none."""
        requests, kept = [], {"formula", "phase", "host", "potential", "settings"}
        with self.store.session(read_only=True) as session:
            for track in tracks:
                vacancy = vacancy_request(session, *track.perovskite, self.plan.potential)
                found = VacancyResult.model_validate(self._ledger.of(vacancy).result)
                given = {**vacancy.model_dump(include=kept), "vacancy_ev": found.lowest.energy_ev}
                requests.append(EstimateRequest.model_validate(given))
        self._relax(requests, "barrier")
        for track, request in zip(tracks, requests, strict=True):
            if result := self._ledger.of(request).result:
                track.estimated_e_a_ev = EstimateResult.model_validate(result).e_a_ev

    def _compute_barriers(self, wanted: Sequence[tuple[Track, list[NebRequest]]]) -> None:
        self._relax([request for _, requests in wanted for request in requests], "barrier")
        for track, requests in wanted:
            track.migration = migration_of(str(requests[0].phase), requests, self._ledger.of)
            if track.migration is None:
                calculation = self._ledger.of(requests[0])
                failed(track, "barrier", calculation.failure_kind, calculation.failure_message)

    def _form_vacancy(self, track: Track, request: VacancyRequest) -> VacancyFormation | None:
        """Return the formation energy of a vacancy; the candidate has the lower of two halides."""
        compound, _ = track.perovskite
        calculation = self._ledger.of(request)
        if calculation.result is None:
            failed(track, "vacancy", calculation.failure_kind, calculation.failure_message)
            return None
        references = (compound, *reference_compounds(compound))
        try:
            found = vacancy_formation(
                compound,
                request,
                calculation.id,
                VacancyResult.model_validate(calculation.result),
                {other: self._phases_of(other) for other in references},
                {
                    element.symbol: ElementResult.model_validate(result)
                    for element in element_requests(compound, self.plan.potential)
                    if (result := self._ledger.of(element).result) is not None
                },
            )
        except InputError as error:
            track.drop("vacancy", "not defined", "a limit of the halide is not known", str(error))
            return None
        if track.vacancy is None or found.x_rich_ev < track.vacancy.x_rich_ev:
            track.vacancy = found
        return found

    # Calculations

    def _relaxations(self) -> list[RelaxRequest]:
        """Return the relaxations that the remaining candidates need, each once."""
        wanted: dict[Compound, None] = {}
        for track in self._alive():
            if track.compound is not None:
                wanted.update(dict.fromkeys([track.compound, *competitors(track.compound)]))
        return [request for compound in wanted for request in self._requests_of(compound)]

    def _relax(self, requests: Iterable[CalculationRequest], stage: str) -> None:
        asked = list(requests)
        self._requested.update((request.key(), request) for request in asked)
        self._ledger.compute(asked, lambda done, total: self.watch(stage, done, total))

    def _requests_of(
        self, compound: Compound, starts: Mapping[str, Host] | None = None
    ) -> list[RelaxRequest]:
        if compound not in self._requests:
            chosen = self.plan.phases.get(compound.stoichiometry) or candidates(compound)
            made = [relax_request(compound, info, self.plan.potential) for info in chosen]
            found = {request.phase: request for request in made}
            for phase, start in (starts or {}).items():
                found[phase] = made[0].model_copy(update={"phase": phase, "start": start})
            self._requests[compound] = list(found.values())
        return self._requests[compound]

    def _phases_of(self, compound: Compound) -> list[PhaseEnergy]:
        """Return the relaxed phases of a compound; empty if it cannot be built without radii."""
        if compound not in self._phases:
            requests = self._requests.get(compound, [])
            self._phases[compound] = compared(
                [_phase(self._ledger.of(request), request) for request in requests]
            )
        return self._phases[compound]

    # Counts

    def _alive(self) -> list[Track]:
        return [track for track in self._tracks if track.fall is None]

    def _count(self, stage: str, entered: int) -> None:
        falls = [track.fall for track in self._tracks if track.fall is not None]
        fell = Counter(fall.kind for fall in falls if fall.stage == stage)
        passed = len(self._alive())
        if stage == "enumerate":
            passed += self._unlisted
        elif stage == "tolerance" and self._unlisted:
            fell["filter"] += self._unlisted
        self._stages.append(StageCount(stage=stage, entered=entered, passed=passed, fell=fell))

    def _report(self, ranked: Sequence[Track] | None = None) -> ScreeningReport:
        held = filter(self._ledger.holds, self._requested.values())
        calculations = [self._ledger.of(request) for request in held]
        results = [entry for entry in calculations if entry.result is not None]
        ranked = self._ranked() if ranked is None else ranked
        ranks = {id(track): rank for rank, track in enumerate(ranked, start=1)}
        calls: Counter[str] = Counter()
        for entry in results:
            calls[entry.kind] += (entry.result or {})["force_calls"]
        return ScreeningReport(
            title=self.plan.title,
            plan=self.plan.text,
            potential=str(self.plan.potential),
            pvkdb_version=pvkdb.__version__,
            ranked_by=self.plan.rank_by,
            stages=self._stages,
            candidates=[track.row(ranks.get(id(track))) for track in self._tracks],
            calculations=_counted(entry.kind for entry in calculations),
            failed=_counted(
                str(entry.failure_kind)
                for entry in calculations
                if entry.state == CalculationState.FAILED.value
            ),
            force_calls=dict(sorted(calls.items())),
            core_hours=sum((entry.result or {})["cpu_seconds"] for entry in results) / 3600,
        )

    def _ranked(self) -> list[Track]:
        """Return the candidates that passed, by the column of the plan; unknown values last."""
        column = self.plan.rank_by.removeprefix("-")
        sign = -1 if self.plan.rank_by.startswith("-") else 1

        def key(track: Track) -> tuple[bool, float, str]:
            value = track.value(column)
            name = track.candidate.name
            return (True, 0.0, name) if value is None else (False, sign * value, name)

        return sorted(self._alive(), key=key)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _phase(calculation: Calculation, request: RelaxRequest) -> PhaseEnergy:
    result = calculation.result or {}
    return PhaseEnergy(
        phase=request.phase,
        calculation=calculation.id,
        energy_ev_per_formula=result.get("energy_ev_per_formula"),
        space_group=result.get("space_group"),
        volume_ang3_per_formula=result.get("volume_ang3_per_formula"),
        findings=result.get("findings", []),
        failure_kind=calculation.failure_kind,
        failure=calculation.failure_message,
    )
