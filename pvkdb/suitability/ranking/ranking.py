"""Rankings of candidates for an application: scores, verdicts, stability and cross-checks.

The order is that of :mod:`pvkdb.suitability.ranking.order`. A candidate without evidence on any
criterion with weight has no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from pvkdb.errors import InputError, MissingExtraError, unknown_name
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion, Profile, Subject
from pvkdb.schemas.rankings import (
    COMPUTED,
    ORDERS,
    Assessment,
    CrossCheck,
    RankedCandidate,
    Ranking,
    SetAside,
    UnderReading,
    Verdict,
)
from pvkdb.suitability.evidence.evidence import Candidate
from pvkdb.suitability.evidence.explanations import prediction
from pvkdb.suitability.evidence.support import support_notes
from pvkdb.suitability.ranking.acceptability import rank_acceptability
from pvkdb.suitability.ranking.assessment import also_known, assess, desirabilities_of
from pvkdb.suitability.ranking.desirability import FLOOR, Desirability
from pvkdb.suitability.ranking.options import Options, weighted
from pvkdb.suitability.ranking.order import DIGITS, Key, distinction, places, sort_key
from pvkdb.suitability.ranking.scoring import Scores, cross_check, pareto_front, score

#: Number of ranks with a probability.
RANKS_LISTED = 10


def rank_candidates(
    profile: Profile,
    subject: Subject,
    candidates: Sequence[Candidate],
    options: Options | None = None,
    notes: Sequence[str] = (),
    dataset_version: str = "",
    set_aside: Sequence[SetAside] = (),
) -> Ranking:
    """Return the ranking of candidates for a profile; ``set_aside`` are those that filters removed.

    Raises:
        InputError: the profile has no criteria for the subject, a weight or the order is unusable,
            or no criterion has the reading.
    """
    options = options or Options()
    if options.order not in ORDERS:
        raise InputError(unknown_name("order", options.order, ORDERS))
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
    # By name, so that neither ties nor draws depend on the order of the input.
    named = sorted(candidates, key=lambda candidate: candidate.id)
    if not options.computed:
        named = [candidate.without_computed() for candidate in named]
    listed = [each for each in named if _is_rankable(criteria, each)]
    entries, checks, missing = _ranked(criteria, listed, options, readings)
    more = _notes(criteria, entries)
    return Ranking(
        application=profile.name,
        title=profile.title,
        summary=profile.summary,
        subject=subject,
        order=options.order,
        reading=options.reading,
        floor=FLOOR,
        samples=options.samples,
        seed=options.seed,
        filters=options.filters,
        set_aside=list(set_aside),
        criteria=list(criteria),
        not_judged=list(profile.not_judged),
        candidates=entries,
        not_rankable=[each.id for each in named if not _is_rankable(criteria, each)],
        cross_checks=checks,
        notes=[*_left_out(set_aside, len(named) - len(listed)), *notes, *more, *missing],
        dataset_version=dataset_version,
    )


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


def _ranked(
    criteria: Sequence[Criterion],
    candidates: Sequence[Candidate],
    options: Options,
    readings: Sequence[str],
) -> tuple[list[RankedCandidate], list[CrossCheck], list[str]]:
    weights = [criterion.weight for criterion in criteria]
    worth = [desirabilities_of(criteria, candidate, options.reading) for candidate in candidates]
    scores = [score(weights, entries) for entries in worth]
    assessments = [assess(criteria, candidate, options.reading) for candidate in candidates]
    failed = [_failures(entries) for entries in assessments]
    judged = zip(candidates, scores, assessments, strict=True)
    keys = [sort_key(*each, criteria, options) for each in judged]
    ranks = places(keys)
    counted = [place for place, weight in enumerate(weights) if weight > 0]
    used = [[entries[place] for place in counted] for entries in worth]
    values = _values(used, len(counted))
    front = pareto_front(values)
    stability = rank_acceptability(
        [candidate.id for candidate in candidates],
        used,
        options.samples,
        options.seed,
        RANKS_LISTED,
    )
    # What orders equal scores is not known to the other methods.
    shown = places([(-round(each.shown, DIGITS),) for each in scores])
    checks, others, missing = (
        _checked(values, [weights[place] for place in counted], shown)
        if options.cross_checked
        else ([], {}, [])
    )
    under = _under_readings(criteria, candidates, options, readings)
    reported = [candidate.without_computed() for candidate in candidates]
    bare = places(
        [
            keys[place] if each is candidates[place] else _key(criteria, each, options)
            for place, each in enumerate(reported)
        ]
    )
    differ = any(each is not other for each, other in zip(reported, candidates, strict=True))
    found = [
        _entry(
            candidate,
            scores[place],
            assessments[place],
            failed[place],
            rank=ranks[place],
            also_known=also_known(criteria, candidate),
            prediction=prediction(criteria, assessments[place]),
            pareto=bool(front[place]),
            topsis_rank=others["TOPSIS"][place] if others else None,
            spotis_rank=others["SPOTIS"][place] if others else None,
            rank_without_computed=bare[place]
            if differ and _is_rankable(criteria, reported[place])
            else None,
            under_readings={name: listed[place] for name, listed in under.items()},
            rank_probabilities=stability.probabilities[place].tolist(),
            mean_rank=float(stability.mean_ranks[place]),
        )
        for place, candidate in enumerate(candidates)
    ]
    of_id = {candidate.id: key for candidate, key in zip(candidates, keys, strict=True)}
    found.sort(key=lambda entry: (entry.rank, -round(entry.expected, DIGITS), entry.id))
    for before, behind in pairwise(found):
        pair = before.criteria, behind.criteria
        behind.tie_break = distinction(of_id[before.id], of_id[behind.id], *pair)
    return found, checks, missing


def _is_rankable(criteria: Sequence[Criterion], candidate: Candidate) -> bool:
    """Return whether anything is known of a candidate on a criterion with weight."""
    counted = (candidate.evidence.get(each.metric) for each in criteria if each.weight > 0)
    return any(evidence is not None and evidence.known for evidence in counted)


def _key(criteria: Sequence[Criterion], candidate: Candidate, options: Options) -> Key:
    weights = [criterion.weight for criterion in criteria]
    scores = score(weights, desirabilities_of(criteria, candidate, options.reading))
    entries = assess(criteria, candidate, options.reading)
    return sort_key(candidate, scores, entries, criteria, options)


def _failures(assessments: Sequence[Assessment]) -> list[str]:
    failed = [entry for entry in assessments if entry.verdict is Verdict.FAILED]
    return [entry.reason for entry in failed if entry.weight > 0]


def _entry(
    candidate: Candidate,
    scores: Scores,
    assessments: list[Assessment],
    failed: list[str],
    **compared: Any,
) -> RankedCandidate:
    """Return a ranked candidate; ``compared`` are fields that depend on the other candidates."""
    counted = [entry for entry in assessments if entry.weight > 0]
    verdicts = [entry.verdict for entry in counted]
    return RankedCandidate(
        id=candidate.id,
        label=candidate.label,
        kind=candidate.kind,
        material=candidate.material,
        absorber=candidate.absorber,
        phase=candidate.phase,
        form=None if (candidate.form or "") in candidate.label else candidate.form,
        stack_reported=bool(candidate.electrodes) if candidate.kind != "material" else None,
        references=candidate.references,
        devices=candidate.devices,
        shown=scores.shown,
        expected=scores.expected,
        possible=scores.possible,
        coverage=scores.coverage,
        failures=failed,
        met=verdicts.count(Verdict.MET),
        not_demonstrated=verdicts.count(Verdict.NOT_DEMONSTRATED),
        unknown=verdicts.count(Verdict.UNKNOWN),
        shortfall_decades=sum(entry.shortfall_decades or 0.0 for entry in counted),
        criteria=assessments,
        **compared,
    )


def _values(worth: Sequence[Sequence[Desirability]], count: int) -> np.ndarray:
    """Return candidates × criteria: desirabilities as shown, NaN if not defined."""
    values = [
        [max(entry.lowest, FLOOR) if entry.defined else np.nan for entry in entries]
        for entries in worth
    ]
    return np.array(values, dtype=np.float64).reshape(len(worth), count)


def _checked(
    values: np.ndarray, weights: Sequence[float], shown: Sequence[int]
) -> tuple[list[CrossCheck], dict[str, list[int]], list[str]]:
    # pymcdm has no undefined cells: they count as the floor.
    filled = np.where(np.isnan(values), FLOOR, values)
    try:
        checks, ranks = cross_check(filled, weights, shown)
    except MissingExtraError as error:
        return [], {}, [f"no cross-check with TOPSIS and SPOTIS: {error}"]
    return checks, ranks, []


def _under_readings(
    criteria: Sequence[Criterion],
    candidates: Sequence[Candidate],
    options: Options,
    readings: Sequence[str],
) -> dict[str, list[UnderReading]]:
    weights = [criterion.weight for criterion in criteria]
    found = {}
    for name in readings:
        if name == options.reading or not _matters(criteria, name):
            continue
        scores = [score(weights, desirabilities_of(criteria, each, name)) for each in candidates]
        entries = [assess(criteria, each, name) for each in candidates]
        under = replace(options, reading=name)
        judged = zip(candidates, scores, entries, strict=True)
        keys = [sort_key(*each, criteria, under) for each in judged]
        found[name] = [
            UnderReading(rank=rank, shown=scored.shown, failures=_failures(assessed))
            for rank, scored, assessed in zip(places(keys), scores, entries, strict=True)
        ]
    return found


def _matters(criteria: Sequence[Criterion], reading: str) -> bool:
    """Return whether an alternative reading changes the bounds of a criterion with weight."""
    return any(
        criterion.weight > 0 and any(entry.name == reading for entry in criterion.readings)
        for criterion in criteria
    )


def _effect_of_computed(entries: Sequence[RankedCandidate]) -> list[str]:
    """Return a note on what computed E_A and DFE change in the first ten."""
    counted = [
        entry
        for entry in entries
        if any(each.weight > 0 and each.grade in COMPUTED for each in entry.criteria)
    ]
    if not counted:
        return []
    plural = "" if len(counted) == 1 else "s"
    note = (
        f"computed E_A or DFE counts for {len(counted):,} candidate{plural}, of which the "
        "literature has none, so that it would be unknown otherwise"
    )
    first = [entry for entry in counted if entry.rank <= RANKS_LISTED]
    names = ", ".join(
        f"{each.label} (else {each.rank_without_computed or 'no place'})" for each in first
    )
    return [f"{note}; among the first {RANKS_LISTED} ranks: {names or 'none'}"]


def _left_out(set_aside: Sequence[SetAside], unknown: int) -> list[str]:
    """Return notes on how many have no place, and why."""
    notes = [
        f"set aside by the filter {each.filter}: {each.count} ({each.reason})" for each in set_aside
    ]
    if unknown:
        notes.append(f"not rankable, nothing is known on a criterion with weight: {unknown}")
    return notes


def _notes(criteria: Sequence[Criterion], entries: Sequence[RankedCandidate]) -> list[str]:
    notes = []
    if not entries:
        notes.append("nothing is known of any candidate on any criterion with weight: no order")
    elif not all(each.graded or each.weight == 0 for each in criteria) and not any(
        all(each.desirability_shown == 1 for each in entry.criteria if each.weight > 0)
        for entry in entries
    ):
        notes.append("no candidate is shown to meet every criterion")
    notes += [*_effect_of_computed(entries), *support_notes(criteria)]
    without = [criterion for criterion in criteria if criterion.weight == 0]
    others = [each.metric for each in without if not METRICS[each.metric].modelled]
    if others:
        notes.append(f"shown without weight: {', '.join(others)}")
    return notes
