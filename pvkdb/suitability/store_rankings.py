"""Rankings of what the store holds: the thin edge between profiles and the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from pvkdb.schemas.profiles import Profile, Subject
from pvkdb.schemas.rankings import ProfileSummary, Ranking
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.schemas.tables import RankingsRow
from pvkdb.store.dataset import current_version
from pvkdb.suitability.devices import device_candidates
from pvkdb.suitability.materials import Model, material_candidates
from pvkdb.suitability.options import Options
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
    models: Sequence[Model] = (),
) -> Ranking:
    """Rank what the store holds for an application.

    Args:
        session: of the store.
        application: a shipped profile by its name, or a profile.
        subject: what is ranked.
        options: see :class:`Options`.
        report: a screening whose materials and energies come in (materials only).
        models: models of kinetics that add predictions (materials only).

    Raises:
        NotFoundError: there is no such profile; names those that there are.
        InputError: see :func:`rank_candidates`.
    """
    profile = shipped_profile(application) if isinstance(application, str) else application
    if subject == "devices":
        candidates = device_candidates(session)
        notes = [
            "Table 4 gives many a retention that is the length of a measurement; only those "
            "printed with > count as lower bounds"
        ]
    else:
        candidates = material_candidates(session, report, models)
        notes = [
            "E_A and DFE of the literature span all references; formulas that stand for many "
            "(CsPbX3) are left out"
        ]
        if report is not None:
            notes.append(
                f"with the screening {report.title!r} ({report.potential}): its energies are model "
                "values"
            )
    return rank_candidates(profile, subject, candidates, options, notes, current_version(session))


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
        ranking = rank(session, name, options=_FOR_EXPORT)
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
