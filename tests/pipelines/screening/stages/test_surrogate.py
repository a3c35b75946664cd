"""The surrogate finds the barriers that are wanted, and says when to stop."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.schemas.screening import Migration, ScreenedCandidate
from pvkdb_pipelines.screening import funnel
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import BarrierSettings, parse_plan
from pvkdb_pipelines.screening.stages.surrogate import Learning, features
from pvkdb_pipelines.screening.stages.tracks import Track

PLAN = """\
types = ["ABX3", "A2BX6", "A2BX4"]
stop_after = "barrier"
[ions]
A = ["Cs", "Rb", "MA"]
B = ["Pb2+", "Sn2+", "Ca", "Cd", "Sn4+", "Zr", "Te4+"]
X = ["I", "Br", "Cl"]
[barriers]
"""
ROWS = [Track(each).row() for each in parse_plan(PLAN).candidates()]
#: As in nature: empty octahedra are high, and iodides lower than chlorides; made up.
BARRIERS_EV = [
    {"ABX3": 0.3, "A2BX6": 1.0, "A2BX4": 0.4}[row.type] + 0.05 * row.formula.count("Cl")
    for row in ROWS
]


def computed(goal: str, **settings: int) -> list[list[int]]:
    learning = Learning(BarrierSettings(goal=goal, **settings), ROWS)  # type: ignore[arg-type]
    batches = []
    while batch := learning.next():
        batches.append(batch)
        learning.learn({at: BARRIERS_EV[at] for at in batch})
    return batches


@pytest.mark.parametrize("goal", ["low", "high"])
def test_the_best_are_found_before_most_are_computed(goal: str) -> None:
    batches = computed(goal, batch=3)
    done = [at for batch in batches for at in batch]
    assert len(set(done)) == len(done) < len(ROWS) / 2
    order = sorted(range(len(ROWS)), key=BARRIERS_EV.__getitem__, reverse=goal == "high")
    limit = BARRIERS_EV[order[9]]
    as_good = [at for at in done if (BARRIERS_EV[at] - limit) * (1 if goal == "high" else -1) >= 0]
    assert len(as_good) >= 10


def test_all_are_computed_where_patience_lasts() -> None:
    batches = computed("low", batch=5, patience=99)
    assert sorted(at for batch in batches for at in batch) == list(range(len(ROWS)))


def test_the_first_batch_is_spread_over_the_types() -> None:
    assert {ROWS[at].type for at in computed("low", batch=4)[0]} == {"ABX3", "A2BX6", "A2BX4"}


def test_it_ends_after_batches_without_a_better_one() -> None:
    learning = Learning(BarrierSettings(goal="low", batch=2, best=1, patience=2), ROWS)
    for barrier_ev in (0.3, 0.8, 0.9):
        chosen = learning.next()
        assert len(chosen) == 2
        learning.learn(dict.fromkeys(chosen, barrier_ev))
    assert learning.next() == []
    left = learning.not_computed()
    assert len(left) == len(ROWS) - 6
    assert all("the surrogate expects" in reason for _, reason in left)


def test_barriers_that_failed_are_not_learned_from() -> None:
    learning = Learning(BarrierSettings(goal="low", batch=2, patience=1), ROWS)
    learning.next()
    learning.learn({})
    assert learning.next() == []
    assert {reason for _, reason in learning.not_computed()} == {
        "no barrier succeeded, so that none could be predicted"
    }


def test_what_is_unknown_is_taken_as_the_mean() -> None:
    """Molecules have no electronegativity; here, nothing is known of stability either."""
    seen = features(ROWS)
    assert np.isfinite(seen).all()
    assert np.ptp(seen, axis=0).max() < 10
    assert len(np.unique(seen, axis=0)) == len(ROWS)


def test_a_plan_with_a_goal_computes_some_barriers_and_tells_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = parse_plan(PLAN + 'goal = "low"\nbatch = 5\nbest = 4\npatience = 1\n')
    screening = Funnel(plan, _NoStore())  # type: ignore[arg-type]
    screening._tracks = [Track(candidate) for candidate in plan.candidates()]
    asked: list[str] = []

    def compute(wanted: list[tuple[Track, list[object]]]) -> None:
        for track, _ in wanted:
            asked.append(track.candidate.name)
            e_a_ev = BARRIERS_EV[ROWS.index(track.row())]
            track.migration = Migration(phase="x", e_a_ev=e_a_ev, e_a_spread_ev=None, outcomes=[])

    monkeypatch.setattr(funnel, "barrier_requests", lambda *_: [])
    monkeypatch.setattr(Track, "perovskite", (None, None))
    monkeypatch.setattr(screening, "_compute_barriers", compute)
    screening._barrier()
    rows: list[ScreenedCandidate] = [track.row() for track in screening._tracks]
    fell = [row for row in rows if row.fall is not None]
    assert len(asked) == len(set(asked)) == len(rows) - len(fell) > 0
    assert {row.fall.reason for row in fell if row.fall} == {
        "not computed: not expected among the best"
    }


class _NoStore:
    def session(self, **_: bool) -> _NoStore:
        return self

    def __enter__(self) -> _NoStore:
        return self

    def __exit__(self, *_: object) -> None:
        return None
