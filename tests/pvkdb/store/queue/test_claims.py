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
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.queue import attempts
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.claims import LeaseLostError

from ....queueing import at_once, state_of, submitted

BROMIDE = NebRequest(formula="CsPbBr3")


def test_the_same_work_is_queued_once(empty_store: Store) -> None:
    first = submitted(empty_store, BROMIDE)
    assert submitted(empty_store, NebRequest(formula="PbCsBr3")) == first
    other = NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)
    assert submitted(empty_store, other) != first
    finer = NebRequest(formula="CsPbBr3", settings=NebSettings(images=7))
    assert submitted(empty_store, finer) != first


def test_a_bad_formula_is_not_queued(empty_store: Store) -> None:
    with pytest.raises(FormulaError):
        submitted(empty_store, NebRequest(formula="CsPbI4"))
    with empty_store.session() as session:
        assert session.scalars(select(Calculation)).all() == []


def test_claims_go_by_priority_then_age(empty_store: Store) -> None:
    with empty_store.session() as session:
        old = queue.submit(session, NebRequest(formula="CsPbI3"))[0].id
        urgent = queue.submit(session, NebRequest(formula="CsPbCl3"), priority=5)[0].id
    order = []
    for _ in range(3):
        with empty_store.session() as session:
            claimed = queue.claim(session, "worker")
            order.append(claimed.id if claimed else None)
    assert order == [urgent, old, None]


def test_several_are_claimed_with_one_statement(empty_store: Store) -> None:
    names = [
        submitted(empty_store, NebRequest(formula=formula))
        for formula in ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3")
    ]
    with empty_store.session() as session:
        urgent = queue.submit(session, NebRequest(formula="RbPbI3"), priority=5)[0].id
    with empty_store.session() as session:
        claimed = queue.claim_batch(session, "a", 3)
        assert [one.id for one in claimed] == [urgent, *names[:2]]
        assert {(one.state, one.owner, one.attempts) for one in claimed} == {("running", "a", 1)}
        assert queue.count_queued(session) == 2
        assert queue.count_queued(session, at_most=1) == 1
        assert [one.id for one in queue.claim_batch(session, "a", 9, [names[3], urgent])] == [
            names[3]
        ]
        log = session.scalars(select(CalculationEvent.event)).all()
        assert log.count("running") == 4
    with empty_store.session() as session:
        session.get_one(Calculation, urgent).cancel_requested_at = utc_now()
        session.get_one(Calculation, names[0]).owner = "b"
        session.flush()
        assert queue.renew(session, "a", queue.held_by(session, "a") + names[:1]) == {
            urgent,
            names[0],
        }


@pytest.mark.parametrize("at_most", [1, 3])
def test_many_workers_never_share_a_calculation(empty_store: Store, at_most: int) -> None:
    formulas = ["CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsGeI3", "RbPbI3", "KPbI3"]
    ids = {submitted(empty_store, NebRequest(formula=formula)) for formula in formulas}
    claimed: list[str] = []

    def work(name: str) -> None:
        while True:
            with empty_store.session() as session:
                some = queue.claim_batch(session, name, at_most)
                if not some:
                    return
                claimed.extend(calculation.id for calculation in some)

    at_once(work, [f"worker {n}" for n in range(4)])
    # A locked row may be skipped on the last round; what was claimed was claimed once.
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= ids
    with empty_store.session() as session:
        while (calculation := queue.claim(session, "last")) is not None:
            claimed.append(calculation.id)
    assert set(claimed) == ids


def test_a_result_is_written_once_by_the_holder(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        queue.claim(session, "a")
    with pytest.raises(LeaseLostError), empty_store.session() as session:
        queue.finish(session, key, "b", {"barrier": 1}, {})
    assert state_of(empty_store, key) == "running"
    with empty_store.session() as session:
        queue.finish(session, key, "a", {"barrier": 0.2}, {"ase": "3"})
    assert state_of(empty_store, key) == "done"
    with empty_store.session() as session:
        calculation = session.get_one(Calculation, key)
        assert calculation.result == {"barrier": 0.2}
        assert calculation.finished_at is not None
        assert calculation.finished_at.tzinfo is not None


def test_a_failure_is_typed_and_can_be_retried(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        queue.claim(session, "a")
        queue.fail(session, key, "a", "NEB not converged", "residual 0.2 eV/Å")
    assert state_of(empty_store, key) == "failed"
    with empty_store.session() as session:
        queue.requeue(session, key)
    assert state_of(empty_store, key) == "queued"
    with pytest.raises(StateError, match="is queued"), empty_store.session() as session:
        queue.requeue(session, key)


def test_an_unknown_failure_kind_is_a_mistake_of_ours(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        queue.claim(session, "a")
    with pytest.raises(ValueError, match="bad luck"), empty_store.session() as session:
        queue.fail(session, key, "a", "bad luck", "")
    assert state_of(empty_store, key) == "running"


def test_an_interruption_costs_no_attempt(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        queue.claim(session, "a")
    with empty_store.session() as session:
        assert queue.release(session, key, "a")
    with empty_store.session() as session:
        calculation = session.get_one(Calculation, key)
        assert (calculation.state, calculation.attempts) == ("queued", 0)


@pytest.mark.parametrize(
    ("alive", "expired", "expected"),
    [
        (False, False, "queued"),  # the process is gone: at once
        (True, True, "running"),  # it lives, its heartbeat is late
        (None, False, "running"),  # another host: wait for the lease
        (None, True, "queued"),
    ],
)
def test_lost_work_returns(
    empty_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    alive: bool | None,
    expired: bool,
    expected: str,
) -> None:
    clock = itertools.count(0, 10)
    monkeypatch.setattr(attempts, "_monotonic", lambda: next(clock))
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        calculation = queue.claim(session, "a")
        assert calculation is not None
        if expired:
            calculation.lease_until = utc_now() - timedelta(seconds=1)
    for _ in range(8 if expired else 1):  # on SQLite, a lease is watched
        with empty_store.session() as session:
            queue.recover_lost(session, lambda owner: alive)
    assert state_of(empty_store, key) == expected


def test_work_that_kills_its_worker_is_given_up(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    for _ in range(queue.MAX_ATTEMPTS):
        with empty_store.session() as session:
            assert queue.claim(session, "a") is not None
        with empty_store.session() as session:
            outcome = queue.recover_lost(session, lambda owner: False)
    assert outcome == (0, 1, 0)
    with empty_store.session() as session:
        calculation = session.get_one(Calculation, key)
        assert (calculation.state, calculation.failure_kind) == ("failed", "crashed")


def test_a_heartbeat_keeps_the_lease_of_its_holder_only(empty_store: Store) -> None:
    key = submitted(empty_store, BROMIDE)
    with empty_store.session() as session:
        queue.claim(session, "a")
    with empty_store.session() as session:
        assert queue.heartbeat(session, key, "a")
        assert not queue.heartbeat(session, key, "b")
