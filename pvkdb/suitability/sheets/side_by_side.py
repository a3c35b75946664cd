"""Two to four candidates side by side: values, places, and what differs beyond the errors.

Two values differ beyond their errors if their intervals lie apart; the gap counts in standard
deviations of all candidates, on the scale of the metric. A single number of a model has an error
that nobody has measured, so that it decides nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import combinations
from math import inf, isfinite, log10
from typing import Literal

import numpy as np
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.display.units import amount_range
from pvkdb.errors import InputError, NotFoundError, naming, unknown_name
from pvkdb.operations import Reading
from pvkdb.schemas.metrics import METRICS, Metric
from pvkdb.schemas.profiles import Subject
from pvkdb.schemas.rankings import (
    COMPUTED,
    ComparedApplication,
    ComparedRow,
    ComparedScore,
    ComparedValue,
    CompareRequest,
    Comparison,
    Difference,
    Grade,
    Known,
    RankedCandidate,
)
from pvkdb.store.collections import COMPOSITIONS
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.curation.kept import kept
from pvkdb.store.models.devices import Device, DeviceClaim
from pvkdb.store.models.materials import Composition
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import shown_ends, value_text
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.evidence.means import Spread, spread_in, with_means
from pvkdb.suitability.profiles.profile_file import shipped_profile, shipped_profiles
from pvkdb.suitability.ranking.assessment import known_value
from pvkdb.suitability.ranking.options import Options
from pvkdb.suitability.ranking.ranking import Judged, judge, ranked_entries
from pvkdb.suitability.ranking.shares import Reports
from pvkdb.suitability.sheets.comparisons import label

#: Compositions of a store that are ranked for a comparison; of one with more, none is.
_MOST = 3_000
#: Fields of a standing that are those of the ranked candidate.
_COPIED = ("score", "score_low", "score_high", "label", "kind")
_COMPUTED = COMPUTED | {Grade.MODEL, Grade.COMPOSITION}


class Standing(ComparedScore):
    """Place and score of a candidate, and whether the interval holds all errors."""

    label: str
    kind: Literal["device", "figures", "material"]
    sure: bool


class ApplicationStandings(BaseModel):
    """The places of all candidates for an application, by their ids."""

    application: str
    title: str
    ranked: int
    standings: dict[str, Standing]


class Standings(BaseModel):
    """The places of all candidates of a store, and what comparing some of them needs of all."""

    names: list[str] = []
    applications: list[ApplicationStandings] = []
    #: Standard deviation of all candidates by metric, on its scale.
    deviations: dict[str, float] = {}
    spread: Spread | None = None
    dataset_version: str = ""


def standings(session: Session, subject: Subject) -> Standings:
    """Return the standings of the devices or compositions, kept while the data are the same."""
    return kept(session, f"standings of {subject}", Standings, partial(_all, session, subject))


def _all(session: Session, subject: Subject) -> Standings:
    spread = None
    if subject == "devices":
        listed = device_candidates(session)
    else:
        spread = spread_in(session)
        listed = with_means(material_candidates(session), spread)
    among, known = [each for each in listed if not each.unreviewed], {}
    applications = []
    for profile in map(shipped_profile, shipped_profiles()):
        criteria = profile.criteria(subject)
        if any(each.weight > 0 for each in criteria):
            if criteria not in known:
                known[criteria] = _places(*judge(criteria, listed, among))
            found = known[criteria]
            ranked = sum(not each.unreviewed for each in found.values())
            applications.append(
                ApplicationStandings(
                    application=profile.name, title=profile.title, ranked=ranked, standings=found
                )
            )
    return Standings(
        names=[each.id for each in listed],
        applications=applications,
        deviations={name: _deviation(each, listed) for name, each in METRICS.items()},
        spread=spread,
        dataset_version=current_version(session),
    )


def _places(judged: Sequence[Judged], reports: Sequence[Reports]) -> dict[str, Standing]:
    judged = [each for each in judged if each.known]
    scores = sorted(-each.score for each in judged if not each.candidate.unreviewed)
    entries = ranked_entries(judged, reports, Options())
    return {
        entry.id: Standing(
            rank=bisect_left(scores, -entry.score) + 1,
            unreviewed=each.candidate.unreviewed,
            sure=_sure(entry),
            **{name: getattr(entry, name) for name in _COPIED},
        )
        for entry, each in zip(entries, judged, strict=True)
    }


def compare(request: CompareRequest, reading: Reading) -> Comparison:
    """Return candidates side by side among all of a store.

    Raises:
        ParameterError: a formula cannot be read.
        NotFoundError: the store has no such composition or device; names the nearest one.
    """
    with reading() as session:
        return side_by_side(session, request)


def side_by_side(session: Session, request: CompareRequest) -> Comparison:
    """Return the comparison of candidates; see :func:`compare`."""
    names = request.devices or []
    if request.materials is not None:
        with naming("materials"):
            names = [_formula(session, each) for each in request.materials]
            if len({*names}) < len(names):
                given = " and ".join(request.materials)
                raise InputError(f"{given}: two of them are the same composition; leave one out")
    subject: Subject = "devices" if request.devices else "materials"
    large = subject == "materials" and COMPOSITIONS.count(session, {}) > _MOST
    known = Standings(spread=spread_in(session)) if large else standings(session, subject)
    if subject == "devices":
        listed = device_candidates(session)
    else:
        listed = with_means(material_candidates(session, formulas=names), known.spread)
    candidates = {each.id: each for each in listed}
    for name in names:
        if name not in candidates:
            noun = "device" if request.devices else "composition"
            raise NotFoundError(unknown_name(noun, name, known.names))
    chosen = [candidates[name] for name in names]
    version = known.dataset_version or current_version(session)
    return comparison(subject, chosen, known, version)


def _formula(session: Session, given: str) -> str:
    """Return the formula of a composition; where it cannot be read, say what may be meant."""
    try:
        return parse_composition(given).formula
    except InputError as error:
        if session.get(Device, given) or session.get(DeviceClaim, given):
            raise InputError(
                f"{given} is a device, and formulas are needed here; compare devices with "
                "--devices A,B"
            ) from error
        near = get_close_matches(given, session.scalars(select(Composition.formula)).all(), 3)
        hint = f"; did you mean {', '.join(map(repr, near))}?" if near else ""
        raise InputError(f"{error}{hint}") from error


def comparison(
    subject: Subject, chosen: Sequence[Candidate], known: Standings, version: str = ""
) -> Comparison:
    """Return candidates side by side, with the places that are known of them."""
    names = [each.id for each in chosen]
    rows = [_row(each, chosen) for each in METRICS.values()]
    rows = [row for row in rows if any(each.kind != "unknown" for each in row.values)]
    applications = [_application(names, each) for each in known.applications]
    return Comparison(
        answer=_answer(names, rows, applications, known.deviations),
        subject=subject,
        candidates=names,
        labels=[each.label for each in chosen],
        values=rows,
        applications=applications,
        dataset_version=version,
    )


def _row(metric: Metric, chosen: Sequence[Candidate]) -> ComparedRow:
    values = [_value(metric, each.evidence.get(metric.name)) for each in chosen]
    return ComparedRow(
        metric=metric.name,
        label=label(metric.name),
        unit=metric.unit,
        values=values,
        difference=_difference(metric, values),
    )


def _value(metric: Metric, evidence: Evidence | None) -> ComparedValue:
    if evidence is None or not evidence.known:
        text = "unknown" if evidence is None or not evidence.not_defined else "not defined"
        return ComparedValue(metric=metric.name, text=text, grade=Grade.MISSING, kind="unknown")
    known, beside = known_value(metric.name, evidence), evidence.beside
    counted = {each.grade for each in beside} - {Grade.UNREVIEWED}
    grades = counted if evidence.grade is Grade.MEAN else {evidence.grade}
    kinds = ["literature"] * bool(grades - _COMPUTED) + ["computed"] * bool(grades & _COMPUTED)
    others = [known_value(metric.name, each) for each in beside]
    for each, other in zip(beside, others, strict=True):
        other.text = _text(metric, each)
    return ComparedValue(
        **{**known.model_dump(), "text": _text(metric, evidence)},
        kind=" and ".join(kinds),
        beside=others,
    )


def _text(metric: Metric, evidence: Evidence) -> str:
    """Return a value; of a mean also its 95% interval."""
    text = value_text(evidence, metric.unit)
    if evidence.estimate is None:
        return text
    return f"{text} (95 %: {amount_range(*shown_ends(evidence), metric.unit)})"


def _ends(metric: Metric, value: Known) -> tuple[float, float]:
    def place(end: float | None, unknown: float) -> float:
        if end is None or metric.scale == "linear":
            return unknown if end is None else end
        return log10(end) if end > 0 else -inf

    return place(value.minimum, -inf), place(value.maximum, inf)


def _gap(metric: Metric, values: Sequence[Known]) -> float:
    """Return the largest gap between two intervals; not above zero where all overlap."""
    ends = [_ends(metric, each) for each in values if each.grade is not Grade.MISSING]
    return max((max(a[0], b[0]) - min(a[1], b[1]) for a, b in combinations(ends, 2)), default=-inf)


def _difference(metric: Metric, values: Sequence[Known]) -> Difference:
    known = [each for each in values if each.grade is not Grade.MISSING]
    if len(known) < 2:
        return "unknown"
    sure = [each for each in known if each.grade is not Grade.MODEL or each.minimum != each.maximum]
    if len({each.word for each in known}) > 1 or _gap(metric, sure) > 0:
        return "beyond the errors"
    return "error not known" if _gap(metric, known) > 0 else "within the errors"


def _application(names: Sequence[str], known: ApplicationStandings) -> ComparedApplication:
    scores = [known.standings.get(name) for name in names]
    placed = [each for each in scores if each is not None]
    difference: Difference = "within the errors" if len(placed) > 1 else "unknown"
    if _scores_apart(placed):
        sure = _scores_apart([each for each in placed if each.sure])
        difference = "beyond the errors" if sure else "error not known"
    shown = ComparedScore.model_fields
    return ComparedApplication(
        application=known.application,
        title=known.title,
        ranked=known.ranked,
        scores=[each and ComparedScore(**each.model_dump(include={*shown})) for each in scores],
        difference=difference,
    )


def _scores_apart(entries: Sequence[ComparedScore]) -> bool:
    return any(
        max(one.score_low, two.score_low) > min(one.score_high, two.score_high)
        for one, two in combinations(entries, 2)
    )


def _sure(entry: RankedCandidate) -> bool:
    """Return whether the interval of a score holds all errors: nothing unknown, no bare model."""
    counted = [each for each in entry.criteria if each.weight > 0]
    return not entry.unknown and all(each.grade is not Grade.MODEL for each in counted)


def _answer(
    names: Sequence[str],
    rows: Sequence[ComparedRow],
    applications: Sequence[ComparedApplication],
    deviations: Mapping[str, float],
) -> str:
    """Return what differs most, what differs besides, and for which applications the scores do.

    What is read from the formula alone is no finding, and is named apart.
    """

    def with_values(row: ComparedRow) -> str:
        pairs = zip(names, row.values, strict=True)
        return f"{row.label} ({'; '.join(f'{name}: {each.text}' for name, each in pairs)})"

    found, by_formula = list[ComparedRow](), list[ComparedRow]()
    for row in rows:
        if row.difference == "beyond the errors":
            read = any(each.grade is Grade.COMPOSITION for each in row.values)
            (by_formula if read else found).append(row)
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    text = f"No measured or computed value differs between {listed} beyond the errors"
    if found:
        first, *others = sorted(found, key=lambda row: -_deviations(row, deviations))
        text = f"{listed} differ most in {with_values(first)}"
        text += f", then in {', '.join(row.label for row in others)}" * bool(others)
    if by_formula:
        text += f"; by their formulas in {' and '.join(map(with_values, by_formula))}"
    apart = [each for each in applications if each.difference == "beyond the errors"]
    if apart:
        return (
            f"{text}; their scores lie apart for {', '.join(_ahead(names, each) for each in apart)}"
        )
    return text + "; for no application do their scores lie apart" * bool(applications)


def _deviation(metric: Metric, candidates: Sequence[Candidate]) -> float:
    """Return the standard deviation of all values on the scale of a metric; 0 if there is none."""
    evidence = (each.evidence.get(metric.name) for each in candidates)
    ends = [_ends(metric, known_value(metric.name, each)) for each in evidence if each]
    closed = [(low + high) / 2 for low, high in ends if isfinite(low) and isfinite(high)]
    return float(np.std(closed)) if closed else 0.0


def _deviations(row: ComparedRow, deviations: Mapping[str, float]) -> float:
    """Return the gap in standard deviations of all candidates; 0 for words."""
    gap, spread = _gap(METRICS[row.metric], row.values), deviations.get(row.metric, 0.0)
    return gap / spread if isfinite(gap) and spread else 0.0


def _ahead(names: Sequence[str], entry: ComparedApplication) -> str:
    scored = [(each.score, name) for name, each in zip(names, entry.scores, strict=True) if each]
    return f"{entry.title.lower()} ({max(scored)[1]} first)"
