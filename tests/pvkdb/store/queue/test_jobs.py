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
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue import jobs
from pvkdb.store.queue.log import MAX_PROGRESS_LINES, ProgressLine

from ....queueing import enqueued, state_of

REQUEST = NebRequest(formula="CsPbBr3", phase="Pnma")


def running(store: Store, request: NebRequest = REQUEST) -> str:
    name = enqueued(store, request)
    with store.session() as session:
        assert queue.claim(session, "a", name) is not None
    return name


def log(store: Store, name: str) -> list[str]:
    with store.session(read_only=True) as session:
        return [entry.event for entry in jobs.log_lines(session, name)]


def test_a_queued_one_is_cancelled_at_once(empty_store: Store) -> None:
    name = enqueued(empty_store, REQUEST)
    for _ in range(2):  # again changes nothing
        with empty_store.session() as session:
            assert jobs.cancel(session, name) == "cancelled"
    assert log(empty_store, name) == ["queued", "cancelled"]
    with empty_store.session() as session:
        assert queue.claim(session, "a") is None


def test_the_owner_of_a_running_one_is_asked_and_records_it(empty_store: Store) -> None:
    name = running(empty_store)
    with empty_store.session() as session:
        assert queue.heartbeat(session, name, "a")
    with empty_store.session() as session:
        assert jobs.cancel(session, name) == "running"
    with empty_store.session() as session:
        assert not queue.heartbeat(session, name, "a")
    with empty_store.session() as session:
        queue.cancelled(session, name, "a")
    assert state_of(empty_store, name) == "cancelled"
    assert log(empty_store, name) == ["queued", "running", "cancel requested", "cancelled"]
    with empty_store.session() as session:
        queue.requeue(session, name)
    with empty_store.session() as session:
        assert queue.claim(session, "b", name) is not None
        assert queue.heartbeat(session, name, "b")  # the request went with the cancelled attempt


def test_a_result_that_comes_first_is_kept(empty_store: Store) -> None:
    name = running(empty_store)
    with empty_store.session() as session:
        jobs.cancel(session, name)
    with empty_store.session() as session:
        queue.finish(session, name, "a", {"barrier": 0.2}, {})
    assert state_of(empty_store, name) == "done"
    with pytest.raises(InputError, match="is done"), empty_store.session() as session:
        jobs.cancel(session, name)


@pytest.mark.parametrize("how", ["interrupted", "lost"])
def test_one_to_be_cancelled_does_not_go_back_into_the_queue(empty_store: Store, how: str) -> None:
    name = running(empty_store)
    with empty_store.session() as session:
        jobs.cancel(session, name)
    with empty_store.session() as session:
        if how == "interrupted":
            assert queue.release(session, name, "a")
        else:
            assert queue.recover_lost(session, lambda owner: False) == (0, 0, 0)
    assert state_of(empty_store, name) == "cancelled"


def test_failed_ones_are_chosen_by_reason_kind_and_material(empty_store: Store) -> None:
    names = {}
    for formula, reason in (("CsPbI3", "no hop"), ("CsPbBr3", "crashed"), ("CsPbCl3", "crashed")):
        names[formula] = running(empty_store, NebRequest(formula=formula, phase="Pnma"))
        with empty_store.session() as session:
            queue.fail(session, names[formula], "a", reason, "…")
    enqueued(empty_store, NebRequest(formula="CsSnI3", phase="Pnma"))
    with empty_store.session() as session:
        crashed = jobs.failed_ids(session, Selection(failure="crashed"))
        assert crashed == [names["CsPbBr3"], names["CsPbCl3"]]
        assert jobs.failed_ids(session, Selection(material="CsPbI3")) == [names["CsPbI3"]]
        assert len(jobs.failed_ids(session, Selection(kind="neb"))) == 3
        assert jobs.failed_ids(session, Selection(kind="relax")) == []
        assert jobs.count(session, Selection()) == {"failed": 3, "queued": 1}
        listed = jobs.listed(session, Selection(), 10)
        assert [entry.state for entry in listed] == ["queued", "failed", "failed", "failed"]
        assert listed[1].id == names["CsPbCl3"], "the latest end comes first"
        jobs.retry(session, crashed)
    assert [state_of(empty_store, name) for name in crashed] == ["queued", "queued"]


def test_a_finished_one_cannot_be_retried_and_then_none_is(empty_store: Store) -> None:
    done = running(empty_store)
    with empty_store.session() as session:
        queue.finish(session, done, "a", {}, {})
    failed = running(empty_store, NebRequest(formula="CsPbI3", phase="Pnma"))
    with empty_store.session() as session:
        queue.fail(session, failed, "a", "crashed", "…")
    with pytest.raises(StateError, match="is done"), empty_store.session() as session:
        jobs.retry(session, [failed, done])
    assert state_of(empty_store, failed) == "failed"


def test_a_beginning_of_an_id_will_do_if_it_is_one_only(empty_store: Store) -> None:
    name = enqueued(empty_store, REQUEST)
    with empty_store.session() as session:
        session.add(Calculation(id=f"{name[:8]}else", key="k", kind="neb", parameters={}))
    with empty_store.session(read_only=True) as session:
        assert jobs.find(session, name[:9]).id == name
        with pytest.raises(InputError, match="several"):
            jobs.find(session, name[:8])
        for unknown in ("zzzzzz", name[:3], "%%%%"):
            with pytest.raises(NotFoundError, match="pvkdb jobs"):
                jobs.find(session, unknown)


def test_the_log_keeps_every_state_and_the_newest_progress(empty_store: Store) -> None:
    name = running(empty_store)
    lines = [ProgressLine(utc_now(), f"step {number}") for number in range(MAX_PROGRESS_LINES)]
    with empty_store.session() as session:
        queue.heartbeat(session, name, "a", {"stage": "x"}, lines)
    more = [ProgressLine(utc_now(), f"later step {number}") for number in range(5)]
    with empty_store.session() as session:
        queue.finish(session, name, "a", {}, {}, lines=more)
    with empty_store.session(read_only=True) as session:
        kept = [
            entry.message for entry in jobs.log_lines(session, name) if entry.event == "progress"
        ]
        document = jobs.job_document(session, session.get_one(Calculation, name))
    assert kept == [f"step {n}" for n in range(5, MAX_PROGRESS_LINES)] + [
        f"later step {n}" for n in range(5)
    ]
    assert [entry.event.value for entry in document.log if entry.event != "progress"] == [
        "queued",
        "running",
        "done",
    ]
    assert document.progress is None, "of a running calculation only"


def test_who_asks_more_urgently_raises_the_priority(empty_store: Store) -> None:
    with empty_store.session() as session:
        first, _ = queue.enqueue(session, REQUEST, priority=1)
        again, new = queue.enqueue(session, REQUEST, priority=7)
        assert (again.id, new, again.priority) == (first.id, False, 7)
        assert queue.enqueue(session, REQUEST)[0].priority == 7


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
