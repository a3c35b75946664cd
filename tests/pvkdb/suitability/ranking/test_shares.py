"""Shares of requirements: by hand, and against integrals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import Grade, Verdict
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, grade_of
from pvkdb.suitability.ranking.assessment import assessment
from pvkdb.suitability.ranking.shares import TAIL, Papers, Reports, exactly

TESTED = (100, 1e3, 5e3, 5e3, 1e4, 2e6)


def reports(bounds: Bounds, *values: Evidence, graded: bool = False) -> Reports:
    """Reports on the endurance, each by a paper of its own."""
    known = {"unit": "cycles", "scale": "log", "weight": 1, "basis": "printed", "source": "a test"}
    criterion = Criterion(metric="endurance_cycles", bounds=bounds, graded=graded, **known)
    listed = [
        Candidate(f"c{n}", f"c{n}", "device", {"endurance_cycles": each}, references=f"r{n}")
        for n, each in enumerate(values)
    ]
    return Reports.of(criterion, bounds, listed)


MILLION = Bounds(at_least=1e6)
ENDURANCES = reports(MILLION, *(Evidence(each, None) for each in TESTED))


def test_a_tested_length_counts_by_the_papers_that_got_as_far() -> None:
    """Of the four papers from 5,000 cycles on, one reached a million: (1 + ½)/(4 + 1)."""
    share = ENDURANCES.share(Evidence(5e3, None))
    assert (share.reached, len(share.tested), share.value) == (1, 4, 0.3)
    posterior = stats.beta(1.5, 3.5)
    assert (share.low, share.high) == pytest.approx(posterior.ppf([TAIL, 1 - TAIL]))
    assert ENDURANCES.share(Evidence(1e4, None)).value == 0.5
    assert ENDURANCES.share(Evidence(2e6, None)) == exactly(1)


def test_devices_of_one_paper_are_one_and_doubtful_values_none() -> None:
    twice = [
        Candidate(str(n), "", "device", {"endurance_cycles": Evidence(5e3, None)}, references="r")
        for n in range(3)
    ]
    doubtful = [
        Candidate(grade, "", "device", {"endurance_cycles": Evidence(9e6, None, grade=grade)})
        for grade in (Grade.EXTRAPOLATED, Grade.SECONDARY)
    ]
    found = Reports.of(ENDURANCES.criterion, MILLION, [*twice, *doubtful])
    assert found.share(Evidence(5e3, None)).value == 0.5 / 2
    for each in doubtful:
        assert found.share(each.evidence["endurance_cycles"]).value == found.unknown.value


def test_an_unknown_value_counts_as_the_lower_end_among_all() -> None:
    assert ENDURANCES.unknown.value == pytest.approx(stats.beta(1.5, 5.5).ppf(TAIL))
    assert ENDURANCES.share(None).value < ENDURANCES.share(Evidence(100, None)).value
    drawn = np.asarray(ENDURANCES.unknown.draws(Papers(20_000, 1), "a"))
    assert np.quantile(drawn, 0.975) == pytest.approx(stats.beta(1.5, 5.5).ppf(0.975), rel=0.05)


def test_a_length_on_a_scale_counts_by_what_it_showed_and_by_how_far_others_went() -> None:
    """From 10 to 10⁵, 10³ is one half; the four papers that went on reach 0.5, 0.675 twice, 1."""
    tested = (Evidence(length, None) for length in TESTED[1:])
    scale = reports(Bounds(fails_below=10, at_least=1e5), *tested, graded=True)
    further = [0.0, *[2 * (np.log10(5e3) - 1) / 4 - 1] * 2, 0.5, 1.0]
    mean = (sum(further) + 0.5) / (len(further) + 1)
    assert scale.share(Evidence(1e3, None)).value == pytest.approx(0.5 + 0.5 * mean)
    assert scale.unknown.value < scale.share(Evidence(20, None)).value
    assert scale.unknown.low <= scale.unknown.value < scale.unknown.high


@pytest.mark.parametrize(
    ("bounds", "evidence", "share"),
    [
        (MILLION, Evidence.exactly(5e3), 0),  # seen to fail
        (MILLION, Evidence(1e5, 1e7), 0.5),  # half of two decades
        (Bounds(at_most=10), Evidence(400, None), 0),  # must forget, and holds
        (Bounds(at_most=10), Evidence(None, 5), 1),
        (Bounds(at_least=10, at_most=1e3), Evidence(100, 1e5), 1 / 3),
    ],
)
def test_a_measured_value_meets_or_not(bounds: Bounds, evidence: Evidence, share: float) -> None:
    assert reports(bounds).share(evidence).value == pytest.approx(share)


def test_a_scale_counts_by_its_mean_desirability() -> None:
    scale = reports(Bounds(fails_below=10, at_least=1e3), graded=True)
    assert scale.share(Evidence.exactly(100)).value == pytest.approx(0.5)
    spread = scale.share(Evidence(10, 1e3))
    assert spread.value == pytest.approx(0.5)
    assert (spread.low, spread.high) == pytest.approx((0.025, 0.975), abs=0.01)


def test_random_shares_are_those_of_the_posterior_and_rest_on_common_papers() -> None:
    papers = Papers(20_000, 1)
    share = ENDURANCES.share(Evidence(5e3, None))
    drawn = np.asarray(share.draws(papers, "a"))
    assert stats.kstest(drawn, stats.beta(1.5, 3.5).cdf).pvalue > 1e-3
    other = np.asarray(ENDURANCES.share(Evidence(1e4, None)).draws(papers, "b"))
    assert np.corrcoef(drawn, other)[0, 1] > 0.7  # the paper that reached it is in both
    again = np.asarray(share.draws(Papers(20_000, 1), "c"))
    assert np.array_equal(drawn, again)


@pytest.mark.parametrize(
    ("value", "source", "expected"),
    [
        ((None, 1e7, "up to"), "a", ("NOT_DEMONSTRATED", "BEST", "at best;")),
        ((None, 10, "up to"), "a", ("FAILED", "BEST", "fails")),
        ((1e7, 1e7, None), "a", ("MET", "MEASURED", "enough")),
        ((1e7, 1e7, None), "secondary: b", ("NOT_DEMONSTRATED", "SECONDARY", "quotes it")),
    ],
)
def test_a_best_or_quoted_value_shows_no_more_than_it_says(
    value: tuple[float | None, float, str | None], source: str, expected: tuple[str, str, str]
) -> None:
    low, high, qualifier = value
    found = Evidence(low, high, qualifier=qualifier, grade=grade_of(source, qualifier))
    known = reports(Bounds(at_least=1e3), found)
    entry = assessment(known, found, known.share(found), 1.0)
    verdict, grade, said = expected
    assert (entry.verdict, entry.grade) == (Verdict[verdict], Grade[grade])
    assert said in entry.reason
