"""Cancelling, retrying, finding, and the log, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from pvkdb.errors import InputError, NotFoundError, StateError
from pvkdb.schemas.calculations import Selection
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import jobs
from pvkdb.store.queue.log import MAX_PROGRESS_LINES, ProgressLine

from ....queueing import Queue

REQUEST = NebRequest(formula="CsPbBr3", phase="Pnma")


def running(queue: Queue, formula: str = "CsPbBr3") -> str:
    name = queue.put(NebRequest(formula=formula, phase="Pnma"))
    assert queue.claim("a", name) is not None
    return name


def test_a_queued_one_is_cancelled_at_once(queue: Queue) -> None:
    name = queue.put(REQUEST)
    assert [queue.cancel(name) for _ in range(2)] == ["cancelled"] * 2  # again changes nothing
    assert queue.log(name) == ["queued", "cancelled"]
    assert queue.claim("a") is None


def test_the_owner_of_a_running_one_is_asked_and_records_it(queue: Queue) -> None:
    name = running(queue)
    assert queue.heartbeat(name, "a")
    assert queue.cancel(name) == "running"
    assert not queue.heartbeat(name, "a")
    queue.cancelled(name, "a")
    assert queue.states(name) == ["cancelled"]
    assert queue.log(name) == ["queued", "running", "cancel requested", "cancelled"]
    queue.requeue(name)
    assert queue.claim("b", name) is not None
    assert queue.heartbeat(name, "b")  # the request went with the cancelled attempt


def test_a_result_that_comes_first_is_kept(queue: Queue) -> None:
    name = running(queue)
    queue.cancel(name)
    queue.finish(name, "a", {"barrier": 0.2}, {})
    assert queue.states(name) == ["done"]
    with pytest.raises(InputError, match="is done"):
        queue.cancel(name)


@pytest.mark.parametrize("how", ["interrupted", "lost"])
def test_one_to_be_cancelled_does_not_go_back_into_the_queue(queue: Queue, how: str) -> None:
    name = running(queue)
    queue.cancel(name)
    if how == "interrupted":
        assert queue.release(name, "a")
    else:
        assert queue.recover_lost(lambda owner: False) == (0, 0, 0)
    assert queue.states(name) == ["cancelled"]


def test_failed_ones_are_chosen_by_reason_kind_and_material(queue: Queue) -> None:
    names = {}
    for formula, reason in (("CsPbI3", "no hop"), ("CsPbBr3", "crashed"), ("CsPbCl3", "crashed")):
        names[formula] = running(queue, formula)
        queue.fail(names[formula], "a", reason, "…")
    queue.put(NebRequest(formula="CsSnI3", phase="Pnma"))
    crashed = queue.failed_ids(Selection(failure="crashed"))
    assert crashed == [names["CsPbBr3"], names["CsPbCl3"]]
    assert queue.failed_ids(Selection(material="CsPbI3")) == [names["CsPbI3"]]
    assert len(queue.failed_ids(Selection(kind="neb"))) == 3
    assert queue.failed_ids(Selection(kind="relax")) == []
    assert queue.count() == {"failed": 3, "queued": 1}
    listed = queue.listed(Selection(), 10)
    assert [entry.state for entry in listed] == ["queued", "failed", "failed", "failed"]
    assert listed[1].id == names["CsPbCl3"], "the latest end comes first"
    queue.retry(crashed)
    assert queue.states(*crashed) == ["queued", "queued"]


def test_a_finished_one_cannot_be_retried_and_then_none_is(queue: Queue) -> None:
    done, failed = running(queue), running(queue, "CsPbI3")
    queue.finish(done, "a", {}, {})
    queue.fail(failed, "a", "crashed", "…")
    with pytest.raises(StateError, match="is done"):
        queue.retry([failed, done])
    assert queue.states(failed) == ["failed"]


def test_a_beginning_of_an_id_will_do_if_it_is_one_only(queue: Queue) -> None:
    name = queue.put(REQUEST)
    with queue.store.session() as session:
        session.add(Calculation(id=f"{name[:8]}else", key="k", kind="neb", parameters={}))
    assert queue.find(name[:9]).id == name
    with pytest.raises(InputError, match="several"):
        queue.find(name[:8])
    for unknown in ("zzzzzz", name[:3], "%%%%"):
        with pytest.raises(NotFoundError, match="pvkdb jobs"):
            queue.find(unknown)


def test_the_log_keeps_every_state_and_the_newest_progress(queue: Queue) -> None:
    name = running(queue)
    lines = [ProgressLine(utc_now(), f"step {number}") for number in range(MAX_PROGRESS_LINES)]
    queue.heartbeat(name, "a", {"stage": "x"}, lines)
    more = [ProgressLine(utc_now(), f"later step {number}") for number in range(5)]
    queue.finish(name, "a", {}, {}, lines=more)
    kept = [line.message for line in queue.log_lines(name) if line.event == "progress"]
    assert kept == [f"step {n}" for n in range(5, MAX_PROGRESS_LINES)] + [
        f"later step {n}" for n in range(5)
    ]
    with queue.store.session(read_only=True) as session:
        document = jobs.job_document(session, session.get_one(Calculation, name))
    changes = [entry.event for entry in document.log if entry.event != "progress"]
    assert changes == ["queued", "running", "done"]
    assert document.progress is None, "of a running calculation only"


def test_who_asks_more_urgently_raises_the_priority(queue: Queue) -> None:
    first, _ = queue.enqueue(REQUEST, priority=1)
    again, new = queue.enqueue(REQUEST, priority=7)
    assert (again.id, new, again.priority) == (first.id, False, 7)
    assert queue.enqueue(REQUEST)[0].priority == 7


def test_a_claim_reads_the_queue_in_order_without_sorting_it(empty_store: Store) -> None:
    """So that the length of the queue does not matter."""
    with empty_store.session() as session:
        rows = [
            {"id": f"c{n:05}", "key": f"k{n}", "kind": "neb", "state": "queued", "priority": n % 3,
             "attempts": 0, "parameters": {}, "created_at": utc_now()}
            for n in range(2000)
        ]  # fmt: skip
        session.execute(Calculation.__table__.insert(), rows)
    with empty_store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE calculations"))
        explain = "EXPLAIN QUERY PLAN" if empty_store.sqlite_path is not None else "EXPLAIN"
        plan = connection.execute(
            text(
                f"{explain} SELECT id FROM calculations WHERE state = 'queued' "
                "ORDER BY priority DESC, created_at, id LIMIT 1"
            )
        ).all()
    words = " ".join(str(row) for row in plan)
    assert "ix_calculations_claim" in words
    assert "Sort" not in words
    assert "TEMP B-TREE" not in words
