"""Ranking devices for an application, every criterion shown.

Order: more requirements met, then fewer unknown, then the smaller shortfall in decades. Devices
with the same evidence share a rank. Weights, desirabilities and materials come with the profiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.rankings import RankedDevice, Ranking, Requirement, Verdict
from pvkdb.schemas.tables import RankingsRow
from pvkdb.store.applications import ApplicationRequirement
from pvkdb.store.collections import DEVICES
from pvkdb.store.dataset import current_version
from pvkdb.store.devices import METRICS, Device, DeviceMetric
from pvkdb.suitability.judgement import TESTED_METRICS, Evidence, judge


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device and what is known of it, by metric."""

    device: str
    structure: str
    absorber: str
    references: str
    evidence: dict[str, Evidence]


def rank_candidates(
    requirements: Sequence[Requirement], candidates: Iterable[Candidate]
) -> list[RankedDevice]:
    """Candidates in the order in which they meet the requirements."""
    judged = []
    for candidate in candidates:
        criteria = [judge(r, candidate.evidence.get(r.metric)) for r in requirements]
        judged.append(
            RankedDevice(
                rank=0,
                device=candidate.device,
                structure=candidate.structure,
                absorber=candidate.absorber,
                references=candidate.references,
                criteria=criteria,
                met=sum(result.verdict is Verdict.MET for result in criteria),
                unknown=sum(result.verdict is Verdict.UNKNOWN for result in criteria),
                shortfall_decades=sum(result.shortfall_decades or 0.0 for result in criteria),
            )
        )
    judged.sort(key=lambda entry: (*_standing(entry), entry.device))
    ranked: list[RankedDevice] = []
    for place, entry in enumerate(judged, start=1):
        tied = bool(ranked) and _standing(ranked[-1]) == _standing(entry)
        ranked.append(entry.model_copy(update={"rank": ranked[-1].rank if tied else place}))
    return ranked


def applications(session: Session) -> list[str]:
    """Applications that devices can be ranked for.

    Those of which the store holds a requirement on a metric that devices report; the others
    (a number of states, an intensity of light) could only be answered with "unknown".
    """
    names = (
        select(ApplicationRequirement.application)
        .where(ApplicationRequirement.metric.in_(METRICS))
        .distinct()
    )
    return sorted(session.scalars(names))


def rank(session: Session, application: str) -> Ranking:
    """Rank every device of the store for an application.

    Raises:
        NotFoundError: the application is unknown; names the ones that are known.
    """
    statement = (
        select(ApplicationRequirement)
        .where(ApplicationRequirement.application == application)
        .order_by(ApplicationRequirement.id)
    )
    stated = list(session.scalars(statement))
    known = applications(session)
    if stated and application not in known:
        metrics = ", ".join(dict.fromkeys(entry.metric for entry in stated))
        raise NotFoundError(
            f"devices cannot be ranked for {application!r}: it asks for {metrics}, which the store "
            f"holds for no device; its requirements: pvkdb export applications; can be ranked: "
            f"{', '.join(known)}"
        )
    if not stated:
        raise NotFoundError(unknown_name("application", application, known))
    requirements = [_requirement(entry) for entry in stated]
    devices = session.scalars(DEVICES.statement.order_by(Device.id)).unique()
    return Ranking(
        application=application,
        title=application.replace("-", " "),
        source="; ".join(dict.fromkeys(entry.source for entry in stated)),
        requirements=requirements,
        devices=rank_candidates(requirements, map(_candidate, devices)),
        dataset_version=current_version(session),
    )


def rankings_rows(session: Session) -> Iterator[RankingsRow]:
    """The ``rankings`` table: every device under every application."""
    for application in applications(session):
        ranking = rank(session, application)
        for entry in ranking.devices:
            yield RankingsRow(
                application=application,
                rank=entry.rank,
                device=entry.device,
                structure=entry.structure,
                absorber=entry.absorber,
                met=entry.met,
                unknown=entry.unknown,
                criteria=len(entry.criteria),
                shortfall_decades=entry.shortfall_decades,
                references=entry.references,
            )


def _standing(entry: RankedDevice) -> tuple[int, int, float]:
    return (-entry.met, entry.unknown, round(entry.shortfall_decades, 9))


def _requirement(entry: ApplicationRequirement) -> Requirement:
    return Requirement(**{name: getattr(entry, name) for name in Requirement.model_fields})


def _candidate(device: Device) -> Candidate:
    return Candidate(
        device=device.id,
        structure=device.structure,
        absorber=device.absorber,
        references=" ".join(reference.reference_key for reference in device.references),
        evidence={metric.metric: _evidence(metric) for metric in device.metrics},
    )


def _evidence(metric: DeviceMetric) -> Evidence:
    tested = metric.metric in TESTED_METRICS
    return Evidence(
        minimum=metric.value_min,
        maximum=metric.value_max,
        qualifier="tested" if tested and metric.qualifier is None else metric.qualifier,
        lower_bound=tested or metric.qualifier == ">",
    )
