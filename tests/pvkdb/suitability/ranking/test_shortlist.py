"""Shortlists: what is left out is not what a ranking would put first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from pvkdb.schemas.rankings import RankingFilters
from pvkdb.store.database import Store
from pvkdb.suitability import Options, rank

from ....curated import PROFILES

ONE = Options(samples=1)


@pytest.mark.parametrize("name", PROFILES)
def test_the_first_of_the_whole_ranking_are_on_it(literature: Session, name: str) -> None:
    whole = rank(literature, name, "materials", ONE, models=())
    some = rank(literature, name, "materials", replace(ONE, shortlist=20), models=())
    assert whole.chosen is None
    assert some.chosen in some.notes
    assert some.chosen.startswith(f"ranked are {len(some.candidates) + len(some.not_rankable)} of ")
    listed = {each.id for each in some.candidates}
    best = [each for each in whole.candidates if each.rank <= 5][:5]
    assert sum(each.id in listed for each in best) >= 4


@pytest.mark.parametrize(
    "given",
    [
        {"lead_free": True},
        {"halide": ("Br",), "has_device": True},
        {"ions_known": True},
        {"only_screening": True},
        {"family": ("3D",), "lead_free": False},
        {"compositions": ("CsPbI3", "CsSnI3", "CsPbCl3", "Cs2HfI6")},
    ],
    ids=str,
)
def test_filters_apply_before(store: Store, given: dict[str, object]) -> None:
    filters = RankingFilters.model_validate(given)
    options = replace(ONE, filters=filters)
    with store.session() as session:
        whole = rank(session, "selector", "materials", options, models=())
        some = rank(session, "selector", "materials", replace(options, shortlist=400), models=())
    assert {each.id for each in some.candidates} == {each.id for each in whole.candidates}
    assert {each.filter for each in some.set_aside} <= {each.filter for each in whole.set_aside}
