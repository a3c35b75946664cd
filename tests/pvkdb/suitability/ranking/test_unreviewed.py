"""A made-up paper, extreme in everything: it changes no place until somebody confirms it."""

from __future__ import annotations

import pytest
from scipy import stats
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.literature.importing import import_files
from pvkdb.schemas.profiles import SUBJECTS
from pvkdb.schemas.rankings import Ranking
from pvkdb.store.curation.dataset import confirm_import, unreviewed_imports
from pvkdb.store.database import Store
from pvkdb.suitability import Options, rank, shipped_profiles

PAPER = """
reference:
  key: miracle2026
  authors: [N. Obody]
  title: Everything at once
  journal: J. Miracles
  year: 2026
energetics:
  - material: CsPbBr3
    defect: V_Br
    quantity: E_A
    value: 3 eV
    method: experiment
    source: p. 1
devices:
  - structure: Au/CsPbBr3/ITO
    absorber: CsPbBr3
    on_off_ratio: 1e12
    endurance: 1e12 cycles
    retention: 0.9 years
    volatility: both
    source: p. 1
"""


def rankings(session: Session, options: Options) -> list[Ranking]:
    return [
        rank(session, name, subject, options, models=())
        for name in shipped_profiles()
        for subject in SUBJECTS
    ]


def numbers(found: list[Ranking]) -> list[dict[str, tuple[int, float, float, float, float]]]:
    return [
        {
            each.id: (each.rank, each.score, each.score_low, each.score_high, each.first)
            for each in ranking.candidates
        }
        for ranking in found
    ]


@pytest.mark.slow
def test_a_made_up_paper_has_no_place_until_confirmed(sqlite_store: Store, tmp_path) -> None:
    options = Options(samples=20)
    path = tmp_path / "miracle2026.yaml"
    path.write_text(PAPER, encoding="utf-8")
    with sqlite_store.session(read_only=False) as session:
        before = numbers(rankings(session, options))
        import_files(session, [path])
        (waiting,) = unreviewed_imports(session)
        after = rankings(session, options)
        assert numbers(after) == before
        marked = [each for ranking in after for each in ranking.unreviewed]
        assert {each.references for each in marked} == {"miracle2026"}
        assert len(marked) >= 6
        assert all(any("pvkdb review" in note for note in each.notes) for each in after)
        with pytest.raises(NotFoundError, match="unreviewed import"):
            confirm_import(session, "another", "A. Curator")
        confirm_import(session, waiting.version, "A. Curator")
        session.flush()
        confirmed = rankings(session, options)
        assert unreviewed_imports(session) == []
        session.rollback()
    for one, two in zip(after, confirmed, strict=True):
        placed = {each.references for each in two.candidates}
        assert not two.unreviewed
        assert not one.unreviewed or "miracle2026" in placed
        scores = {each.id: each.score for each in two.candidates}
        own = {each.id for each in two.candidates if "miracle2026" in each.references.split()}
        both = [
            (each.score, scores[each.id])
            for each in one.candidates
            if each.id in scores.keys() - own
        ]
        if len({score for score, _ in both}) > 2:  # the others keep their order, but for near ties
            assert stats.spearmanr(both).statistic > 0.9, (two.application, two.subject)
