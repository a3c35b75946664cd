"""Why the first is first: what is said of a ranking must stand in it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy.orm import Session

from pvkdb.schemas.rankings import Ranking, Verdict
from pvkdb.suitability import Options, rank
from pvkdb_api.explorer.rankings.explanation import explain
from pvkdb_api.explorer.site.markup import percent

from ....curated import PROFILES

TAGS = re.compile(r"<[^>]*>")


def said(ranking: Ranking) -> str:
    return "\n".join(TAGS.sub("", sentence) for sentence in explain(ranking))


@pytest.mark.parametrize("subject", ["devices", "materials"])
@pytest.mark.parametrize("application", PROFILES)
def test_what_is_said_stands_in_the_ranking(literature: Session, application: str, subject) -> None:
    options = Options(samples=50)
    ranking = rank(literature, application, subject, options, models=())
    text = said(ranking)
    if not ranking.candidates:
        assert "cannot be ranked" in text
        return
    leader = ranking.candidates[0]
    first = [entry for entry in ranking.candidates if entry.rank == 1]
    assert ("share the first place" in text) == (len(first) > 1)
    assert all(entry.id in text and entry.label in text for entry in first[:4])
    counted = {each.verdict for each in leader.criteria if each.weight > 0}
    assert ("nothing is reported on" in text) == (Verdict.UNKNOWN in counted)
    assert all(failure in text for failure in leader.failures)
    assert leader.because in text
    none = "No other candidate is first more often" in text
    more = "is first more often, in" in text
    assert none + more == 1
    assert more == (max(entry.first for entry in ranking.candidates) > leader.first)


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
