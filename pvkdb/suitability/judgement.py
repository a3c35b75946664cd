"""Holding a reported value against a requirement.

A verdict never says more than the evidence: where a value is only a lower bound (an endurance
that was tested, a ">" in print) and lies below the requirement, the requirement is *not shown*
rather than *not met*; where nothing is reported, it is *unknown*.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from pvkdb.schemas.rankings import CriterionResult, Requirement, Verdict

#: Metrics whose reported value is how far the test went, so that the truth may lie above.
TESTED_METRICS = frozenset({"endurance_cycles"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A reported value of a metric: an interval, and whether it is only a lower bound."""

    minimum: float
    maximum: float
    qualifier: str | None = None
    lower_bound: bool = False


def judge(requirement: Requirement, evidence: Evidence | None) -> CriterionResult:
    """The verdict on one requirement.

    "> v" is met above v (as printed, strictly), "< v" below v. "between v and w" is met from v on
    where more serves too (the endurance of a need that varies), and up to w only where the upper
    end is a limit (a memory that must fade).
    The shortfall is in decades, log10(required / reported), because the metrics span many; values
    that are not positive have none.
    """
    if evidence is None:
        return CriterionResult(
            requirement=requirement,
            verdict=Verdict.UNKNOWN,
            value=None,
            qualifier=None,
            shortfall_decades=None,
        )
    if requirement.comparator in ("<", "<="):
        verdict, value = _below(requirement.value, requirement.comparator == "<=", evidence)
        missing = _decades(value, requirement.value)
    else:
        verdict, value = _above(requirement.value, requirement.comparator != ">", evidence)
        missing = _decades(requirement.value, value)
        limit = requirement.value_max if requirement.upper_limit else None
        if verdict is Verdict.MET and limit is not None:
            verdict, value = _below(limit, True, evidence)
            missing = _decades(value, limit)
    return CriterionResult(
        requirement=requirement,
        verdict=verdict,
        value=value,
        qualifier=evidence.qualifier,
        shortfall_decades=0.0 if verdict is Verdict.MET else max(0.0, missing),
    )


def _decades(larger: float, smaller: float) -> float:
    return log10(larger / smaller) if min(larger, smaller) > 0 else 0.0


def _above(limit: float, inclusive: bool, evidence: Evidence) -> tuple[Verdict, float]:
    value = evidence.minimum
    if value > limit or (inclusive and value == limit):
        return Verdict.MET, value
    return (Verdict.NOT_SHOWN if evidence.lower_bound else Verdict.NOT_MET), value


def _below(limit: float, inclusive: bool, evidence: Evidence) -> tuple[Verdict, float]:
    value = evidence.maximum
    if not (value < limit or (inclusive and value == limit)):
        return Verdict.NOT_MET, value
    return (Verdict.NOT_SHOWN if evidence.lower_bound else Verdict.MET), value
