"""What a screening found that the run before did not: candidates that came, went or moved."""

from __future__ import annotations

from typing import Any

import pvkdb
from pvkdb.schemas.runs import Differences, LostCandidate, PassedCandidate, RankChange
from pvkdb.schemas.screening import ScreeningReport


def differences(before: dict[str, Any], report: ScreeningReport, since: int) -> Differences:
    """Compare a report with the one of the run before.

    Args:
        before: That report as JSON, which an older version of pvkdb may have written.
        report: The new one.
        since: Id of the run before.
    """
    passed_before = {
        entry["formula"]: entry.get("rank")
        for entry in before["candidates"]
        if entry.get("fall") is None
    }
    now = {candidate.formula: candidate for candidate in report.candidates}
    passed = {name: entry for name, entry in now.items() if entry.fall is None}
    version = before.get("pvkdb_version")
    return Differences(
        since=since,
        new=[
            PassedCandidate(formula=name, rank=entry.rank)
            for name, entry in sorted(passed.items(), key=lambda item: _place(item[1].rank))
            if name not in passed_before
        ],
        lost=[
            LostCandidate(formula=name, before=rank, reason=_why_lost(report, name))
            for name, rank in sorted(passed_before.items(), key=lambda item: _place(item[1]))
            if name not in passed
        ],
        moved=[
            RankChange(formula=name, before=passed_before[name], after=entry.rank)
            for name, entry in sorted(passed.items(), key=lambda item: _place(item[1].rank))
            if name in passed_before and passed_before[name] != entry.rank
        ],
        plan_changed=before.get("plan") != report.plan,
        version_before=version if version != pvkdb.__version__ else None,
    )


def _place(rank: int | None) -> float:
    return float("inf") if rank is None else rank


def _why_lost(report: ScreeningReport, formula: str) -> str:
    for candidate in report.candidates:
        if candidate.formula == formula and candidate.fall is not None:
            return f"{candidate.fall.stage}: {candidate.fall.reason}"
    return "the plan no longer makes it"
