"""What knowing an open value is worth: against integrals by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.schemas.profiles import Bounds, Criterion, Profile
from pvkdb.schemas.rankings import Ranking
from pvkdb.suitability import Options, rank_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.ranking.acceptability import drawn_weights
from pvkdb.suitability.sheets.information import _factors, open_values, settled


def criterion(metric: str, unit: str = "%") -> Criterion:
    """Desirability is the share of a hundred."""
    return Criterion(
        metric=metric,
        unit=unit,
        bounds=Bounds(at_least=100, fails_below=0),
        weight=1,
        basis="printed",
        source="a test",
    )


def ranking(*given: dict[str, Evidence], metrics: tuple[str, ...] = ("yield_percent",)) -> Ranking:
    profile = Profile(
        name="x", title="X", summary="", devices=tuple(map(criterion, metrics)), materials=()
    )
    listed = [Candidate(f"c{n}", f"c{n}", "device", each) for n, each in enumerate(given)]
    return rank_candidates(profile, "devices", listed, Options(samples=2000, cross_checked=False))


def test_the_gain_is_the_mean_of_what_a_measurement_would_add() -> None:
    """A candidate of 0.8 beside one uniform in 0 to 1: ∫ (d − 0.8) from 0.8 to 1 is 0.02."""
    found = ranking({"yield_percent": Evidence.exactly(80)}, {"yield_percent": Evidence(0, 100)})
    (only,) = open_values(found, found.candidates)
    assert (only.candidate, only.metric, only.computed) == ("c1", "yield_percent", False)
    assert only.gain == pytest.approx(0.02, abs=1.5e-3)
    assert only.changes == pytest.approx(0.2)
    assert only.known.startswith("yield 0% to 100%: too wide to decide")


def test_what_cannot_change_the_choice_is_worth_nothing() -> None:
    """A closed interval below the best candidate, and a choice without anything open."""
    found = ranking({"yield_percent": Evidence.exactly(80)}, {"yield_percent": Evidence(10, 70)})
    assert open_values(found, found.candidates) == []
    first, other = settled(found, found.candidates)
    assert first == (
        "No open value alone changes the choice of c0 (c0), which has a score of 0.800 at worst "
        "and 0.800 on average. Open: nothing."
    )
    assert other == "Out of reach by yield, whatever else is found of them: c1 (c1)."
    alone = ranking({})
    assert open_values(alone, alone.candidates) == []
    assert open_values(ranking(), []) == []


def test_several_open_values_together_may_change_the_choice() -> None:
    """0.8 is proven; the other reaches 0.9 where both of its values turn out best."""
    metrics = ("yield_percent", "uniformity_percent")
    known = dict.fromkeys(metrics, Evidence.exactly(80))
    wide = {"yield_percent": Evidence(1, 90), "uniformity_percent": Evidence(1, 90)}
    found = ranking(known, wide, metrics=metrics)
    assert settled(found, found.candidates)[1:] == [
        "c1 (c1) reaches 0.900 at best. Open: yield, uniformity."
    ]


def test_a_doubt_about_the_best_is_worth_as_much_as_one_about_the_next() -> None:
    """0.5 to 0.9 beside 0.6: below 0.6 the other is better, ∫ (0.6 − d)/0.4 from 0.5 is 0.0125."""
    found = ranking({"yield_percent": Evidence(50, 90)}, {"yield_percent": Evidence.exactly(60)})
    (only,) = open_values(found, found.candidates)
    assert only.gain == pytest.approx(0.0125, abs=1e-3)
    assert only.changes == pytest.approx(0.25, abs=0.05)


def test_criteria_that_are_not_defined_take_no_weight() -> None:
    metrics = ("yield_percent", "uniformity_percent")
    known = {"yield_percent": Evidence.exactly(80), "uniformity_percent": Evidence.exactly(80)}
    open_one = {
        "yield_percent": Evidence(0, 100),
        "uniformity_percent": Evidence(not_defined="a test"),
    }
    found = ranking(known, open_one, metrics=metrics)
    (only,) = open_values(found, found.candidates)
    assert only.metric == "yield_percent"
    assert only.gain == pytest.approx(0.02, abs=1.5e-3)


def test_gains_have_an_error_and_what_cannot_be_told_apart_is_one_group() -> None:
    """Two alike by symmetry, and one whose doubt is worth less by far."""
    metrics = ("yield_percent", "uniformity_percent")
    known, wide = Evidence.exactly(80), Evidence(0, 100)
    found = ranking(
        {"yield_percent": known, "uniformity_percent": wide},
        {"yield_percent": wide, "uniformity_percent": known},
        {"yield_percent": Evidence.exactly(70), "uniformity_percent": Evidence(40, 70)},
        metrics=metrics,
    )
    first, second, *rest = open_values(found, found.candidates)
    assert {first.candidate, second.candidate} == {"c0", "c1"}
    assert (first.group, second.group) == (1, 1)
    assert all(each.group > 1 for each in rest)
    assert 0 < first.error < 0.1 * first.gain
    assert abs(first.gain - second.gain) < 4 * (first.error + second.error)


def test_the_error_is_that_of_other_draws() -> None:
    """The spread of the gain over other seeds is what the jackknife says."""
    metrics = ("yield_percent", "uniformity_percent")
    given = (
        {"yield_percent": Evidence.exactly(40), "uniformity_percent": Evidence(0, 100)},
        {"yield_percent": Evidence.exactly(60), "uniformity_percent": Evidence.exactly(40)},
    )
    base = ranking(*given, metrics=metrics)
    gains, errors = [], []
    for seed in range(30):
        other = base.model_copy(update={"seed": seed})
        value = open_values(other, other.candidates)[0]
        gains.append(value.gain)
        errors.append(value.error)
    assert np.std(gains) == pytest.approx(np.mean(errors), rel=0.5)


def test_the_best_choice_now_has_the_mean_score_of_the_rank_probabilities() -> None:
    """The weights are the same; the mean over drawn values is a product of means."""
    found = ranking(
        {"yield_percent": Evidence(20, 90), "uniformity_percent": Evidence.exactly(50)},
        metrics=("yield_percent", "uniformity_percent"),
    )
    weights = drawn_weights(2, 2000, found.seed)
    factors = _factors(found, found.candidates[0], (0, 1), weights)
    drawn = np.random.default_rng(1).uniform(0.2, 0.9, 2000) ** weights[0] * 0.5 ** weights[1]
    assert np.mean(factors[0][2] * factors[1][2]) == pytest.approx(drawn.mean(), abs=0.01)
