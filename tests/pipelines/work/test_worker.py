"""The worker: typed records for whatever happens, on both databases. Faults are injected."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pvkdb.errors import CalculationFailedError, DatabaseError, InputError, MissingExtraError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines import ownership
from pvkdb_pipelines.migration import compute
from pvkdb_pipelines.migration.compute import MigrationRun
from pvkdb_pipelines.work import interrupts, worker
from pvkdb_pipelines.work.worker import Worker

from ...queueing import enqueued, submitted

CHGNET = NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)


def stored(store: Store, key: str) -> Calculation:
    with store.session() as session:
        calculation = session.get_one(Calculation, key)
        session.expunge(calculation)
        return calculation


def compute_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*args: Any, **kwargs: Any) -> MigrationRun:
        raise error

    monkeypatch.setattr(compute, "compute_migration", broken)


def test_an_empty_queue_gives_nothing(empty_store: Store) -> None:
    assert Worker(empty_store).run() is None


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            CalculationFailedError(FailureKind.IMAGE_BELOW_ENDPOINT, "image 2 lies 80 meV below"),
            FailureKind.IMAGE_BELOW_ENDPOINT,
            "80 meV",
        ),
        (RuntimeError("the library broke"), FailureKind.CRASHED, "RuntimeError: the library"),
        (MemoryError("Unable to allocate 3 TiB"), FailureKind.CRASHED, "3 TiB"),
        (InputError("no radius is known"), FailureKind.UNSUPPORTED_COMPOSITION, "no radius"),
    ],
)
def test_failures_become_typed_records(
    empty_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: FailureKind,
    words: str,
) -> None:
    compute_raises(monkeypatch, error)
    key = submitted(empty_store, CHGNET)
    document = Worker(empty_store).run()
    assert document is not None
    assert document.failure_kind is kind
    assert words in (document.failure_message or "")
    assert stored(empty_store, key).state == "failed"
    with empty_store.session() as session:
        assert session.query(Structure).count() == 0
        assert session.query(Energetic).count() == 0


def test_ctrl_c_puts_the_calculation_back(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_raises(monkeypatch, KeyboardInterrupt())
    key = submitted(empty_store, CHGNET)
    with pytest.raises(KeyboardInterrupt):
        Worker(empty_store).run()
    calculation = stored(empty_store, key)
    assert (calculation.state, calculation.attempts, calculation.owner) == ("queued", 0, None)


def test_ctrl_c_that_a_library_turned_into_its_own_error_is_no_failure(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a library in C is imported can arrive as an ImportError."""
    monkeypatch.setattr(interrupts, "_requested", False)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    interrupts.install()

    def swallowing(*args: Any, **kwargs: Any) -> MigrationRun:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error
        raise AssertionError

    monkeypatch.setattr(compute, "compute_migration", swallowing)
    key = submitted(empty_store, CHGNET)
    try:
        with pytest.raises(KeyboardInterrupt):
            Worker(empty_store).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    calculation = stored(empty_store, key)
    assert (calculation.state, calculation.attempts, calculation.owner) == ("queued", 0, None)


