"""Rankings of candidates for an application: scores with intervals, and how sure they are.

A score is the product of the shares over all criteria with weight, each to the power of its weight
(:mod:`pvkdb.suitability.ranking.shares`). Its interval, and how often a candidate is first, follow
from random weights of the papers; for the latter the weights of the criteria are random, too,
uniform over all with the same sum (Lahdelma, Hokkanen and Salminen, Eur. J. Oper. Res. 106, 137
(1998), doi 10.1016/S0377-2217(97)00163-X). A candidate without evidence on any criterion with
weight has no place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion, Profile, Subject
from pvkdb.schemas.rankings import (
    Assessment,
    RankedCandidate,
    Ranking,
    SetAside,
    UnderReading,
    Verdict,
)
from pvkdb.suitability.evidence.evidence import Candidate, with_retention
from pvkdb.suitability.evidence.explanations import prediction, score_sentence
from pvkdb.suitability.evidence.support import support_notes
from pvkdb.suitability.ranking.assessment import also_known, assessment, bounds_for
from pvkdb.suitability.ranking.options import Options, weighted
from pvkdb.suitability.ranking.shares import TAIL, Floats, Papers, Reports, Share

#: Fields of a ranked candidate that are those of the candidate.
_COPIED = ("id", "label", "kind", "material", "absorber", "phase", "references", "devices")


@dataclass(frozen=True)
class Judged:
    """A candidate with its share and its weight on each criterion."""

    candidate: Candidate
    shares: tuple[Share, ...]
    weights: tuple[float, ...]

    @property
    def score(self) -> float:
        """The product of the shares, to two significant digits: no interval here allows more."""
        powers = [each.value**power for each, power in zip(self.shares, self.weights, strict=True)]
        return float(f"{np.prod(powers):.2g}")

    @property
    def known(self) -> bool:
        """Whether anything is known on a criterion with weight, so that it has a place."""
        counted = zip(self.shares, self.weights, strict=True)
        return any(power > 0 and each.reported for each, power in counted)


def rank_candidates(
    profile: Profile,
    subject: Subject,
    candidates: Sequence[Candidate],
    options: Options | None = None,
    notes: Sequence[str] = (),
    dataset_version: str = "",
    set_aside: Sequence[SetAside] = (),
    among: Sequence[Candidate] | None = None,
) -> Ranking:
    """Return the ranking of candidates for a profile.

    ``notes`` are further notes of the ranking, ``set_aside`` the numbers of those that filters
    removed, ``among`` all candidates whose reports are counted; default: those that are ranked.

    Raises:
        InputError: the profile has no criteria for the subject, a weight is unusable, or no
            criterion has the reading.
    """
    options = options or Options()
    if options.samples < 1:
        raise InputError(f"samples = {options.samples} is too few; give at least 1")
    criteria = criteria_for(profile, subject)
    if not criteria:
        raise InputError(
            f"the profile {profile.name} has no criteria for {subject}; add [[{subject}]] to it"
        )
    readings = profile.readings(subject)
    if options.reading is not None and options.reading not in readings:
        raise InputError(
            unknown_name("reading", options.reading, readings)
            if readings
            else f"{profile.name} has one reading only; leave --reading {options.reading!r} out"
        )
    criteria = tuple(weighted(criteria, options.weights))
    among, _ = counted(candidates if among is None else among, options)
    named, doubtful = counted(candidates, options)
    judged, reports = judge(criteria, named, among, options.reading)
    criteria = tuple(each.criterion for each in reports)
    not_rankable = [each.candidate.id for each in judged if not each.known]
    judged = [each for each in judged if each.known]
    listed = [each.candidate for each in judged]
    entries = ranked_entries(judged, reports, options)
    for name in readings:
        if name != options.reading and _matters(criteria, name):
            _add_reading(entries, name, *judge(criteria, listed, among, name))
    entries.sort(key=lambda entry: (entry.rank, len(entry.failures), entry.id))
    waiting = [each for each in judge(criteria, doubtful, among, options.reading)[0] if each.known]
    unreviewed = ranked_entries(waiting, reports, options)
    for entry in unreviewed:
        entry.rank, entry.first = sum(each.score > entry.score for each in entries) + 1, 0.0
    return Ranking(
        application=profile.name,
        title=profile.title,
        summary=profile.summary,
        subject=subject,
        reading=options.reading,
        samples=options.samples,
        seed=options.seed,
        filters=options.filters,
        set_aside=list(set_aside),
        criteria=list(criteria),
        not_judged=list(profile.not_judged),
        candidates=entries,
        unreviewed=sorted(unreviewed, key=lambda entry: (entry.rank, entry.id)),
        not_rankable=not_rankable,
        completeness=_completeness(entries),
        notes=[
            *_left_out(set_aside, len(not_rankable)),
            *notes,
            *_notes(reports, entries),
            *([] if options.computed else [_assumed(reports)]),
        ],
        dataset_version=dataset_version,
    )


def counted(
    candidates: Sequence[Candidate], options: Options
) -> tuple[list[Candidate], list[Candidate]]:
    """Return candidates with the values that count: those that are reviewed, and the others.

    By name, so that neither ties nor draws depend on the order of the input.
    """
    kept = candidates if options.computed else [each.without_computed() for each in candidates]
    named = sorted(kept, key=lambda candidate: candidate.id)
    reviewed = [each for each in named if not each.unreviewed]
    return reviewed, [each for each in named if each.unreviewed]


def criteria_for(profile: Profile, subject: Subject) -> tuple[Criterion, ...]:
    """Return a profile's criteria on devices or on materials.

    Those for devices include, without weight, the criteria on predictions for materials: a device's
    prediction is then shown beside its measured values.
    """
    criteria = profile.criteria(subject)
    if subject == "materials" or not criteria:
        return criteria
    measured = {criterion.metric for criterion in criteria}
    predicted = (
        criterion.model_copy(update={"weight": 0.0})
        for criterion in profile.materials
        if METRICS[criterion.metric].modelled and criterion.metric not in measured
    )
    return (*criteria, *predicted)


def judge(
    criteria: Sequence[Criterion],
    candidates: Sequence[Candidate],
    among: Sequence[Candidate],
    reading: str | None = None,
) -> tuple[list[Judged], list[Reports]]:
    """Return candidates with their shares, and the reports among which these were counted."""
    candidates, among = ([*map(with_retention, listed)] for listed in (candidates, among))
    reports = [Reports.of(each, bounds_for(each, reading), among) for each in criteria]
    weights = tuple(each.criterion.weight for each in reports)
    columns = (
        of.shares([each.evidence.get(of.criterion.metric) for each in candidates]) for of in reports
    )
    shares = zip(*columns, strict=True) if reports else ((),) * len(candidates)
    judged = [Judged(each, own, weights) for each, own in zip(candidates, shares, strict=True)]
    return judged, reports


def places(scores: Sequence[float]) -> list[int]:
    """Return the ranks of scores from 1, the highest first; equal scores share the better rank."""
    ordered = sorted(-score for score in scores)
    return [bisect_left(ordered, -score) + 1 for score in scores]


def ranked_entries(
    judged: Sequence[Judged], reports: Sequence[Reports], options: Options
) -> list[RankedCandidate]:
    """Return the ranked candidates, in the order of those that are given."""
    scores, criteria = [each.score for each in judged], [report.criterion for report in reports]
    intervals, first = _drawn(judged, reports, Papers(options.samples, options.seed))
    rows = zip(judged, places(scores), scores, intervals, first, strict=True)
    found = []
    for each, rank, score, (low, high), often in rows:
        candidate, assessed = each.candidate, _assessed(each, reports)
        counted = [pair for pair in zip(assessed, reports, strict=True) if pair[0].weight > 0]
        verdicts = [entry.verdict for entry, _ in counted]
        pairs = zip(assessed, each.shares, strict=True)
        known = sum(entry.weight for entry, share in pairs if not share.unknown)
        found.append(
            RankedCandidate(
                rank=rank,
                score=score,
                score_low=low,
                score_high=high,
                because=score_sentence([(entry, of.bounds) for entry, of in counted]),
                first=often,
                form=None if (candidate.form or "") in candidate.label else candidate.form,
                stack_reported=bool(candidate.electrodes) if candidate.kind != "material" else None,
                coverage=known,
                failures=_failures(assessed),
                met=verdicts.count(Verdict.MET),
                not_demonstrated=verdicts.count(Verdict.NOT_DEMONSTRATED),
                unknown=verdicts.count(Verdict.UNKNOWN),
                prediction=prediction(criteria, assessed),
                criteria=assessed,
                also_known=also_known(criteria, candidate),
                **{name: getattr(candidate, name) for name in _COPIED},
            )
        )
    return found


def _assessed(judged: Judged, reports: Sequence[Reports]) -> list[Assessment]:
    evidence, total = judged.candidate.evidence, sum(judged.weights) or 1.0
    return [
        assessment(report, evidence.get(report.criterion.metric), share, weight / total)
        for report, share, weight in zip(reports, judged.shares, judged.weights, strict=True)
    ]


def _drawn(
    judged: Sequence[Judged], reports: Sequence[Reports], papers: Papers
) -> tuple[list[tuple[float, float]], list[float]]:
    """Return the interval of each score, and how often no other candidate is better."""
    weights = np.array([each.criterion.weight for each in reports])
    counted = np.flatnonzero(weights > 0)
    stream = np.random.default_rng(papers.seed)
    drawn = stream.standard_exponential((len(counted), papers.samples))
    drawn /= drawn.sum(axis=0)
    best = np.full(papers.samples, -np.inf)
    intervals, logs = [], []
    for each in judged:
        scores, log = np.ones(papers.samples), np.zeros(papers.samples)
        for at, of_weights in zip(counted, drawn, strict=True):
            share = each.shares[at]
            value = share.draws(papers, f"{each.candidate.id} {at}")
            scores *= value ** weights[at]
            log += of_weights * np.log(np.maximum(share.value if share.unknown else value, 1e-12))
        ends = np.quantile(scores if each.score else np.zeros(1), [TAIL, 1 - TAIL])
        low, high = min(ends[0], each.score), max(ends[1], each.score)
        intervals.append((float(f"{low:.2g}"), float(f"{high:.2g}")))
        best = np.maximum(best, log)
        logs.append(log.astype(np.float32))
    return intervals, [float(np.mean(each >= best - 1e-5)) for each in logs]


def _failures(assessments: Sequence[Assessment]) -> list[str]:
    failed = [entry for entry in assessments if entry.verdict is Verdict.FAILED]
    return [entry.reason for entry in failed if entry.weight > 0]


def _add_reading(
    entries: Sequence[RankedCandidate],
    name: str,
    judged: Sequence[Judged],
    reports: Sequence[Reports],
) -> None:
    """Add rank, score and failures under another reading to each candidate."""
    ranks = places([each.score for each in judged])
    for entry, each, rank in zip(entries, judged, ranks, strict=True):
        assessed = _assessed(each, reports)
        entry.under_readings[name] = UnderReading(
            rank=rank, score=each.score, failures=_failures(assessed)
        )


def _matters(criteria: Sequence[Criterion], reading: str) -> bool:
    """Return whether an alternative reading changes the bounds of a criterion with weight."""
    return any(
        criterion.weight > 0 and any(entry.name == reading for entry in criterion.readings)
        for criterion in criteria
    )


def _completeness(entries: Sequence[RankedCandidate]) -> float | None:
    """Return Spearman's correlation of the score with the number of known criteria."""
    known = [
        sum(each.weight > 0 and each.verdict is not Verdict.UNKNOWN for each in entry.criteria)
        for entry in entries
    ]
    scores = [entry.score for entry in entries]
    if len(set(known)) < 2 or len(set(scores)) < 2:
        return None
    return round(float(np.corrcoef(_mean_places(known), _mean_places(scores))[0, 1]), 3)


