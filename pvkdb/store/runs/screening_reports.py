"""Reports of screenings: reading them, and their candidates, reasons and counts."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.runs import ScreeningDocument
from pvkdb.schemas.screening import (
    CandidateSelection,
    CandidateSummary,
    Fall,
    FallKind,
    FallReason,
    Migration,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    Tolerance,
)
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.rows.from_models import document_of
from pvkdb.store.runs.screening_runs import report_of, run_document, unpacked

#: Reports in which a composition is looked up, the newest first.
_LOOKED_UP = 5
#: Formulas named beside a reason.
_EXAMPLES = 6
#: Parts of a candidate whose fields its summary has.
_PARTS: dict[str, type[BaseModel]] = {
    "fall": Fall,
    "tolerance": Tolerance,
    "stability": Stability,
    "migration": Migration,
}


def read_report(run: ScreeningRun) -> ScreeningReport:
    """Return the report of a run.

    Raises:
        NotFoundError: the run has no report (it is running, failed or was interrupted), or a
            report of another version of pvkdb that this one cannot read.
    """
    text = report_of(run)
    if text is None:
        raise NotFoundError(f"run {run.id} is {run.state} and has no report")
    try:
        return ScreeningReport.model_validate_json(text)
    except ValidationError as error:
        raise NotFoundError(
            f"the report of run {run.id} is of another version of pvkdb and cannot be read by "
            "this one; run the plan again"
        ) from error


def newest_fall(session: Session, formula: str) -> tuple[int, Fall] | None:
    """Return the newest run that had a composition and why it fell there; None if it did not."""
    done = select(ScreeningRun).where(ScreeningRun.report.is_not(None))
    newest = done.order_by(ScreeningRun.finished_at.desc(), ScreeningRun.id.desc())
    for run in session.scalars(newest.limit(_LOOKED_UP)):
        falls = _falls(run.report or b"")
        if formula in falls:
            fall = falls[formula]
            return (run.id, Fall.model_validate(fall)) if fall else None
    return None


@lru_cache(maxsize=_LOOKED_UP)
def _falls(packed: bytes) -> dict[str, Any]:
    """Return why the compositions of a stored report fell, None for those that passed."""
    # Without its model, which would take half a second; once for all pages of compositions.
    found = json.loads(unpacked(packed) or "{}").get("candidates", ())
    return {candidate["formula"]: candidate["fall"] for candidate in reversed(found)}


def screening_document(run: ScreeningRun) -> ScreeningDocument:
    """Return a run with the counts of its report; without a report, empty counts."""
    ledger = run_document(run)
    if run.report is None:
        texts = dict.fromkeys(("title", "plan_text", "potential", "pvkdb_version", "ranked_by"))
        empty: dict[str, Any] = {"stages": [], "reasons": [], "calculations": {}, "failures": {}}
        return ScreeningDocument(**dict(ledger), **texts, **empty)
    report = read_report(run)
    counted = {"reasons": fall_reasons(report), "failures": report.failed}
    return document_of(ScreeningDocument, report, plan_text=report.plan, **counted, **dict(ledger))


def candidates(report: ScreeningReport, selection: CandidateSelection) -> list[CandidateSummary]:
    """Return the selected candidates in the order of :func:`ranked`, one row each."""
    return [candidate_summary(candidate) for candidate in selected(report, selection)]


def selected(report: ScreeningReport, selection: CandidateSelection) -> list[ScreenedCandidate]:
    """Return the selected candidates in the order of :func:`ranked`."""
    return [candidate for candidate in ranked(report) if selection.fits(candidate)]


def ranked(report: ScreeningReport) -> list[ScreenedCandidate]:
    """Return candidates: accepted ones by rank, then rejected ones, the latest stage first."""
    place = {stage.stage: index for index, stage in enumerate(report.stages)}

    def key(candidate: ScreenedCandidate) -> tuple[bool, int, bool, int, bool, float]:
        fall, stability, rank = candidate.fall, candidate.stability, candidate.rank
        reached = place.get(fall.stage, -1) if fall else len(place)
        energy = stability.above_hull_ev_per_atom if stability else None
        return fall is not None, -reached, rank is None, rank or 0, energy is None, energy or 0.0

    return sorted(report.candidates, key=key)


def fall_reasons(report: ScreeningReport) -> list[FallReason]:
    """Return the reasons for rejections by stage, the most frequent reason of a stage first."""
    fallen: defaultdict[tuple[str, FallKind, str], list[str]] = defaultdict(list)
    for candidate in report.candidates:
        if fall := candidate.fall:
            fallen[fall.stage, fall.kind, fall.reason].append(candidate.formula)
    place = {stage.stage: index for index, stage in enumerate(report.stages)}
    return [
        FallReason(
            stage=stage, kind=kind, reason=reason, count=len(names), formulas=names[:_EXAMPLES]
        )
        for (stage, kind, reason), names in sorted(
            fallen.items(), key=lambda item: (place.get(item[0][0], -1), -len(item[1]))
        )
    ]


def candidate_summary(candidate: ScreenedCandidate) -> CandidateSummary:
    """Return a candidate as one row."""
    names = CandidateSummary.model_fields
    return CandidateSummary(**{name: value_at(candidate, _path(name)) for name in names})


def _path(name: str) -> str:
    """Return the path from a candidate to a field of its summary."""
    if name in ScreenedCandidate.model_fields:
        return name
    parts = (part for part, model in _PARTS.items() if name in model.model_fields)
    return f"{part}.{name}" if (part := next(parts, "")) else name.replace("_", ".", 1)


def value_at(candidate: ScreenedCandidate, path: str) -> Any:
    """Return the value at a path of attributes, e.g. ``tolerance.t``; None where a part is None."""
    value: Any = candidate
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value
