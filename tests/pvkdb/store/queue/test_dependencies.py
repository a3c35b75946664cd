"""Calculations that wait for others, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue import jobs

from ....queueing import at_once

FORMULAS = ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsGeI3")


def asked(store: Store, number: int, depends_on: Sequence[str] = ()) -> str:
    request = NebRequest(formula=FORMULAS[number], phase="Pnma")
    with store.session() as session:
        return queue.enqueue(session, request, depends_on=depends_on)[0].id


def states(store: Store, *names: str) -> list[str]:
    with store.session(read_only=True) as session:
        return [session.get_one(Calculation, name).state for name in names]


def end(store: Store, name: str, failure: str | None = None) -> None:
    """Carry a calculation out."""
    with store.session() as session:
        assert queue.claim(session, "a", name) is not None
    with store.session() as session:
        if failure is None:
            queue.finish(session, name, "a", {}, {})
        else:
            queue.fail(session, name, "a", failure, "reason")


def test_it_is_queued_when_the_last_of_them_is_done(empty_store: Store) -> None:
    first, second = asked(empty_store, 0), asked(empty_store, 1)
    both = asked(empty_store, 2, [first, second])
    assert states(empty_store, both) == ["waiting"]
    end(empty_store, first)
    assert states(empty_store, both) == ["waiting"]
    with empty_store.session() as session:
        assert queue.claim(session, "a", both) is None
    end(empty_store, second)
    assert states(empty_store, both) == ["queued"]
    after_the_fact = asked(empty_store, 3, [first, second])
    assert states(empty_store, after_the_fact) == ["queued"]


def test_two_that_end_at_the_same_moment_queue_it(empty_store: Store) -> None:
    """On PostgreSQL neither transaction sees the other's end before it is written."""

    def finish(name: str) -> None:
        with empty_store.session() as session:
            queue.finish(session, name, "a", {}, {})

    for _ in range(5):
        firsts = [asked(empty_store, 0), asked(empty_store, 1)]
        both = asked(empty_store, 2, firsts)
        for name in firsts:
            with empty_store.session() as session:
                queue.claim(session, "a", name)
        at_once(finish, firsts)
        assert states(empty_store, both) == ["queued"]
        end(empty_store, both)
        with empty_store.session() as session:  # once more from the start
            for name in (*firsts, both):
                session.get_one(Calculation, name).state = "cancelled"
            session.flush()
            queue.requeue(session, both)
        assert states(empty_store, *firsts, both) == ["queued", "queued", "waiting"]
        for name in firsts:
            end(empty_store, name)
        end(empty_store, both)
        with empty_store.session() as session:
            for table in ("calculation_events", "calculation_dependencies", "calculations"):
                session.connection().exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_a_failed_dependency_fails_the_whole_chain_and_revives_it(
    empty_store: Store, how: str
) -> None:
    first = asked(empty_store, 0)
    second = asked(empty_store, 1, [first])
    third = asked(empty_store, 2, [second])
    if how == "failed":
        end(empty_store, first, "NEB not converged")
    else:
        with empty_store.session() as session:
            assert jobs.cancel(session, first) == "cancelled"
    assert states(empty_store, first, second, third) == [how, "failed", "failed"]
    with empty_store.session(read_only=True) as session:
        for name, cause in ((second, first), (third, second)):
            entry = session.get_one(Calculation, name)
            assert entry.failure_kind == "dependency failed"
            assert f"calculation {cause} (neb)" in str(entry.failure_message)
            assert f"pvkdb jobs retry {cause}" in str(entry.failure_message)
            assert entry.finished_at is not None
    late = asked(empty_store, 3, [third])
    assert states(empty_store, late) == ["failed"]
    with empty_store.session() as session:
        queue.requeue(session, first)
    assert states(empty_store, first, second, third, late) == ["queued", *["waiting"] * 3]
    with empty_store.session(read_only=True) as session:
        entry = session.get_one(Calculation, third)
        assert (entry.failure_kind, entry.failure_message, entry.finished_at) == (None, None, None)
    for name in (first, second, third, late):
        end(empty_store, name)


def test_retrying_what_waits_queues_what_it_waits_for(empty_store: Store) -> None:
    first = asked(empty_store, 0)
    second = asked(empty_store, 1, [first])
    end(empty_store, first, "no hop")
    with empty_store.session() as session:
        assert jobs.retry(session, [second, first]) == [second, first]
    assert states(empty_store, first, second) == ["queued", "waiting"]


def test_a_cancelled_one_stays_cancelled_when_its_dependency_comes_back(empty_store: Store) -> None:
    first = asked(empty_store, 0)
    second = asked(empty_store, 1, [first])
    with empty_store.session() as session:
        jobs.cancel(session, second)
    end(empty_store, first)
    assert states(empty_store, second) == ["cancelled"]


def test_work_lost_too_often_fails_what_waits_for_it(empty_store: Store) -> None:
    first = asked(empty_store, 0)
    second = asked(empty_store, 1, [first])
    for _ in range(queue.MAX_ATTEMPTS):
        with empty_store.session() as session:
            queue.claim(session, "gone", first)
        with empty_store.session() as session:
            queue.recover_lost(session, lambda owner: False)
    assert states(empty_store, first, second) == ["failed", "failed"]


def test_one_cannot_wait_for_what_does_not_exist(empty_store: Store) -> None:
    with pytest.raises(NotFoundError, match="the calculation 'nothing'"):
        asked(empty_store, 0, ["nothing"])
    with empty_store.session(read_only=True) as session:
        assert session.query(Calculation).count() == 0
