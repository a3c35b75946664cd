"""Why the first is first: what is said of a ranking must stand in it."""

from __future__ import annotations

import re
from math import isclose, log

import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.schemas.rankings import Order, Ranking, Verdict
from pvkdb.suitability import Options, rank, shipped_profiles
from pvkdb.suitability.sheets.comparisons import differences
from pvkdb_api.explorer.rankings.explanation import explain
from pvkdb_api.explorer.site.markup import percent

TAGS = re.compile(r"<[^>]*>")


def said(ranking: Ranking) -> str:
    return "\n".join(TAGS.sub("", sentence) for sentence in explain(ranking))


@pytest.mark.parametrize("subject", ["devices", "materials"])
@pytest.mark.parametrize("application", shipped_profiles())
def test_what_is_said_stands_in_the_ranking(literature: Session, application: str, subject) -> None:
    options = Options(samples=50, cross_checked=False)
    ranking = rank(literature, application, subject, options, models=())
    text = said(ranking)
    if not ranking.candidates:
        assert "cannot be ranked" in text
        return
    leader = ranking.candidates[0]
    first = [entry for entry in ranking.candidates if entry.rank == 1]
    assert ("share rank 1" in text) == (len(first) > 1)
    assert all(entry.id in text and entry.label in text for entry in first[:4])
    counted = {each.verdict for each in leader.criteria if each.weight > 0}
    assert ("meets every requirement" in text) == (counted == {Verdict.MET})
    assert ("No value is reported for" in text) == (Verdict.UNKNOWN in counted)
    assert (f"{leader.label} fails on" in text) == bool(leader.failures)
    best = max(entry.rank_probabilities[0] for entry in ranking.candidates)
    none = "No other candidate is ranked first more often" in text
    tied = "Tied within the statistical error" in text
    more = "is ranked first more often, in" in text
    assert none + tied + more == 1
    assert tied or more == (best > leader.rank_probabilities[0])


@pytest.mark.parametrize("order", ["shown", "possible"])
def test_the_differences_add_up_to_that_of_the_scores(literature: Session, order: Order) -> None:
    """Over criteria that are defined for both, the score is a product, so its logarithm a sum."""
    ranking = rank(literature, "synaptic-training", "devices", Options(order=order, samples=1))
    leader = ranking.candidates[0]
    second = next(entry for entry in ranking.candidates if entry.rank > 1)
    by = sum(each[0] for each in differences(ranking, leader, second))
    whole = sum(criterion.weight for criterion in ranking.criteria)
    ratio = log(getattr(leader, order) / getattr(second, order))
    assert isclose(by / whole, ratio, abs_tol=1e-9)


def test_scores_that_are_equal_say_what_parts_them(literature: Session) -> None:
    parted = 0
    for application in shipped_profiles():
        options = Options(order="possible", samples=1, cross_checked=False)
        ranking = rank(literature, application, options=options, models=())
        if not ranking.candidates:
            continue
        leader = ranking.candidates[0]
        second = next((each for each in ranking.candidates if each.rank > 1), None)
        if second is None or leader.possible != second.possible:
            continue
        parted += 1
        tied = sum(each.possible == leader.possible for each in ranking.candidates)
        assert f"is next of {tied} with the same possible score" in said(ranking)
        assert second.tie_break
        assert second.tie_break in said(ranking)
    assert parted


def test_another_order_is_told_in_its_own_score(literature: Session) -> None:
    ranking = rank(literature, "selector", "materials", Options(order="expected", samples=10))
    assert "has the highest average score" in said(ranking)


def test_a_name_cannot_bring_markup(literature: Session) -> None:
    ranking = rank(literature, "synaptic-training", options=Options(samples=1))
    first = ranking.candidates[0].model_copy(update={"label": "<script>alert(1)</script>"})
    changed = ranking.model_copy(update={"candidates": [first, *ranking.candidates[1:]]})
    assert not any("<script>" in sentence for sentence in explain(changed))


@pytest.mark.parametrize(
    ("share", "shown"), [(0.157, "16 %"), (0.0005, "0.05 %"), (0.0, "0 %"), (1.0, "100 %")]
)
def test_shares_keep_their_value(share: float, shown: str) -> None:
    assert percent(share) == f'<data value="{share!r}">{shown}</data>'


def test_orders_that_there_are_not(literature: Session) -> None:
    with pytest.raises(InputError, match="order"):
        rank(literature, "selector", options=Options(order="best"))  # type: ignore[arg-type]
