"""Comparisons: the subject's value is the better one; what knowing an open value is worth."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from sqlalchemy.orm import Session

from pvkdb.schemas.profiles import SUBJECTS, Bounds, Criterion, Profile, Subject
from pvkdb.schemas.rankings import Assessment, Grade, RankedCandidate, Ranking, Verdict
from pvkdb.suitability import Options, rank, rank_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.sheets.comparisons import ahead_of, label, open_values, scope, settled

from ....curated import PROFILES

#: ``endurance (10⁶ cycles compared with 5000 cycles; …; share 1 compared with 0.28)``
PART = re.compile(
    r"(?P<label>[^;]+?) \((?P<ours>[^;()]*?) compared with (?P<theirs>[^;]*?); (?P<wanted>[^;]*); "
    r"share (?P<a>[\d.e-]+) compared with (?P<b>[^)]+)\)(?:; |$)"
)


def check(ranking: Ranking, one: RankedCandidate, other: RankedCandidate) -> int:
    """Hold the sentences on a pair against its numbers; return how many there are."""
    said = 0
    for subject, behind in ((one, other), (other, one)):
        text = ahead_of(ranking, subject, behind)
        parts = list(PART.finditer(text))
        assert "; ".join(part.group().removesuffix("; ") for part in parts) == text
        said += len(parts)
        for part in parts:
            labels = [label(criterion.metric) for criterion in ranking.criteria]
            (place,) = (n for n, each in enumerate(labels) if each == part["label"])
            criterion = ranking.criteria[place]
            ours, theirs = subject.criteria[place], behind.criteria[place]
            assert part["ours"] == text_of(ours)
            assert part["theirs"] == text_of(theirs)
            assert part["wanted"] == requirement_text(criterion, criterion.bounds)
            assert ours.share > theirs.share
            if ours.word is not None and ours.share == 1:  # a quoted word counts as unknown
                assert ours.word in criterion.bounds.accepts
    return said


def text_of(entry: Assessment) -> str:
    if entry.verdict is Verdict.UNKNOWN:
        return "nothing reported"
    uncertain = entry.grade in (Grade.EXTRAPOLATED, Grade.SECONDARY, Grade.INFERRED)
    return value_text(entry, entry.unit) + (f", {entry.grade.value}" if uncertain else "")


def test_the_smaller_probability_is_not_ahead() -> None:
    """Once: "ahead on perovskite probability (0.4771 compared with 0.6602)"."""
    basis = {"graded": True, "weight": 1, "basis": "reading", "source": "section 2"}
    bounds = Bounds(at_least=0.9, fails_below=0)
    tau = Criterion(metric="p_perovskite", unit="1", bounds=bounds, **basis)
    barrier = tau.model_copy(update={"metric": "e_a_ev", "unit": "eV"})
    profile = Profile(name="x", title="X", summary="", devices=(), materials=(tau, barrier))
    listed = []
    for name, p, e in (("a", 0.4771, 0.8), ("b", 0.6602, 0.3)):
        known = {"p_perovskite": Evidence.exactly(p), "e_a_ev": Evidence.exactly(e)}
        listed.append(Candidate(name, name, "material", known))
    found = rank_candidates(profile, "materials", listed, Options(samples=1))
    first, second = found.candidates
    assert first.id == "a"
    assert ahead_of(found, second, first) == (
        "perovskite probability (0.6602 compared with 0.4771; on a scale from 0 (worst) to "
        "0.9 (best); share 0.73 compared with 0.53)"
    )
    assert ahead_of(found, first, second).startswith("E_A (0.8 eV compared with ")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_sample_of_the_pairs_of_a_profile(literature: Session, subject: Subject) -> None:
    found = rank(literature, "selector", subject, Options(samples=1), models=())
    expected = {
        "devices": "Judged by retention, volatility, on/off ratio and endurance alone. Not",
        "materials": "Judged by E_A, DFE and perovskite probability alone. Not",
    }
    assert scope(found).startswith(expected[subject])
    listed = found.candidates[::9]
    assert sum(check(found, *pair) for pair in combinations(listed, 2)) > len(listed)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("application", PROFILES)
def test_all_pairs_of_a_profile(literature: Session, application: str, subject: Subject) -> None:
    options = Options(samples=1)
    found = rank(literature, application, subject, options, models=())
    said = sum(check(found, *pair) for pair in combinations(found.candidates, 2))
    # Where nobody is ahead, all that have evidence have the same score.
    assert said or len({entry.score for entry in found.candidates}) <= 1


BASIS = {"weight": 1, "basis": "printed", "source": "a test"}
RATIO = Criterion(
    metric="on_off_ratio", unit="1", bounds=Bounds(at_least=100), scale="log", **BASIS
)


def of_ratios(*given: Evidence, criterion: Criterion = RATIO) -> Ranking:
    profile = Profile(name="x", title="X", summary="", devices=(criterion,), materials=())
    listed = [
        Candidate(f"c{n}", f"c{n}", "device", {criterion.metric: each})
        for n, each in enumerate(given)
    ]
    return rank_candidates(profile, "devices", listed, Options(samples=10))


def test_the_gain_is_the_mean_of_the_best_score_once_the_value_is_known() -> None:
    """A share of 0.5 beside one of 0.25: half the time it is 1, else the other is the best."""
    found = of_ratios(Evidence(10, 1000), Evidence(10**1.5, 10**2 * 10 ** (1 / 6)))
    values = open_values(found, found.candidates)
    first, second = sorted(values, key=lambda each: each.candidate)
    assert (first.candidate, first.chance, first.computed) == ("c0", pytest.approx(0.5), False)
    assert first.gain == pytest.approx(0.5 * 1 + 0.5 * 0.25 - 0.5)
    assert second.gain == pytest.approx(0.25 * 1 + 0.75 * 0.5 - 0.5)
    assert first.known.startswith("on/off ratio 10 to 1000: 50 % of the range is enough")


def test_of_a_scale_the_outcomes_are_the_ends_of_the_interval() -> None:
    scale = {"graded": True, "bounds": Bounds(fails_below=1, at_least=100)}
    graded = RATIO.model_copy(update=scale)
    found = of_ratios(Evidence.exactly(10), Evidence(1, 100), criterion=graded)
    (only,) = open_values(found, found.candidates)
    entry = found.candidates[1].criteria[0]
    assert only.gain == pytest.approx(0.5 * (entry.share_high - 0.5), abs=1e-3)


def test_what_cannot_change_the_choice_is_worth_nothing() -> None:
    found = of_ratios(Evidence.exactly(1000), Evidence(10, 1000))
    assert open_values(found, found.candidates) == []
    assert settled(found.candidates) == ["No open value alone changes the choice of c0 (c0)."]
    assert open_values(of_ratios(), []) == settled([]) == []
