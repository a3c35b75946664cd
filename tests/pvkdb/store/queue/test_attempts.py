"""Leases do not depend on the clocks of workers: the database's counts, or heartbeats seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import attempts, claims, monitoring

from ....queueing import Queue

OFF = pytest.mark.parametrize("off", [timedelta(minutes=-10), timedelta(minutes=10)], ids=str)
OUT_OF_SIGHT = lambda owner: None  # noqa: E731


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the clock of this process wrong, for what the queue writes and judges."""

    def set_off(off: timedelta) -> None:
        for module in (claims, attempts, monitoring):
            monkeypatch.setattr(module, "utc_now", lambda: utc_now() + off, raising=False)

    return set_off


@pytest.fixture
def running(queue: Queue) -> str:
    """A calculation that a worker out of sight has just claimed."""
    queue.ask(NebRequest(formula="CsPbBr3"))
    return str(queue.claim("a").id)


@OFF
def test_a_lease_ends_by_the_clock_of_the_database(queue, clocks, off):
    clocks(off)
    queue.ask(NebRequest(formula="CsPbBr3"))
    name = queue.claim("a").id
    for beat in (False, True):
        assert not beat or queue.heartbeat(name, "a")
        with queue.store.session() as session:
            until = session.get_one(Calculation, name).lease_until
            sqlite = queue.store.sqlite_path
            now = datetime.now(UTC) if sqlite else session.scalar(select(func.now()))
        assert timedelta(0) < until - now <= claims.LEASE + timedelta(seconds=1)


@OFF
def test_a_wrong_clock_takes_no_work_from_others(queue, running, clocks, off):
    clocks(off)
    assert queue.recover_lost(OUT_OF_SIGHT)[:2] == (0, 0)
    assert queue.heartbeat(running, "a")
    with queue.store.session() as session:
        assert monitoring.worker_signs(session).working == 1


def test_work_of_others_is_not_locked(empty_store: Store, queue: Queue, running: str) -> None:
    """A thousand workers that start at once look at what runs; none waits for another."""
    if empty_store.sqlite_path is not None:
        pytest.skip("SQLite locks no rows")
    lost = queue.ask(NebRequest(formula="CsPbI3"))
    assert queue.claim("b") is not None
    queue.change(lost, lease_until=datetime.now(UTC) - timedelta(hours=1))
    free = select(Calculation.id).order_by(Calculation.id).with_for_update(skip_locked=True)
    with empty_store.session() as first, empty_store.session() as second:
        assert claims.recover_lost(first, OUT_OF_SIGHT) == (1, 0, 0)
        assert second.scalars(free).all() == [running]
        assert claims.recover_lost(second, OUT_OF_SIGHT) == (0, 0, 0)


def test_a_heartbeat_after_the_look_keeps_the_work(queue: Queue, running: str) -> None:
    """The lease is over; the worker, which was slow, is heard of before its row is locked."""
    queue.change(running, lease_until=datetime(2026, 1, 1, tzinfo=UTC))

    def is_alive(owner: str) -> bool:
        later = datetime.now(UTC) + timedelta(minutes=1)
        session.execute(update(Calculation).values(lease_until=later))
        return False

    with queue.store.session() as session:
        assert claims.recover_lost(session, is_alive) == (0, 0, 0)
        assert session.get_one(Calculation, running).owner == "a"


@OFF
def test_on_sqlite_a_worker_counts_as_gone_when_its_heartbeats_are_missed(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    """Whatever end its lease claims: the clock that wrote it may be wrong."""
    clock = [1000.0]
    monkeypatch.setattr(attempts, "_monotonic", lambda: clock[0])
    queue = Queue(sqlite_store)
    name = queue.ask(NebRequest(formula="CsPbBr3"))
    queue.claim("a")

    def recover() -> tuple[int, int, int]:
        return queue.recover_lost(OUT_OF_SIGHT)

    for number in range(20):  # heartbeats for longer than a lease
        queue.change(name, lease_until=utc_now() + off + timedelta(seconds=number))
        assert recover()[:2] == (0, 0)
        clock[0] += 10
    clock[0] += 3600  # the observer itself slept; that is no missed heartbeat yet
    assert recover()[:2] == (0, 0)
    for _ in range(4):
        clock[0] += 10
        assert recover() == (0, 0, 1 if off < timedelta(0) else 0)
    clock[0] += 10
    assert recover() == (1, 0, 0)
