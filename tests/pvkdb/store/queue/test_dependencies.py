"""Calculations that wait for others, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.queue.claims import MAX_ATTEMPTS

from ....queueing import Queue, at_once

FORMULAS = ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsGeI3")


def asked(queue: Queue, number: int, depends_on: Sequence[str] = ()) -> str:
    return queue.put(NebRequest(formula=FORMULAS[number], phase="Pnma"), depends_on=depends_on)


@pytest.fixture
def chain(queue: Queue) -> tuple[str, str]:
    """A calculation, and one that waits for it."""
    first = asked(queue, 0)
    return first, asked(queue, 1, [first])


def end(queue: Queue, name: str, failure: str | None = None) -> None:
    """Carry a calculation out."""
    assert queue.claim("a", name) is not None
    if failure is None:
        queue.finish(name, "a", {}, {})
    else:
        queue.fail(name, "a", failure, "reason")


def test_it_is_queued_when_the_last_of_them_is_done(queue: Queue) -> None:
    first, second = asked(queue, 0), asked(queue, 1)
    both = asked(queue, 2, [first, second])
    assert queue.states(both) == ["waiting"]
    end(queue, first)
    assert queue.states(both) == ["waiting"]
    assert queue.claim("a", both) is None
    end(queue, second)
    assert queue.states(both) == ["queued"]
    assert queue.states(asked(queue, 3, [first, second])) == ["queued"]


def test_two_that_end_at_the_same_moment_queue_it(queue: Queue) -> None:
    """On PostgreSQL neither transaction sees the other's end before it is written."""
    for _ in range(5):
        firsts = [asked(queue, 0), asked(queue, 1)]
        both = asked(queue, 2, firsts)
        for name in firsts:
            queue.claim("a", name)
        at_once(lambda name: queue.finish(name, "a", {}, {}), firsts)
        assert queue.states(both) == ["queued"]
        end(queue, both)
        for name in (*firsts, both):  # once more from the start
            queue.change(name, state="cancelled")
        queue.requeue(both)
        assert queue.states(*firsts, both) == ["queued", "queued", "waiting"]
        for name in (*firsts, both):
            end(queue, name)
        with queue.store.session() as session:
            for table in ("calculation_events", "calculation_dependencies", "calculations"):
                session.connection().exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_a_failed_dependency_fails_the_whole_chain_and_revives_it(queue, chain, how):
    first, second = chain
    third = asked(queue, 2, [second])
    if how == "failed":
        end(queue, first, "NEB not converged")
    else:
        assert queue.cancel(first) == "cancelled"
    assert queue.states(first, second, third) == [how, "failed", "failed"]
    for name, cause in ((second, first), (third, second)):
        entry = queue.entry(name)
        assert entry.failure_kind == "dependency failed"
        assert f"calculation {cause} (neb)" in str(entry.failure_message)
        assert f"pvkdb jobs retry {cause}" in str(entry.failure_message)
        assert entry.finished_at is not None
    late = asked(queue, 3, [third])
    assert queue.states(late) == ["failed"]
    queue.requeue(first)
    assert queue.states(first, second, third, late) == ["queued", *["waiting"] * 3]
    entry = queue.entry(third)
    assert (entry.failure_kind, entry.failure_message, entry.finished_at) == (None, None, None)
    for name in (first, second, third, late):
        end(queue, name)


def test_retrying_what_waits_queues_what_it_waits_for(queue: Queue, chain: tuple[str, str]) -> None:
    first, second = chain
    end(queue, first, "no hop")
    assert queue.retry([second, first]) == [second, first]
    assert queue.states(first, second) == ["queued", "waiting"]


def test_a_cancelled_one_stays_so_when_its_dependency_ends(queue, chain):
    first, second = chain
    queue.cancel(second)
    end(queue, first)
    assert queue.states(second) == ["cancelled"]


def test_work_lost_too_often_fails_what_waits_for_it(queue: Queue, chain: tuple[str, str]) -> None:
    for _ in range(MAX_ATTEMPTS):
        queue.claim("gone", chain[0])
        queue.recover_lost(lambda owner: False)
    assert queue.states(*chain) == ["failed", "failed"]


def test_one_cannot_wait_for_what_does_not_exist(queue: Queue) -> None:
    with pytest.raises(NotFoundError, match="the calculation 'nothing'"):
        asked(queue, 0, ["nothing"])
    assert queue.count() == {}