def _mean_places(values: Sequence[float]) -> Floats:
    """Return the places of values, the lowest first; equal values share their mean place."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends: Floats = np.cumsum(counts) - (counts - 1) / 2
    return ends[which]


def _left_out(set_aside: Sequence[SetAside], unknown: int) -> list[str]:
    """Return notes on how many have no place, and why."""
    notes = [
        f"set aside by the filter {each.filter}: {each.count} ({each.reason})" for each in set_aside
    ]
    if unknown:
        notes.append(f"not rankable, nothing is known on a criterion with weight: {unknown}")
    return notes


def _assumed(reports: Sequence[Reports]) -> str:
    """Return a note on what unknown values count as, where computed ones are left out."""
    counted = [(each.criterion.metric, each) for each in reports if each.criterion.weight > 0]
    listed = (f"{METRICS[name].label} {each.unknown.value:.2g}" for name, each in counted)
    return (
        "without what pvkdb computed, an unknown value counts as the lower end among fewer "
        f"reports, which may change places: {', '.join(listed)}"
    )


def _notes(reports: Sequence[Reports], entries: Sequence[RankedCandidate]) -> list[str]:
    notes, criteria = [], [each.criterion for each in reports]
    for each in reports:
        if each.criterion.weight > 0 and not each.values:
            notes.append(
                f"nobody reports {METRICS[each.criterion.metric].label}: its weight decides nothing"
            )
    if not entries:
        notes.append("nothing is known of any candidate on any criterion with weight: no order")
    elif not all(each.graded or each.weight == 0 for each in criteria) and not any(
        all(each.verdict is Verdict.MET for each in entry.criteria if each.weight > 0)
        for entry in entries
    ):
        notes.append("no candidate is shown to meet every criterion")
    notes += support_notes(criteria)
    waiting = [each for each in criteria if each.weight == 0 and each.from_papers]
    if waiting:
        few = ", ".join(f"{METRICS[each.metric].label} ({each.from_papers})" for each in waiting)
        notes.append(f"without weight until as many papers report it: {few}")
    without = [each for each in criteria if each.weight == 0 and not each.from_papers]
    others = [each.metric for each in without if not METRICS[each.metric].modelled]
    if others:
        notes.append(f"shown without weight: {', '.join(others)}")
    completeness = _completeness(entries)
    if completeness is not None:
        notes.append(
            f"rank correlation of the score with the number of known criteria: {completeness:+.2f}"
        )
    return notes
