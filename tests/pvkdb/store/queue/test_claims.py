"""The queue: content keys, leases, recovery, on both databases."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

from pvkdb.errors import FormulaError, StateError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import CalculationEvent
from pvkdb.store.queue import attempts
from pvkdb.store.queue.claims import MAX_ATTEMPTS, LeaseLostError

from ....queueing import Queue, at_once

BROMIDE = NebRequest(formula="CsPbBr3")


@pytest.fixture
def running(queue: Queue) -> str:
    """The bromide, claimed by ``a``."""
    name = queue.ask(BROMIDE)
    assert queue.claim("a").attempts == 1
    return name


def test_the_same_work_is_queued_once_and_a_bad_formula_never(queue: Queue) -> None:
    first = queue.ask(BROMIDE)
    assert queue.ask(NebRequest(formula="PbCsBr3")) == first
    assert queue.ask(NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)) != first
    assert queue.ask(NebRequest(formula="CsPbBr3", settings=NebSettings(images=7))) != first
    with pytest.raises(FormulaError):
        queue.ask(NebRequest(formula="CsPbI4"))
    assert queue.count() == {"queued": 3}


def test_claims_go_by_priority_then_age(queue: Queue) -> None:
    old = queue.ask(NebRequest(formula="CsPbI3"))
    urgent = queue.ask(NebRequest(formula="CsPbCl3"), priority=5)
    assert [queue.claim("worker").id for _ in range(2)] == [urgent, old]
    assert queue.claim("worker") is None


def test_several_are_claimed_with_one_statement(queue: Queue) -> None:
    formulas = ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3")
    names = [queue.ask(NebRequest(formula=formula)) for formula in formulas]
    urgent = queue.ask(NebRequest(formula="RbPbI3"), priority=5)
    claimed = queue.claim_batch("a", 3)
    assert [one.id for one in claimed] == [urgent, *names[:2]]
    assert {(one.state, one.owner, one.attempts) for one in claimed} == {("running", "a", 1)}
    assert (queue.count_queued(), queue.count_queued(at_most=1)) == (2, 1)
    assert [one.id for one in queue.claim_batch("a", 9, [names[3], urgent])] == [names[3]]
    with queue.store.session(read_only=True) as session:
        log = session.scalars(select(CalculationEvent.event)).all()
    assert log.count("running") == 4
    queue.change(urgent, cancel_requested_at=utc_now())
    queue.change(names[0], owner="b")
    assert queue.renew("a", queue.held_by("a") + names[:1]) == {urgent, names[0]}


@pytest.mark.parametrize("at_most", [1, 3])
def test_many_workers_never_share_a_calculation(queue: Queue, at_most: int) -> None:
    formulas = ["CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsGeI3", "RbPbI3", "KPbI3"]
    ids = {queue.ask(NebRequest(formula=formula)) for formula in formulas}
    claimed: list[str] = []

    def work(name: str) -> None:
        while some := queue.claim_batch(name, at_most):
            claimed.extend(calculation.id for calculation in some)

    at_once(work, [f"worker {n}" for n in range(4)])
    # A locked row may be skipped on the last round; what was claimed was claimed once.
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= ids
    while (calculation := queue.claim("last")) is not None:
        claimed.append(calculation.id)
    assert set(claimed) == ids


def test_a_result_is_written_once_by_the_holder(queue: Queue, running: str) -> None:
    with pytest.raises(LeaseLostError):
        queue.finish(running, "b", {"barrier": 1}, {})
    assert queue.states(running) == ["running"]
    queue.finish(running, "a", {"barrier": 0.2}, {"ase": "3"})
    done = queue.entry(running)
    assert (done.state, done.result) == ("done", {"barrier": 0.2})


def test_a_failure_is_typed_and_can_be_retried(queue: Queue, running: str) -> None:
    with pytest.raises(ValueError, match="bad luck"):  # no kind of failure: a mistake of ours
        queue.fail(running, "a", "bad luck", "")
    assert queue.states(running) == ["running"]
    queue.fail(running, "a", "NEB not converged", "residual 0.2 eV/Å")
    assert queue.states(running) == ["failed"]
    queue.requeue(running)
    assert queue.states(running) == ["queued"]
    with pytest.raises(StateError, match="is queued"):
        queue.requeue(running)


@pytest.mark.parametrize(
    ("alive", "expired", "expected"),
    [
        (False, False, "queued"),  # the process is gone: at once
        (True, True, "running"),  # it lives, its heartbeat is late
        (None, False, "running"),  # another host: wait for the lease
        (None, True, "queued"),
    ],
)
def test_lost_work_returns(queue, running, monkeypatch, alive, expired, expected):
    clock = itertools.count(0, 10)
    monkeypatch.setattr(attempts, "_monotonic", lambda: next(clock))
    if expired:
        queue.change(running, lease_until=utc_now() - timedelta(seconds=1))
    for _ in range(8 if expired else 1):  # on SQLite, a lease is watched
        queue.recover_lost(lambda owner: alive)
    assert queue.states(running) == [expected]


def test_work_that_kills_its_worker_is_given_up(queue: Queue) -> None:
    key = queue.ask(BROMIDE)
    for _ in range(MAX_ATTEMPTS):
        assert queue.claim("a") is not None
        outcome = queue.recover_lost(lambda owner: False)
    assert outcome == (0, 1, 0)
    entry = queue.entry(key)
    assert (entry.state, entry.failure_kind) == ("failed", "crashed")


def test_a_heartbeat_keeps_the_lease_of_its_holder_and_an_interruption_costs_no_attempt(
    queue, running
):
    assert queue.heartbeat(running, "a")
    assert not queue.heartbeat(running, "b")
    assert queue.release(running, "a")
    entry = queue.entry(running)
    assert (entry.state, entry.attempts) == ("queued", 0)
