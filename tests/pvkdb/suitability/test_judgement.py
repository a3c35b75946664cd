"""Verdicts never say more than the evidence."""

from __future__ import annotations

import pytest

from pvkdb.schemas.rankings import Requirement, Verdict
from pvkdb.suitability.judgement import Evidence, judge


def requirement(comparator: str, value: float, value_max: float | None = None) -> Requirement:
    return Requirement(
        metric="endurance_cycles",
        comparator=comparator,
        value=value,
        value_max=value_max,
        unit="cycles",
        source="section 6",
    )


@pytest.mark.parametrize(
    ("comparator", "value", "lower_bound", "verdict", "decades"),
    [
        (">", 6e6, True, Verdict.MET, 0),
        (">", 1e6, False, Verdict.NOT_MET, 0),  # "greater than" is strict
        (">", 1e3, False, Verdict.NOT_MET, 3),
        (">", 1e3, True, Verdict.NOT_SHOWN, 3),  # tested that far only
        (">=", 1e6, False, Verdict.MET, 0),
        ("<", 1e5, False, Verdict.MET, 0),
        ("<", 1e5, True, Verdict.NOT_SHOWN, 0),  # the truth may lie above
        ("<", 1e7, False, Verdict.NOT_MET, 1),
        ("<", 1e7, True, Verdict.NOT_MET, 1),
    ],
)
def test_verdicts(
    comparator: str, value: float, lower_bound: bool, verdict: Verdict, decades: float
) -> None:
    result = judge(requirement(comparator, 1e6), Evidence(value, value, None, lower_bound))
    assert result.verdict is verdict
    assert result.shortfall_decades == pytest.approx(decades)


def test_a_need_given_as_a_range_is_met_from_its_lower_end() -> None:
    need = requirement("between", 1e4, 1e6)
    assert judge(need, Evidence(1e4, 1e4)).verdict is Verdict.MET
    assert judge(need, Evidence(6e6, 6e6)).verdict is Verdict.MET
    assert judge(need, Evidence(1e3, 1e3)).shortfall_decades == pytest.approx(1)


@pytest.mark.parametrize(
    ("reported", "lower_bound", "verdict", "decades"),
    [
        (1e-4, False, Verdict.NOT_MET, 1),
        (1e-3, False, Verdict.MET, 0),
        (10, False, Verdict.MET, 0),
        (10, True, Verdict.NOT_SHOWN, 0),  # it may last longer than was measured
        (1e3, False, Verdict.NOT_MET, 2),
    ],
)
def test_a_window_has_two_ends(
    reported: float, lower_bound: bool, verdict: Verdict, decades: float
) -> None:
    need = requirement("between", 1e-3, 10).model_copy(update={"upper_limit": True})
    result = judge(need, Evidence(reported, reported, None, lower_bound))
    assert result.verdict is verdict
    assert result.shortfall_decades == pytest.approx(decades)


def test_a_value_without_logarithm_has_no_decades() -> None:
    assert judge(requirement(">", 0), Evidence(-1, -1)).verdict is Verdict.NOT_MET
    assert judge(requirement(">", 0), Evidence(-1, -1)).shortfall_decades == 0


def test_unknown_stays_unknown() -> None:
    result = judge(requirement(">", 1e6), None)
    assert result.verdict is Verdict.UNKNOWN
    assert result.value is None
    assert result.shortfall_decades is None


def test_an_interval_is_judged_by_its_unfavourable_end() -> None:
    assert judge(requirement(">", 1e6), Evidence(1e5, 1e8)).verdict is Verdict.NOT_MET
    assert judge(requirement("<", 1e6), Evidence(1e5, 1e8)).verdict is Verdict.NOT_MET
