"""Comparisons of two candidates: the subject's value comes first and is the better one."""

from __future__ import annotations

import random
import re
from itertools import combinations
from math import log10

import pytest
from sqlalchemy.orm import Session

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import SUBJECTS, Bounds, Criterion, Profile, Subject
from pvkdb.schemas.rankings import Assessment, Grade, RankedCandidate, Ranking, Verdict
from pvkdb.suitability import Options, rank, rank_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.sheets.comparisons import ahead_of, label, scope

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


@pytest.mark.slow
def test_thousands_of_random_pairs() -> None:
    draw = random.Random(23)
    pairs = 0
    for _ in range(8):
        found = random_ranking(draw)
        pairs += len(listed := [*combinations(found.candidates, 2)])
        assert sum(check(found, *pair) for pair in listed)
    assert pairs >= 3_000


def random_ranking(draw: random.Random) -> Ranking:
    """A ranking of thirty candidates by random criteria, with evidence of every kind."""
    of_devices = [name for name, metric in METRICS.items() if metric.subject == "devices"]
    metrics = draw.sample(of_devices, k=4)
    criteria = tuple(random_criterion(draw, name) for name in metrics)
    profile = Profile(name="x", title="X", summary="", devices=criteria, materials=())
    listed = []
    for place in range(30):
        drawn = {name: random_evidence(draw, name) for name in metrics}
        known = {name: each for name, each in drawn.items() if each is not None}
        listed.append(Candidate(f"c{place}", f"c{place}", "device", known))
    return rank_candidates(profile, "devices", listed, Options(samples=1))


def random_criterion(draw: random.Random, name: str) -> Criterion:
    metric = METRICS[name]
    limits: dict[str, float] = {}
    if not metric.words:
        corners = sorted(number(draw, name) for _ in range(4))
        below, low, high, above = corners
        sides = draw.choice(("low", "high", "both"))
        if sides != "high":
            limits |= {"at_least": low, **({"fails_below": below} if draw.random() < 0.7 else {})}
        if sides != "low":
            limits |= {"at_most": high, **({"fails_above": above} if draw.random() < 0.7 else {})}
    bounds = Bounds(accepts=metric.words[: draw.randint(1, 2)], **limits)
    known = {"metric": name, "unit": metric.unit, "scale": metric.scale, "bounds": bounds}
    drawn = {"graded": draw.random() < 0.3, "weight": draw.uniform(0.1, 3)}
    return Criterion(**known, **drawn, basis="printed", source="a test")


def random_evidence(draw: random.Random, name: str) -> Evidence | None:
    metric, kind = METRICS[name], draw.random()
    if kind < 0.15:
        return None
    if kind < 0.2:
        return Evidence(not_defined="a test")
    grade = draw.choice((Grade.MEASURED, Grade.SECONDARY, Grade.REPORTED))
    if metric.words:
        return Evidence(word=draw.choice(metric.words), grade=grade)
    low, high = sorted((number(draw, name), number(draw, name)))
    if kind < 0.6:
        return Evidence(low, low, qualifier=draw.choice((None, "~")), grade=grade)
    if kind < 0.8:
        return Evidence(low, high, grade=grade)
    return Evidence(low, None, grade=grade) if kind < 0.9 else Evidence(None, high, grade=grade)


def number(draw: random.Random, name: str) -> float:
    metric = METRICS[name]
    low, high = metric.least or 0.0, metric.most or 1e9
    if metric.scale == "log":
        return float(10 ** draw.uniform(log10(max(low, 1e-9)), log10(high)))
    return draw.uniform(low, min(high, 1e3))
