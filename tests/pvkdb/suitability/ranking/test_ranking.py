"""Rankings: the bars on the review's data, and what must not change an order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.schemas.profiles import SUBJECTS, Criterion, Profile, Subject
from pvkdb.schemas.rankings import Grade, RankedCandidate, Ranking, Verdict
from pvkdb.suitability import (
    Options,
    parse_weights,
    rank,
    rank_candidates,
    rankings_rows,
    shipped_profile,
)
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.profiles.profile_file import shipped_profiles
from pvkdb.suitability.ranking.filters import parse_filters
from pvkdb.suitability.ranking.ranking import judge
from pvkdb.suitability.ranking.shares import is_doubted
from pvkdb.suitability.ranking.store_rankings import opposite_leads
from pvkdb.suitability.sheets.comparisons import answer, more_often, scope

from ....curated import PROFILES

FEW = Options(samples=50)
TRAINING = shipped_profile("synaptic-training")


@cache
def few(session: Session, application: str) -> Ranking:
    return rank(session, application, options=FEW)


def ranking(session: Session, application: str, options: Options = FEW) -> Ranking:
    """The ranking of devices, computed once with few samples."""
    if options is FEW:
        return few(session, application)
    return rank(session, application, options=options)


def by_id(found: Ranking) -> dict[str, RankedCandidate]:
    return {entry.id: entry for entry in found.candidates}


def test_energies_that_pvkdb_computed_can_be_left_out() -> None:
    listed = [
        Candidate("computed", "c", "material", {"e_a_ev": Evidence(0.6, 1.0, grade=Grade.OWN_DFT)}),
        Candidate("reported", "r", "material", {"e_a_ev": Evidence(0.3, 0.3, grade=Grade.DFT)}),
        Candidate("unknown", "u", "material", {}),
    ]
    memory = shipped_profile("non-volatile-memory")
    found = rank_candidates(memory, "materials", listed, FEW)
    assert [each.id for each in found.candidates] == ["computed", "reported"]
    assert found.not_rankable == ["unknown"]
    without = rank_candidates(memory, "materials", listed, replace(FEW, computed=False))
    assert [(each.id, each.rank) for each in without.candidates] == [("reported", 1)]
    assert without.not_rankable == ["computed", "unknown"]
    assert "may change places: E_A" in without.notes[-1]
    assert "may change places" not in found.notes[-1]


def test_a_composition_that_leads_opposite_applications_is_named() -> None:
    """Whatever is asked of E_A, only one of these has anything else to show."""
    values = {"above_hull_ev_per_atom": -0.1, "p_perovskite": 1.0, "e_a_ev": 0.4}
    stable = {name: Evidence.exactly(value) for name, value in values.items()}
    worse = {**stable, "above_hull_ev_per_atom": Evidence.exactly(1.0)}
    listed = [Candidate("a", "a", "material", stable), Candidate("b", "b", "material", worse)]
    memory = shipped_profile("non-volatile-memory")
    found = rank_candidates(memory, "materials", listed, FEW)
    (note,) = opposite_leads(memory, found, listed, listed)
    assert note.startswith("a is also first for")
    assert "selector" in note
    # First as in that ranking: what is unknown of b counts by all that report, not by a alone.
    doubtful = {**stable, "above_hull_ev_per_atom": Evidence.exactly(0.04)}
    unknown = {**stable, "e_a_ev": Evidence.exactly(0.35)}
    del unknown["above_hull_ev_per_atom"]
    pair = [Candidate("a", "a", "material", doubtful), Candidate("b", "b", "material", unknown)]
    others = [Candidate(f"c{n}", f"c{n}", "material", stable) for n in range(40)]
    found = rank_candidates(memory, "materials", pair, FEW)
    assert found.candidates[0].id == "a"
    assert opposite_leads(memory, found, pair, pair)
    assert not opposite_leads(memory, found, pair, [*pair, *others])


def verdict(entry: RankedCandidate, metric: str) -> Verdict:
    return next(each.verdict for each in entry.criteria if each.metric == metric)


def test_endurance_orders_synaptic_training_by_what_was_shown(literature: Session) -> None:
    """Refs. 161 and 162 alone reached 10⁶ cycles; what is extrapolated counts as unknown.

    Every other device counts by the papers that got as far: 5,000 cycles for more than 1,000.
    """
    found = ranking(literature, "synaptic-training", Options(samples=500))
    first, second = found.candidates[:2]
    assert {first.references, second.references} == {"r161", "r162"}
    assert first.rank == second.rank == 1
    assert first.first > 0.5
    for entry, said in ((first, "~ 2.8 years"), (second, "~ 220 years")):
        retention = next(each for each in entry.criteria if each.metric == "retention_s")
        assert retention.grade is Grade.EXTRAPOLATED
        assert retention.verdict is Verdict.NOT_DEMONSTRATED
        assert f"retention {said}, which is not measured, counted as unknown" in entry.because
    third = next(entry for entry in found.candidates if entry.id == "d-t4-r11")
    endurance = next(each for each in third.criteria if each.metric == "endurance_cycles")
    assert endurance.reached == 2
    assert endurance.share == (2 + 0.5) / (endurance.tested + 1)
    assert f"of the {endurance.tested} papers that got so far, 2 reached 10⁶" in third.because
    assert third.score_low < third.score < third.score_high
    scores = [entry.score for entry in found.candidates[:10]]
    assert len(set(scores)) >= 7
    assert found.notes[-1].startswith("rank correlation of the score with the number of known")


def test_an_extrapolation_shows_nothing_under_any_reading(literature: Session) -> None:
    """~7 × 10⁹ s of ref. 162 is no evidence of a week, nor of years."""
    found = ranking(literature, "non-volatile-memory", Options(samples=1))
    weeks = by_id(found)["d-t4-r07"]
    assert verdict(weeks, "retention_s") is Verdict.NOT_DEMONSTRATED
    assert weeks.coverage == pytest.approx(2 / 3)  # what counts as unknown is no evidence
    assert all(each.under_readings["years"].score <= each.score for each in found.candidates)
    forgets = by_id(ranking(literature, "selector"))["d-t4-r07"]
    assert verdict(forgets, "retention_s") is Verdict.FAILED


def test_what_is_missing_is_shown_as_missing(literature: Session) -> None:
    for application in ("synaptic-training", "selector", "lif-neuron"):
        found = ranking(literature, application)
        criteria = [criterion.metric for criterion in found.criteria]
        for entry in found.candidates:
            assert [each.metric for each in entry.criteria] == criteria
            counted = [each for each in entry.criteria if each.weight > 0]
            missing = [each for each in counted if each.grade.value == "missing"]
            assert all(each.verdict is Verdict.UNKNOWN for each in missing)
            assert entry.unknown == len(missing)
            unknown = sum(
                each.weight
                for each, criterion in zip(entry.criteria, found.criteria, strict=True)
                if each in missing
                or (is_doubted(each, criterion.bounds) and each.verdict is not Verdict.FAILED)
            )
            assert entry.coverage == pytest.approx(1 - unknown, abs=1e-9)


@pytest.mark.parametrize("subject", ["devices", "materials"])
def test_without_evidence_there_is_no_place(literature: Session, subject: str) -> None:
    aside = 0
    for name in PROFILES:
        found = rank(literature, name, subject, FEW)  # type: ignore[arg-type]
        for entry in found.candidates:  # what is quoted or extrapolated is no evidence
            known = [each for each in entry.criteria if each.grade is not Grade.MISSING]
            assert any(each.weight > 0 for each in known), (name, entry.id)
        assert by_id(found).keys().isdisjoint(found.not_rankable)
        count = len(found.not_rankable)
        assert any(note.endswith(f"criterion with weight: {count}") for note in found.notes)
        aside += count
    assert aside


@pytest.mark.parametrize("application", shipped_profiles())
def test_what_is_different_has_different_scores(literature: Session, application: str) -> None:
    """Seven of the first ten, as far as their shares differ; a shared first place says why."""
    for subject in SUBJECTS:
        found = rank(literature, application, subject, FEW, models=())
        ten = found.candidates[:10]
        known = {
            tuple(f"{each.share:.1g}" for each in entry.criteria if each.weight) for entry in ten
        }
        assert len({entry.score for entry in ten}) >= min(7, len(known))
        shared = sum(entry.rank == 1 for entry in ten)
        assert ("equal to two digits" in answer(found)) == (shared > 1)
        often = max((entry.first for entry in found.candidates), default=0.0)
        assert bool(more_often(found)) == (bool(ten) and often > ten[0].first)


def test_a_volatile_device_forgets_where_no_time_is_reported() -> None:
    """So that it suits selectors and no memory, though the retention of none is reported."""
    said = {"volatility": Evidence(word="volatile"), "endurance_cycles": Evidence(1e7, None)}
    listed = [Candidate("a", "a", "device", said)]
    (selector,) = rank_candidates(shipped_profile("selector"), "devices", listed).candidates
    assert verdict(selector, "retention_s") is Verdict.MET
    inferring = shipped_profile("synaptic-inference")
    (inference,) = rank_candidates(inferring, "devices", listed).candidates
    assert (verdict(inference, "retention_s"), inference.score) == (Verdict.FAILED, 0.0)


def test_a_criterion_counts_as_soon_as_enough_papers_report_it(literature: Session) -> None:
    found = ranking(literature, "synaptic-training")
    weights = {each.metric: each.weight for each in found.criteria}
    assert weights["states"] == weights["on_off_ratio"] == 1  # nine papers report states
    assert weights["nonlinearity"] == weights["variability_c2c_percent"] == 0
    assert any("until as many papers report it: nonlinearity (5)" in each for each in found.notes)
    asked = ranking(literature, "synaptic-training", replace(FEW, weights={"nonlinearity": 1.0}))
    assert {each.metric: each.weight for each in asked.criteria}["nonlinearity"] == 1


def test_what_is_not_defined_never_helps(literature: Session) -> None:
    """A layered composition, of which tau says nothing, counts as one of which nothing is known."""
    listed = material_candidates(literature)
    criteria = shipped_profile("photonic-synapse").materials
    place = next(n for n, each in enumerate(criteria) if each.metric == "p_perovskite")
    judged, reports = judge(criteria, listed, listed)
    shares = {each.candidate.id: each.shares[place] for each in judged}
    found = {each.id: each.evidence.get("p_perovskite") for each in listed}
    layered = [name for name, each in found.items() if each is not None and each.not_defined]
    assert len(layered) > 20
    assert {shares[name].value for name in layered} == {reports[place].unknown.value}
    known = [each.value for each in shares.values() if not each.unknown]
    assert reports[place].unknown.value < sum(known) / len(known)


def test_selectors_must_forget(literature: Session) -> None:
    """Every row of Table 4 with a retention holds it for 400 s or more: section 6 wants < 10 s."""
    found = ranking(literature, "selector")
    table = [entry for entry in found.candidates if entry.id.startswith("d-t4-")]
    assert all(any("non-volatile" in failure for failure in entry.failures) for entry in table)
    held = [entry for entry in table if verdict(entry, "retention_s") is not Verdict.UNKNOWN]
    assert len(held) == 23
    failed = [entry for entry in held if verdict(entry, "retention_s") is Verdict.FAILED]
    assert len(failed) == len(held)
    first = found.candidates[0]
    assert (verdict(first, "volatility"), first.failures) == (Verdict.MET, [])


def test_figures_of_the_text_join_the_device_of_their_publication(literature: Session) -> None:
    found = by_id(ranking(literature, "lif-neuron"))
    nanowires = found["d-t4-r06"]
    assert verdict(nanowires, "switching_time_s") is Verdict.MET  # 0.1 ns, section 3.1.4
    assert nanowires.references == "r161"
    assert "r161" not in {each.references for each in found.values() if each.kind == "figures"}


def test_another_reading_of_a_doubtful_requirement(literature: Session) -> None:
    """Section 6 asks inference for > 10 s only; as long as training, 400 s are too short."""
    found = by_id(ranking(literature, "synaptic-inference"))["d-t4-r10"]
    assert verdict(found, "retention_s") is Verdict.MET
    other = found.under_readings["no shorter than training"]
    assert other.score < found.score
    demanding = replace(FEW, reading="the demanding end")
    read = ranking(literature, "synaptic-inference", demanding)
    nanowires = by_id(read)["d-t4-r06"]
    assert nanowires.rank == 1
    assert read.reading == "the demanding end"
    with pytest.raises(InputError, match="the demanding end"):
        ranking(literature, "synaptic-inference", Options(reading="years"))
    with pytest.raises(InputError, match="one reading only"):
        ranking(literature, "selector", Options(reading="years"))


def test_other_weights(literature: Session) -> None:
    none = {each.metric: 0.0 for each in TRAINING.devices}
    retention = Options(samples=50, weights={**none, "retention_s": 1.0})
    found = ranking(literature, "synaptic-training", retention)
    assert sum(entry.score == 1 for entry in found.candidates) > 2
    weights = {criterion.metric: criterion.weight for criterion in found.criteria}
    assert weights["endurance_cycles"] == 0
    vain = Options(samples=1, weights={"nonlinearity": 2.0})
    found = ranking(literature, "synaptic-training", vain)
    assert "nobody reports nonlinearity: its weight decides nothing" in found.notes
    assert "nonlinearity" not in scope(found)
    for weights, why in (
        (none, "sum to zero"),
        ({"retention": 1.0}, "did you mean 'retention_s'"),
        *(
            ({"retention_s": each}, "from 0.001 to 1000")
            for each in (-1.0, 1e308, 1e-300, float("inf"), float("nan"))
        ),
    ):
        with pytest.raises(InputError, match=why):
            ranking(literature, "synaptic-training", Options(weights=weights))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("retention_s", "is not a weight"),
        ("retention_s=x", "is not a weight"),
        *(
            (f"retention_s={each}", f"{float(each):g} is neither 0 nor from 0.001 to 1000")
            for each in ("-1", "inf", "nan", "1e308", "1001", "1e-9")
        ),
    ],
)
def test_weights_that_cannot_be_used(text: str, why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)):
        parse_weights(text)


def test_weights_as_one_writes_them() -> None:
    assert parse_weights(" a=2, b = 0.5,") == {"a": 2, "b": 0.5}


def test_an_analog_application_says_where_nothing_analog_is_shown(literature: Session) -> None:
    """Of lead-free devices, Cs3Cu2I5 has 250 states (Yang 2021), and no test of endurance."""
    options = Options(samples=1, filters=parse_filters({"lead_free": "true"}))
    said = answer(ranking(literature, "synaptic-training", options))
    assert "None of the first ten reports states or non-linearity" in said
    assert "250 states, place" in said
    assert "web-yang2021" in said
    assert "non-linearity" not in answer(ranking(literature, "non-volatile-memory", options))


def test_the_table_holds_every_candidate_with_evidence(literature: Session) -> None:
    rows = list(rankings_rows(literature))
    training = ranking(literature, "synaptic-training")
    listed = [row for row in rows if row.application == "synaptic-training"]
    assert [row.device for row in listed] == [entry.id for entry in training.candidates]
    assert {row.references for row in listed if row.rank == 1} == {"r161", "r162"}
    assert min(row.coverage for row in rows) == 0  # quoted or extrapolated values alone


# --- what must not change an order ---------------------------------------------------------------

values = st.one_of(
    st.none(),
    st.tuples(st.floats(-2, 9), st.floats(0, 3), st.sampled_from(["exact", "wide", "least"])),
)


def evidence(drawn: tuple[float, float, str] | None) -> Evidence | None:
    if drawn is None:
        return None
    low, width, kind = drawn
    high = low + width if kind == "wide" else low
    return Evidence(10**low, None if kind == "least" else 10**high)


def candidate(name: str, drawn: Sequence[tuple[float, float, str] | None]) -> Candidate:
    found = dict(zip(("endurance_cycles", "retention_s"), map(evidence, drawn), strict=True))
    return Candidate(name, name, "device", {k: v for k, v in found.items() if v is not None})


#: Something is known of each: without evidence there is no place.
drawn_lists = st.lists(st.tuples(values, values).filter(any), min_size=1, max_size=8)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ordered(candidates: Sequence[Candidate], profile: Profile = TRAINING) -> Ranking:
    return rank_candidates(profile, "devices", candidates, Options(samples=20))


def listed(drawn: Sequence[Sequence[tuple[float, float, str] | None]]) -> list[Candidate]:
    return [candidate(f"c{place}", pair) for place, pair in enumerate(drawn)]


@quick
@given(drawn_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(drawn: list, random: object) -> None:
    candidates = listed(drawn)
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ordered(shuffled) == ordered(candidates)


@quick
@given(drawn_lists)
def test_equal_evidence_has_an_equal_place(drawn: list) -> None:
    first = candidate("c0", drawn[0])
    found = by_id(ordered([*listed(drawn), Candidate("twin", "twin", "device", first.evidence)]))
    assert (found["twin"].rank, found["twin"].score) == (found["c0"].rank, found["c0"].score)


#: Some candidates of some profiles; all of all, where there is time.
SHOWN = [
    pytest.param(shipped_profile(name), subject, all_, marks=[pytest.mark.long] * all_, id=shown)
    for all_ in (False, True)
    for name in (shipped_profiles() if all_ else PROFILES)
    for subject in SUBJECTS
    for shown in [f"{name}-{subject}-{'all' if all_ else 'some'}"]
]


@pytest.mark.parametrize(("profile", "subject", "all_"), SHOWN)
def test_showing_more_never_costs_a_place(
    literature: Session, profile: Profile, subject: Subject, all_: bool
) -> None:
    """Over candidates of all kinds and all criteria: a value that meets, and a test that went on.

    A tested length counts no less than an unknown one.
    """
    listed = device_candidates(literature) if subject == "devices" else []
    listed = listed or material_candidates(literature)
    criteria = [each for each in profile.criteria(subject) if each.weight > 0]
    before, reports = judge(criteria, listed, listed)
    scores = [each.score for each in before]
    for place, criterion in enumerate(criteria):
        unknown = reports[place].unknown.value
        best = good(criterion)
        for at in range(0, len(listed), 1 if all_ else 4 if subject == "devices" else 200):
            was = listed[at].evidence.get(criterion.metric)
            if was and was.maximum is None and was.minimum is not None:
                share = before[at].shares[place].value
                too_long = (criterion.bounds.at_most or was.minimum) < was.minimum
                assert too_long or share >= unknown
            if was is not None and was.not_defined:
                continue
            for shown in better(criterion, was, best):
                changed = [*listed]
                evidence = {**listed[at].evidence, criterion.metric: shown}
                changed[at] = replace(listed[at], evidence=evidence)
                after = [each.score for each in judge(criteria, changed, changed)[0]]
                assert after[at] >= scores[at]
                ahead = sum(each > scores[at] for each in scores)
                assert sum(each > after[at] for each in after) <= ahead


def good(criterion: Criterion) -> Evidence:
    """The evidence of a value that meets a criterion."""
    bounds = criterion.bounds
    if bounds.accepts:
        return Evidence(word=bounds.accepts[0])
    value = bounds.at_least if bounds.at_least is not None else bounds.at_most
    assert value is not None
    return Evidence.exactly(value)


def better(criterion: Criterion, was: Evidence | None, best: Evidence) -> Iterator[Evidence]:
    yield best
    if was and was.minimum and was.maximum is None and criterion.bounds.at_most is None:
        yield replace(was, minimum=was.minimum * 3)
