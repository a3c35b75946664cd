"""What happens to a calculation when it is cancelled, or when disk and database fail around it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from pvkdb.errors import DatabaseError, StoreAwayError
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims
from pvkdb.store.queue.kept_files import SETTING, files_of
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import tasks, worker
from pvkdb_pipelines.work.worker import Worker

from ...queueing import Queue, breaking
from .rehearsal import WITNESS, Rehearsal

QUICK = Rehearsal(number=10)  # one with a file
FAILING = Rehearsal(number=1, fails=True)


@pytest.fixture(autouse=True)
def files_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, str(tmp_path / "files"))


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Lets a test say what a rehearsal does."""

    def give(compute: Callable[..., Any]) -> None:
        monkeypatch.setitem(tasks.KINDS, "rehearsal", compute)

    return give


def state(queue: Queue, name: str) -> tuple[str, int]:
    entry = queue.entry(name)
    return entry.state, entry.attempts


def test_a_cancelled_calculation_stops_at_its_next_step(queue, kind, monkeypatch):
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.1)
    name = queue.put(QUICK)

    def steps(document: Any, report: Callable[[CalculationProgress], None]) -> tasks.Outcome:
        queue.cancel(name)
        for step in range(200):
            report(CalculationProgress("rehearse", step, 0.1, step / 200))
            time.sleep(0.05)
        raise AssertionError("it went on")

    kind(steps)
    document = Worker(queue.store).run()
    assert document.state == "cancelled"
    assert document.failure_kind is None


def test_one_that_takes_no_steps_is_interrupted(queue, kind, monkeypatch):
    """As a program of its own, which is waited for."""
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.1)
    name = queue.put(QUICK)
    before = signal.getsignal(signal.SIGUSR1)

    def waits(document: Any, report: Any) -> tasks.Outcome:
        queue.cancel(name)
        try:
            time.sleep(20)
        except Exception:
            raise AssertionError("a library could swallow it") from None
        raise AssertionError("it was waited for")

    kind(waits)
    document = Worker(queue.store).run()  # "it was waited for" would be a failure
    assert document.state == "cancelled"
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_worker_in_a_thread_of_a_program_can_work_too(queue: Queue, kind: Any) -> None:
    """Signals are for the main thread; elsewhere the next step hears of a cancellation."""
    kind(lambda *_: tasks.Outcome({"square": 1}, {}, lambda *_: []))
    name = queue.put(QUICK)
    thread = threading.Thread(target=Worker(queue.store).run)
    thread.start()
    thread.join()
    assert state(queue, name) == ("done", 1)


def test_progress_and_files_are_kept_with_the_record(queue: Queue) -> None:
    for request, end, size in ((QUICK, "done", 3), (FAILING, "failed", 13)):
        name = queue.put(request)
        Worker(queue.store).run()
        assert queue.log(name) == ["queued", "running", "progress", end]
        assert queue.log_lines(name)[2].message == "rehearse"
        with queue.store.session(read_only=True) as session:
            (file,) = files_of(session, name)
            assert (file.name, file.size) == ("output.txt", size)


@pytest.mark.parametrize("request_", [QUICK, FAILING], ids=["ok", "fails"])
def test_no_room_for_its_files_puts_the_calculation_back(queue, monkeypatch, request_):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    name = queue.put(request_)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DatabaseError, match="make room"):
            Worker(queue.store).run()
    assert state(queue, name) == ("queued", 0)
    assert Worker(queue.store).run().state == ("failed" if request_.fails else "done")


@pytest.fixture
def full_sqlite(sqlite_store: Store) -> Iterator[Store]:
    """A store whose file can grow no further: SQLite says what it says on a full disk."""
    full = Store(str(sqlite_store.url))

    @event.listens_for(full.engine, "connect")
    def limit(connection: Any, record: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    yield full
    full.close()


def test_a_full_disk_is_told_in_words_and_nothing_is_lost(sqlite_store, full_sqlite, kind):
    queue = Queue(sqlite_store)
    name = queue.put(QUICK)
    kind(lambda *_: tasks.Outcome({"square": "x" * 500_000}, {}, lambda *_: []))
    with pytest.raises(DatabaseError, match="full; make room on its disk"):
        Worker(full_sqlite).run()
    assert state(queue, name) == ("queued", 0)
    assert Worker(sqlite_store).run().state == "done"


def test_a_store_that_may_only_be_read_is_told_in_words(empty_store: Store, queue: Queue) -> None:
    name = queue.put(QUICK)
    reader = Store(empty_store.url.render_as_string(hide_password=False))
    if reader.sqlite_path is None:
        with empty_store.engine.begin() as connection:
            database = empty_store.url.database
            connection.execute(
                text(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
            )
        words = "read-only transaction"
    else:
        # What SQLite says of a file without the right to write; root has that right everywhere.
        event.listen(reader.engine, "connect", lambda c, _: c.execute("PRAGMA query_only = ON"))
        words = "may only be read; give its user the right"
    with pytest.raises(DatabaseError, match=words):
        Worker(reader).run()
    assert state(Queue(reader), name) == ("queued", 0)
    reader.close()


def test_a_claim_whose_answer_was_lost_is_not_left_behind(empty_store, queue, monkeypatch):
    """The claim was written, and the connection broke before the worker heard of it."""
    monkeypatch.setattr(worker, "RETRY_S", 0.0)
    queue.put(QUICK)
    first = iter([True])
    sessions = breaking(empty_store, lambda: next(first, False))
    monkeypatch.setattr(empty_store, "session", sessions)
    document = Worker(queue.store).run()
    assert (document.state, document.attempts) == ("done", 1)


def test_a_result_whose_answer_was_lost_is_written_once(queue, monkeypatch):
    monkeypatch.setattr(worker, "RETRY_S", 0.0)
    name = queue.put(QUICK)
    original, lost = claims.finish, []

    def finish(session: Any, *arguments: Any, **given: Any) -> Calculation:
        calculation = original(session, *arguments, **given)
        if not lost:
            lost.append(1)
            session.commit()
            raise StoreAwayError("connection lost")
        return calculation

    monkeypatch.setattr(claims, "finish", finish)
    document = Worker(queue.store).run()
    assert (document.state, document.result) == ("done", {"square": 100})
    assert queue.log(name).count("done") == 1


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_worker_with_a_wrong_clock_loses_nothing_and_doubles_nothing(
    empty_store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    witness = tmp_path / "witness"
    monkeypatch.setenv(WITNESS, str(witness))
    monkeypatch.setenv("PVKDB_DATABASE_URL", empty_store.url.render_as_string(hide_password=False))
    names = [queue.put(Rehearsal(number=number, steps=2, step_s=0.1)) for number in range(20)]
    program = Path(__file__).with_name("clock_off.py")
    process = subprocess.Popen([sys.executable, str(program), str(minutes)])
    here = Worker(queue.store)
    while process.poll() is None:  # a worker whose clock is right, on the same queue
        assert here.recover() == worker.Recovery(0, 0)
        if any(state(queue, name)[0] == "running" for name in names):
            here.run()
    assert process.returncode == 0
    assert {state(queue, name) for name in names} == {("done", 1)}
    assert sorted(map(int, witness.read_text(encoding="ascii").split())) == list(range(20))
