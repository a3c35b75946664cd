"""Rankings of the devices and materials of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.kinetics.conditions import Conditions
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion, Profile, Subject
from pvkdb.schemas.rankings import (
    ProfileSummary,
    RankedCandidate,
    Ranking,
    RankingFilters,
    SetAside,
)
from pvkdb.schemas.responses import Assumption
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.schemas.tables import RankingsRow, Row
from pvkdb.store.collections.export import table_rows
from pvkdb.store.curation.dataset import current_version, unreviewed_imports
from pvkdb.store.models.materials import Composition, Material
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate
from pvkdb.suitability.evidence.materials import (
    Model,
    compositions_of,
    material_candidates,
    phase_candidates,
    with_models,
)
from pvkdb.suitability.evidence.means import spread_in, with_means
from pvkdb.suitability.evidence.predictions import kinetic_model
from pvkdb.suitability.profiles.profile_file import shipped_profile, shipped_profiles
from pvkdb.suitability.ranking.filters import passing
from pvkdb.suitability.ranking.options import Options, weighted
from pvkdb.suitability.ranking.ranking import counted, criteria_for, judge, rank_candidates
from pvkdb.suitability.ranking.series import series_rows
from pvkdb.suitability.ranking.shortlist import shortlist

#: Columns of the ``rankings`` table that are fields of a ranked candidate.
_UNCHANGED = (RankingsRow.model_fields.keys() & RankedCandidate.model_fields.keys()) - {"criteria"}


def rank(
    session: Session,
    application: str | Profile,
    subject: Subject = "devices",
    options: Options | None = None,
    report: ScreeningReport | None = None,
    models: Sequence[Model] | None = None,
    conditions: Conditions | None = None,
) -> Ranking:
    """Return the ranking of the devices or materials of the store for an application.

    The application is a shipped profile by its name, or a profile. Materials and energies of
    ``report``, a screening, are added to those of the store. ``models`` of kinetics add
    predictions, in order; None for pvkdb's own, for the layer of ``conditions``.

    Raises:
        NotFoundError: the profile does not exist; the message names the others.
        InputError: see :func:`rank_candidates`.
    """
    profile = shipped_profile(application) if isinstance(application, str) else application
    assumptions: list[Assumption] = []
    options = options or Options()
    every = device_candidates(session, options.unreviewed) if subject == "devices" else []
    if models is None:
        # The phases are for the absorbers of devices; a composition has its own barriers.
        formulas = compositions_of(session, every)
        phases = phase_candidates(session, formulas, options.unreviewed)
        model = kinetic_model(session, conditions, phases)
        models, assumptions = [model], model.assumptions()
    passed: Sequence[Candidate]
    chosen = None
    if subject == "materials" and report is None and options.shortlist:
        criteria = weighted(criteria_for(profile, subject), options.weights)
        short = shortlist(session, criteria, options)
        chosen, aside, missing = short.chosen, short.set_aside, short.notes
        every = material_candidates(session, None, short.formulas, options.unreviewed)
        # Summaries do not say for sure which compositions meet these.
        family, ions = options.filters.family, options.filters.ions_known
        unsure = RankingFilters(family=family, ions_known=ions)
        passed, _ = passing(every, unsure, {each.id: each for each in every})
    else:
        if subject == "materials":
            every = material_candidates(session, report, None, options.unreviewed)
        passed, aside, missing = _filtered(session, every, options, report)
    kept = [with_models(each, models) for each in passed]
    if subject == "materials":  # predictions take the kinds of evidence apart
        spread = spread_in(session, options.unreviewed)
        kept, every = (with_means(each, spread, options.computed) for each in (kept, every))
    if subject == "devices":
        texts = sum(each.kind == "figures" for each in every)
        notes = [
            f"before filters, {len(every) - texts} candidates are devices of tables, {texts} are "
            "devices of which only running text gives figures",
            "many a retention of Table 4 is the length of a measurement, and the device may hold "
            "longer; those printed with > count as lower bounds here, those of a year or more as "
            "extrapolated, the others as printed",
        ]
    else:
        notes = [
            "each composition is listed once, with all its phases: E_A is the mean of all sources "
            "with the interval of what a new one would say; DFE of the literature spans all "
            "references of the best kind (experiments, else DFT, else without a method), that of a "
            "potential belongs to its lowest phase with a value; generic formulas (CsPbX3) are "
            "left out; the perovskite probability is 1 where a perovskite was measured, else that "
            "of a model by Bartel's tau"
        ]
        if report is not None:
            notes.append(
                f"with the screening {report.title!r} ({report.potential}): its energies are model "
                "values"
            )
    if not options.unreviewed and (waiting := unreviewed_imports(session)):
        notes.append(
            f"{len(waiting)} import{'s' * (len(waiting) > 1)} without a review: its values take no "
            "place and are in no count; confirm with: pvkdb review"
        )
    notes = [*([chosen] if chosen else []), *notes, *missing]
    version = current_version(session)
    ranking = rank_candidates(profile, subject, kept, options, notes, version, aside, every)
    ranking.chosen = chosen
    if subject == "materials":
        ranking.notes += opposite_leads(
            profile, ranking, counted(kept, options)[0], counted(every, options)[0]
        )
    if any(METRICS[each.metric].modelled for each in ranking.criteria):
        ranking.assumptions = assumptions
    return ranking


def opposite_leads(
    profile: Profile, ranking: Ranking, candidates: Sequence[Candidate], among: Sequence[Candidate]
) -> list[str]:
    """Return a note where the first is also first for an application with the opposite E_A.

    It is first there as in the ranking of that application: see :func:`rank_candidates`.
    """
    first = {each.id for each in ranking.candidates if each.rank == 1}
    lead: dict[str, list[str]] = {}
    known: dict[tuple[Criterion, ...], set[str]] = {}
    for other in map(shipped_profile, shipped_profiles()):
        criteria = tuple(each for each in other.materials if each.weight > 0)
        if not first or _wants_high(profile) in (None, _wants_high(other)):
            continue
        if _wants_high(other) is not None and criteria not in known:
            judged = [each for each in judge(criteria, candidates, among)[0] if each.known]
            best = max((each.score for each in judged), default=0.0)
            known[criteria] = {each.candidate.id for each in judged if each.score == best}
        for name in first & known.get(criteria, set()):
            lead.setdefault(name, []).append(other.title.lower())
    return [
        f"{name} is also first for {', '.join(titles)}, where the opposite E_A is asked for: it is "
        "first by the other criteria"
        for name, titles in sorted(lead.items())
    ]


def _wants_high(profile: Profile) -> bool | None:
    """Return whether a high E_A is wanted; None where it has no weight."""
    wanted = (each for each in profile.materials if each.metric == "e_a_ev" and each.weight > 0)
    found = next(wanted, None)
    return None if found is None else found.bounds.at_least is not None


def _filtered(
    session: Session,
    candidates: Sequence[Candidate],
    options: Options,
    report: ScreeningReport | None,
) -> tuple[Sequence[Candidate], list[SetAside], list[str]]:
    """Return the candidates that pass the filters, the numbers of the others, and notes."""
    if options.filters == Options().filters:
        return candidates, [], []
    materials = [each for each in candidates if each.kind == "material"]
    if not materials:  # those of devices, and those that are named
        formulas = {*compositions_of(session, candidates), *options.filters.compositions}
        materials = material_candidates(session, formulas=sorted(formulas))
    known = {each.id: each for each in materials}
    named = select(Material.id, Composition.formula).join(Material.composition)
    for name, formula in session.execute(named):
        if formula in known:
            known[name] = known[formula]
    screened = {name for name, each in known.items() if "above_hull_ev_per_atom" in each.evidence}
    if report is not None:
        screened = {parse_composition(each.formula).formula for each in report.candidates}
    kept, aside = passing(candidates, options.filters, known, screened)
    missing = [formula for formula in options.filters.compositions if formula not in known]
    notes = [f"given, but not in the store: {', '.join(missing)}"] if missing else []
    return kept, aside, notes


def applications() -> list[ProfileSummary]:
    """Return the applications that come with pvkdb."""
    profiles = map(shipped_profile, shipped_profiles())
    return [
        ProfileSummary(
            name=profile.name,
            title=profile.title,
            device_criteria=len(profile.devices),
            material_criteria=len(profile.materials),
        )
        for profile in profiles
    ]


def device_rankings(session: Session) -> Iterator[Ranking]:
    """Yield the ranking of the devices for every application, without predictions."""
    candidates = device_candidates(session)
    for name in shipped_profiles():
        yield rank_candidates(shipped_profile(name), "devices", candidates)


def rankings_rows(session: Session) -> Iterator[RankingsRow]:
    """Yield the ``rankings`` table: every device under every application."""
    for ranking in device_rankings(session):
        for entry in ranking.candidates:
            yield RankingsRow(
                application=ranking.application,
                device=entry.id,
                structure=entry.label,
                criteria=sum(assessment.weight > 0 for assessment in entry.criteria),
                failed=len(entry.failures),
                **entry.model_dump(include=_UNCHANGED),
            )


def exported_rows(session: Session, name: str) -> Iterator[Row]:
    """Return the rows of any exported table, in order.

    Raises:
        InputError: the table is unknown.
    """
    made = {"rankings": rankings_rows, "series": series_rows}
    return made[name](session) if name in made else table_rows(session, name)
