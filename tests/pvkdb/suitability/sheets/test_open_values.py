"""What knowing an open value is worth: by hand."""

from __future__ import annotations

import pytest

from pvkdb.schemas.profiles import Bounds, Criterion, Profile
from pvkdb.schemas.rankings import Ranking
from pvkdb.suitability import Options, rank_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.sheets.comparisons import open_values, settled

BASIS = {"weight": 1, "basis": "printed", "source": "a test"}
RATIO = Criterion(
    metric="on_off_ratio", unit="1", bounds=Bounds(at_least=100), scale="log", **BASIS
)


def ranking(*given: Evidence, criterion: Criterion = RATIO) -> Ranking:
    profile = Profile(name="x", title="X", summary="", devices=(criterion,), materials=())
    listed = [
        Candidate(f"c{n}", f"c{n}", "device", {criterion.metric: each})
        for n, each in enumerate(given)
    ]
    return rank_candidates(profile, "devices", listed, Options(samples=10))


def test_the_gain_is_the_mean_of_the_best_score_once_the_value_is_known() -> None:
    """A share of 0.5 beside one of 0.25: half the time it is 1, else the other is the best."""
    found = ranking(Evidence(10, 1000), Evidence(10**1.5, 10**2 * 10 ** (1 / 6)))
    values = open_values(found, found.candidates)
    first, second = sorted(values, key=lambda each: each.candidate)
    assert (first.candidate, first.chance, first.computed) == ("c0", pytest.approx(0.5), False)
    assert first.gain == pytest.approx(0.5 * 1 + 0.5 * 0.25 - 0.5)
    assert second.gain == pytest.approx(0.25 * 1 + 0.75 * 0.5 - 0.5)
    assert first.known.startswith("on/off ratio 10 to 1000: 50 % of the range is enough")


def test_of_a_scale_the_outcomes_are_the_ends_of_the_interval() -> None:
    scale = {"graded": True, "bounds": Bounds(fails_below=1, at_least=100)}
    graded = RATIO.model_copy(update=scale)
    found = ranking(Evidence.exactly(10), Evidence(1, 100), criterion=graded)
    (only,) = open_values(found, found.candidates)
    entry = found.candidates[1].criteria[0]
    assert only.gain == pytest.approx(0.5 * (entry.share_high - 0.5), abs=1e-3)


def test_what_cannot_change_the_choice_is_worth_nothing() -> None:
    found = ranking(Evidence.exactly(1000), Evidence(10, 1000))
    assert open_values(found, found.candidates) == []
    assert settled(found.candidates) == ["No open value alone changes the choice of c0 (c0)."]
    assert open_values(ranking(), []) == settled([]) == []
