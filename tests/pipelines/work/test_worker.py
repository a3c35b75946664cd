"""The worker: typed records for whatever happens, on both databases. Faults are injected."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from pvkdb.errors import CalculationFailedError, DatabaseError, InputError, MissingExtraError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims
from pvkdb_pipelines import ownership
from pvkdb_pipelines.migration import compute
from pvkdb_pipelines.migration.compute import MigrationRun
from pvkdb_pipelines.work import interrupts, worker
from pvkdb_pipelines.work.worker import Worker

from ...queueing import Queue

CHGNET = NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)


def compute_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*args: Any, **kwargs: Any) -> MigrationRun:
        raise error

    monkeypatch.setattr(compute, "compute_migration", broken)


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
def test_failures_become_typed_records(queue, monkeypatch, error, kind, words):
    compute_raises(monkeypatch, error)
    key = queue.ask(CHGNET)
    document = Worker(queue.store).run()
    assert document.failure_kind is kind
    assert words in document.failure_message
    assert queue.states(key) == ["failed"]
    with queue.store.session() as session:
        assert session.query(Structure).count() == session.query(Energetic).count() == 0


def test_ctrl_c_that_a_library_turned_into_its_own_error_is_no_failure(queue, monkeypatch):
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
    key = queue.ask(CHGNET)
    try:
        with pytest.raises(KeyboardInterrupt):
            Worker(queue.store).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    entry = queue.entry(key)
    assert (entry.state, entry.attempts, entry.owner) == ("queued", 0, None)


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), MissingExtraError("chgnet", "potentials"), DatabaseError("gone")],
    ids=repr,
)
def test_what_fails_around_a_calculation_is_no_result_of_it(queue, monkeypatch, error):
    compute_raises(monkeypatch, error)
    key = queue.ask(CHGNET)
    with pytest.raises(type(error)):
        Worker(queue.store).run()
    entry = queue.entry(key)
    assert (entry.state, entry.attempts, entry.owner) == ("queued", 0, None)


def test_a_lost_lease_is_no_failure(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker has the calculation: this one writes nothing and goes on."""
    key = queue.ask(CHGNET)

    def overtaken(*args: Any, **kwargs: Any) -> MigrationRun:
        queue.change(key, owner="another")
        raise CalculationFailedError(FailureKind.NO_HOP, "nothing to write")

    monkeypatch.setattr(compute, "compute_migration", overtaken)
    assert Worker(queue.store).run().state == "running"
    assert queue.entry(key).owner == "another"


def test_a_request_of_another_version_is_a_typed_failure(queue: Queue) -> None:
    """For a prototype that does not exist, and with settings that are refused now."""
    queue.put(CHGNET.model_copy(update={"phase": "Fm-3m", "defect": "V_Br"}))
    document = Worker(queue.store).run()
    assert document.failure_kind is FailureKind.UNSUPPORTED_COMPOSITION
    assert "Pnma" in document.failure_message
    key = queue.ask(CHGNET)
    parameters = queue.entry(key).parameters
    queue.change(key, parameters={**parameters, "settings": {"max_atoms": 10**9}})
    document = Worker(queue.store).run()
    assert document.failure_kind is FailureKind.INVALID_REQUEST
    assert "settings.max_atoms = 1000000000" in document.failure_message


def test_a_database_that_hiccups_does_not_end_the_lease(queue, monkeypatch):
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.05)
    key = queue.ask(CHGNET)
    original, beats = claims.heartbeat, []

    def unsteady(*args: Any) -> bool:
        beats.append(1)
        if len(beats) == 1:
            raise DatabaseError("connection lost")
        return original(*args)

    leases = []

    def slow(*args: Any, **kwargs: Any) -> MigrationRun:
        for _ in range(2):
            leases.append(queue.entry(key).lease_until)
            time.sleep(0.4)
        raise CalculationFailedError(FailureKind.NO_HOP, "enough seen")

    monkeypatch.setattr(claims, "heartbeat", unsteady)
    monkeypatch.setattr(compute, "compute_migration", slow)
    Worker(queue.store).run()
    assert len(beats) > 2
    assert queue.entry(key).failure_kind == "no hop"
    assert leases[1] > leases[0]  # renewed while work goes on


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