@pytest.mark.parametrize(
    "error", [MissingExtraError("chgnet", "potentials"), DatabaseError("gone")]
)
def test_what_fails_around_a_calculation_is_no_result_of_it(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    compute_raises(monkeypatch, error)
    key = submitted(empty_store, CHGNET)
    with pytest.raises(type(error)):
        Worker(empty_store).run()
    calculation = stored(empty_store, key)
    assert (calculation.state, calculation.attempts) == ("queued", 0)


def test_a_lost_lease_is_no_failure(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker has the calculation: this one writes nothing and goes on."""
    key = submitted(empty_store, CHGNET)

    def overtaken(*args: Any, **kwargs: Any) -> MigrationRun:
        with empty_store.session() as session:
            session.get_one(Calculation, key).owner = "another"
        raise CalculationFailedError(FailureKind.NO_HOP, "nothing to write")

    monkeypatch.setattr(compute, "compute_migration", overtaken)
    document = Worker(empty_store).run()
    assert document is not None
    assert document.state == "running"
    assert stored(empty_store, key).owner == "another"


def unchecked(store: Store, formula: str) -> str:
    """Queue a request for a prototype that does not exist, as an older version let it in."""
    request = NebRequest(
        formula=formula, phase="Fm-3m", defect="V_I", potential=PotentialName.CHGNET
    )
    return enqueued(store, request)


def test_a_composition_without_such_a_prototype_is_a_typed_failure(empty_store: Store) -> None:
    unchecked(empty_store, "CsPbI3")
    document = Worker(empty_store).run()
    assert document is not None
    assert document.failure_kind is FailureKind.UNSUPPORTED_COMPOSITION
    assert "Pnma" in (document.failure_message or "")


def test_a_request_that_this_version_refuses_is_a_typed_failure(empty_store: Store) -> None:
    key = submitted(empty_store, CHGNET)
    with empty_store.session() as session:
        entry = session.get_one(Calculation, key)
        entry.parameters = {**entry.parameters, "settings": {"max_atoms": 10**9}}
    document = Worker(empty_store).run()
    assert document is not None
    assert document.failure_kind is FailureKind.INVALID_REQUEST
    assert "settings.max_atoms = 1000000000" in (document.failure_message or "")


def test_a_database_that_hiccups_does_not_end_the_lease(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.05)
    key = submitted(empty_store, CHGNET)
    original, beats = queue.heartbeat, []

    def unsteady(*args: Any) -> bool:
        beats.append(1)
        if len(beats) == 1:
            raise DatabaseError("connection lost")
        return original(*args)

    def slow(*args: Any, **kwargs: Any) -> MigrationRun:
        time.sleep(0.6)
        raise CalculationFailedError(FailureKind.NO_HOP, "enough seen")

    monkeypatch.setattr(queue, "heartbeat", unsteady)
    monkeypatch.setattr(compute, "compute_migration", slow)
    Worker(empty_store).run()
    assert len(beats) > 2
    assert stored(empty_store, key).failure_kind == "no hop"


def test_the_lease_is_renewed_while_work_goes_on(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.05)
    key = submitted(empty_store, CHGNET)
    leases = []

    def slow(*args: Any, **kwargs: Any) -> MigrationRun:
        for _ in range(2):
            leases.append(stored(empty_store, key).lease_until)
            time.sleep(0.4)
        raise CalculationFailedError(FailureKind.NO_HOP, "enough seen")

    monkeypatch.setattr(compute, "compute_migration", slow)
    Worker(empty_store).run()
    assert leases[0] is not None
    assert leases[1] is not None
    assert leases[1] > leases[0]


def test_owners_are_told_apart() -> None:
    me = ownership.current_owner()
    host, pid, start = me.split(":")
    assert ownership.is_alive(me) is True
    assert ownership.is_alive(f"{host}:{pid}:{start}0") is False  # the pid was reused
    assert ownership.is_alive(f"elsewhere:{pid}:{start}") is None
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    assert ownership.is_alive(f"{host}:{gone.pid}:{start}") is False
    assert ownership.is_alive("") is None


@pytest.mark.slow
def test_killing_the_parent_kills_its_processes(sqlite_store: Store, tmp_path: Path) -> None:
    keys = [
        submitted(sqlite_store, NebRequest(formula=formula, potential=PotentialName.CHGNET))
        for formula in ("CsPbBr3", "CsPbI3")
    ]
    parent = subprocess.Popen(
        [sys.executable, "-m", "pvkdb", "work", "--processes", "2"],
        env={**os.environ, "PVKDB_DATABASE_URL": str(sqlite_store.url)},
        stderr=subprocess.DEVNULL,
    )
    for _ in range(400):
        owners = [stored(sqlite_store, key).owner for key in keys]
        if all(owners):
            break
        time.sleep(0.05)
    assert all(owners), "both calculations should run within 20 s"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not any(ownership.is_alive(owner or "") for owner in owners):
            break
        time.sleep(0.05)
    assert [ownership.is_alive(owner or "") for owner in owners] == [False, False]
    recovery = Worker(sqlite_store).recover()
    assert (recovery.queued, recovery.failed) == (2, 0)
