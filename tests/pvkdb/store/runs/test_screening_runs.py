"""Runs in the ledger: a plan once for each time, one at a time, and nothing left by the dead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from pvkdb.errors import NotFoundError
from pvkdb.schemas.runs import Differences, PassedCandidate, RunCounts, RunState
from pvkdb.store.database import Store
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.runs import screening_runs as runs

from ....queueing import at_once

THREE = datetime(2026, 3, 2, 3, tzinfo=UTC)
FOUR = THREE + timedelta(hours=1)
COUNTS = RunCounts(compositions=6, passed=4, calculations=0, computed=0, failed=0, core_hours=0)


def alive(owner: str) -> bool | None:
    return {"dead": False, "far": None}.get(owner, True)


def begun(store: Store, owner: str, at: datetime = THREE, scheduled: bool = True) -> int | None:
    with store.session() as session:
        run = runs.begin(session, "tin", at, owner, alive, scheduled=scheduled)
        return None if run is None else run.id


def ended(store: Store, key: int, owner: str) -> None:
    with store.session() as session:
        runs.finish(session, key, owner, "{}", COUNTS, None)


def test_a_time_is_run_once(empty_store: Store) -> None:
    key = begun(empty_store, "a")
    assert begun(empty_store, "b") is None
    ended(empty_store, key, "a")
    assert begun(empty_store, "b") is None
    assert begun(empty_store, "b", FOUR) is not None


def test_scheduled_runs_of_a_plan_do_not_overlap_and_a_person_s_may(empty_store: Store) -> None:
    assert begun(empty_store, "a") is not None
    assert begun(empty_store, "b", FOUR) is None
    assert begun(empty_store, "c", FOUR + timedelta(minutes=1), scheduled=False) is not None
    with empty_store.session() as session:
        assert runs.begin(session, "lead", FOUR, "b", alive, scheduled=True) is not None


def test_whoever_begins_at_once_one_of_them_runs_it(empty_store: Store) -> None:
    found = at_once(lambda number: begun(empty_store, f"process {number}"), range(6))
    assert sum(key is not None for key in found) == 1


def test_a_dead_process_s_run_is_taken_up_and_its_late_result_refused(empty_store: Store) -> None:
    first = begun(empty_store, "dead")
    again = begun(empty_store, "b")
    assert again == first is not None
    with pytest.raises(runs.RunLostError, match="resumed it"):
        ended(empty_store, again, "dead")
    ended(empty_store, again, "b")
    with empty_store.session() as session:
        document = runs.run_document(session.get_one(ScreeningRun, again))
    assert (document.state, document.attempts, document.failure) == (RunState.DONE, 2, None)


def test_a_process_out_of_sight_counts_as_gone_when_its_lease_ends(empty_store: Store) -> None:
    key = begun(empty_store, "far")
    assert begun(empty_store, "b") is None
    with empty_store.session() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(ScreeningRun).values(lease_until=past))
    with empty_store.session() as session:
        assert runs.renew(session, key, "far")  # it was only slow
        session.execute(update(ScreeningRun).values(lease_until=past))
    assert begun(empty_store, "b") == key
    with empty_store.session() as session:
        assert not runs.renew(session, key, "far")


def test_a_run_that_kills_its_process_is_given_up(empty_store: Store) -> None:
    for _ in range(runs.MAX_LOST):
        assert begun(empty_store, "dead") is not None
    assert begun(empty_store, "b") is None
    with empty_store.session() as session:
        run = runs.find_run(session, "tin")
        assert run.state == "failed"
        assert "lost (3 of 3 times)" in (run.failure or "")
        assert runs.last_fire_time(session, "tin") == THREE


def test_an_interrupted_run_is_still_to_be_had_and_costs_no_attempt(empty_store: Store) -> None:
    key = begun(empty_store, "a")
    with empty_store.session() as session:
        runs.interrupt(session, key, "a")
        assert runs.last_fire_time(session, "tin") is None
    assert begun(empty_store, "b") == key
    with empty_store.session() as session:
        assert runs.find_run(session, str(key)).attempts == 1


def test_what_a_run_found_comes_back_as_it_was(empty_store: Store) -> None:
    key = begun(empty_store, "a")
    text = '{"title": "Zinn \\u2013 τ", "numbers": [0.1, 1e-07]}'
    new = [PassedCandidate(formula="CsSnI3", rank=2)]
    same = {"lost": [], "moved": [], "plan_changed": False, "version_before": None}
    found = Differences(since=1, new=new, **same)
    with empty_store.session() as session:
        runs.finish(session, key, "a", text, COUNTS, found)
    with empty_store.session(read_only=True) as session:
        run = runs.find_run(session, "tin")
        document = runs.run_document(run)
        assert runs.report_of(run) == text
    assert (document.counts, document.differences) == (COUNTS, found)
    assert document.differences.words == "1 new"
    assert document.duration_s >= 0


def test_another_expression_begins_anew(empty_store: Store) -> None:
    def since(expression: str, now: datetime) -> datetime:
        with empty_store.session() as session:
            return runs.known_since(session, "tin", expression, now)

    assert since("0 3 * * *", THREE) == THREE
    assert since("0 3 * * *", FOUR) == THREE
    assert since("0 4 * * *", FOUR) == FOUR


@pytest.mark.parametrize("name", ["7", "lead"])
def test_a_run_that_is_not_there_names_the_remedy(empty_store: Store, name: str) -> None:
    find: Callable[..., object] = runs.find_run
    with empty_store.session() as session, pytest.raises(NotFoundError, match="pvkdb report"):
        find(session, name)
