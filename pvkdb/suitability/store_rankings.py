"""Rankings of what the store holds: the thin edge between profiles and the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from pvkdb.schemas.assumptions import Assumption
from pvkdb.schemas.profiles import Profile, Subject
from pvkdb.schemas.rankings import ProfileSummary, Ranking
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.schemas.tables import RankingsRow
from pvkdb.store.dataset import current_version
from pvkdb.suitability.devices import device_candidates
from pvkdb.suitability.kinetics.estimate import Conditions
from pvkdb.suitability.materials import Model, material_candidates, with_models
from pvkdb.suitability.metrics import METRICS
from pvkdb.suitability.options import Options
from pvkdb.suitability.predicting import kinetic_model
from pvkdb.suitability.profile_file import shipped_profile, shipped_profiles
from pvkdb.suitability.ranking import rank_candidates

#: An export has neither probabilities of ranks nor cross-checks.
_FOR_EXPORT = Options(samples=1, cross_checked=False)


def rank(
    session: Session,
    application: str | Profile,
    subject: Subject = "devices",
    options: Options | None = None,
    report: ScreeningReport | None = None,
    models: Sequence[Model] | None = None,
    conditions: Conditions | None = None,
) -> Ranking:
    """Rank what the store holds for an application.

    Args:
        session: of the store.
        application: a shipped profile by its name, or a profile.
        subject: what is ranked.
        options: see :class:`Options`.
        report: a screening whose materials and energies come in (materials only).
        models: models of kinetics that add predictions, in order; None for pvkdb's own.
        conditions: the layer that pvkdb's own model assumes; defaults where it is not given.

    Raises:
        NotFoundError: there is no such profile; names those that there are.
        InputError: see :func:`rank_candidates`.
    """
    profile = shipped_profile(application) if isinstance(application, str) else application
    assumptions: list[Assumption] = []
    asked = subject == "materials" or models is None
    materials = material_candidates(session, report) if asked else []
    if models is None:
        model = kinetic_model(session, conditions, materials)
        models, assumptions = [model], model.assumptions()
    if subject == "devices":
        candidates = [with_models(each, models) for each in device_candidates(session)]
        notes = [
            "many a retention of Table 4 is the length of a measurement, and the device may hold "
            "longer; those printed with > count as lower bounds here, the others as printed"
        ]
    else:
        candidates = [with_models(each, models) for each in materials]
        notes = [
            "E_A and DFE of the literature span all references; formulas that stand for many "
            "(CsPbX3) are left out"
        ]
        if report is not None:
            notes.append(
                f"with the screening {report.title!r} ({report.potential}): its energies are model "
                "values"
            )
    ranking = rank_candidates(
        profile, subject, candidates, options, notes, current_version(session)
    )
    if not any(METRICS[each.metric].modelled for each in ranking.criteria):
        return ranking
    return ranking.model_copy(update={"assumptions": assumptions})


def applications() -> list[ProfileSummary]:
    """The applications that come with pvkdb."""
    profiles = [shipped_profile(name) for name in shipped_profiles()]
    return [
        ProfileSummary(
            name=profile.name,
            title=profile.title,
            device_criteria=len(profile.devices),
            material_criteria=len(profile.materials),
        )
        for profile in profiles
    ]


def rankings_rows(session: Session) -> Iterator[RankingsRow]:
    """The ``rankings`` table: every device under every application."""
    for name in shipped_profiles():
        ranking = rank(session, name, options=_FOR_EXPORT, models=())
        for entry in ranking.candidates:
            yield RankingsRow(
                application=name,
                rank=entry.rank,
                device=entry.id,
                structure=entry.label,
                absorber=entry.absorber,
                met=entry.met,
                unknown=entry.unknown,
                criteria=sum(assessment.weight > 0 for assessment in entry.criteria),
                shortfall_decades=entry.shortfall_decades,
                references=entry.references,
                shown=entry.shown,
                expected=entry.expected,
                possible=entry.possible,
                coverage=entry.coverage,
                not_demonstrated=entry.not_demonstrated,
                failed=len(entry.failures),
            )
