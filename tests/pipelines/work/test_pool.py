"""Calculations that one process runs side by side: each has its own lease, progress and end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import pool, tasks, worker
from pvkdb_pipelines.work.pool import LocalEngine, run_all
from pvkdb_pipelines.work.worker import Worker

from ...queueing import Queue, breaking
from .rehearsal import Rehearsal


class Model:
    """Evaluates batches of one-atom structures and notes how many were in each."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.before: Callable[[int], None] = lambda number: None

    def __call__(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        self.before(len(self.sizes))
        self.sizes.append(len(structures))
        return [{"energy": -1.0, "forces": np.zeros((1, 3))} for _ in structures]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Model:
    """The model of rehearsals, which are calculations of a potential here, in batches of 10."""
    model = Model()

    def compute(document: CalculationDocument, report: Any) -> tasks.Outcome:
        request = Rehearsal.model_validate(document.parameters)
        potential = Potential("model", "none", {}, frozenset(), model)
        for step in range(request.steps):
            report(CalculationProgress("rehearse", step, None, step / request.steps))
            potential.evaluate([Atoms("Cs")], stress=False)
        if request.fails:
            raise CalculationFailedError(FailureKind.NO_HOP, "no halide may jump")
        return tasks.Outcome({"square": request.number**2}, {}, lambda *_: [])

    monkeypatch.setenv("PVKDB_BATCH_ATOMS", "10")
    monkeypatch.setattr(pool, "POTENTIAL_KINDS", ("rehearsal",))
    monkeypatch.setitem(tasks.KINDS, "rehearsal", compute)
    return model


def queued(store: Store, *requests: Rehearsal) -> list[str]:
    return [Queue(store).put(request) for request in requests]


def columns(store: Store, ids: Sequence[str], *names: str) -> list[tuple[Any, ...]]:
    found = map(Queue(store).entry, ids)
    return [tuple(getattr(each, name) for name in names) for each in found]


def test_each_is_done_fails_or_is_cancelled_alone_under_its_own_lease(
    empty_store: Store, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.05)
    ids = queued(
        empty_store,
        Rehearsal(number=0, steps=3),
        Rehearsal(number=1, steps=5, fails=True),
        Rehearsal(number=2, steps=40),
        Rehearsal(number=3, steps=1000),
    )
    leases = []

    def before(number: int) -> None:
        if number in (1, 35):
            leases.append(columns(empty_store, ids[2:], "lease_until"))
        time.sleep(0.02)

    model.before = before
    ended = []
    for document in run_all(Worker(empty_store), None):
        ended.append((document.id, document.state))
        if document.id == ids[2]:
            Queue(empty_store).cancel(ids[3])
    assert ended == list(zip(ids, ("done", "failed", "done", "cancelled"), strict=True))
    assert model.sizes[:40] == [4] * 3 + [3] * 2 + [2] * 35
    assert len(model.sizes) < 1000
    assert all(later > earlier for (earlier,), (later,) in zip(*leases, strict=True))
    kinds = columns(empty_store, ids, "failure_kind", "attempts", "owner")
    assert kinds == [(None, 1, None), ("no hop", 1, None), (None, 1, None), (None, 1, None)]


def test_what_needs_no_potential_does_not_hold_up_a_batch(sqlite_store, model, monkeypatch):
    class Alone(Rehearsal):
        kind: str = "alone"  # type: ignore[assignment]

    batches_before = []

    def alone(document: CalculationDocument, report: Any) -> tasks.Outcome:
        batches_before.append(len(model.sizes))
        return tasks.Outcome({}, {}, lambda *_: [])

    monkeypatch.setitem(tasks.KINDS, "alone", alone)
    queued(sqlite_store, Rehearsal(number=1, steps=4), Alone(number=2), Rehearsal(number=3))
    assert {document.state for document in LocalEngine().drain(sqlite_store)} == {"done"}
    assert model.sizes == [2, 1, 1, 1]
    assert batches_before == [4]


def test_those_of_a_list_share_a_batch_in_one_process(sqlite_store: Store, model: Model) -> None:
    ids = queued(sqlite_store, *(Rehearsal(number=number) for number in range(4)))
    some = LocalEngine().drain(sqlite_store, only=[ids[2], "gone", ids[0]])
    ended = [document.id for document in some]
    assert ended == [ids[2], ids[0]]
    assert model.sizes == [2]
    assert columns(sqlite_store, ids[1:2], "state") == [("queued",)]


def test_an_interruption_puts_all_of_them_back(sqlite_store: Store, model: Model) -> None:
    ids = queued(sqlite_store, *(Rehearsal(number=number, steps=9) for number in range(3)))

    def before(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    model.before = before
    with pytest.raises(KeyboardInterrupt):
        list(run_all(Worker(sqlite_store), None))
    assert columns(sqlite_store, ids, "state", "attempts", "owner") == [("queued", 0, None)] * 3


def test_a_lost_answer_to_a_claim_does_not_put_back_what_runs(sqlite_store, model, monkeypatch):
    """The second claim was written, and the connection broke before the worker received it."""
    monkeypatch.setattr(worker, "RETRY_S", 0.0)
    ids = queued(sqlite_store, *(Rehearsal(number=number) for number in range(2)))
    claim, claims, once = queue.claim, [], iter([True])

    def counted(*given: Any) -> Calculation | None:
        claims.append(1)
        return claim(*given)

    monkeypatch.setattr(queue, "claim", counted)
    sessions = breaking(sqlite_store, lambda: len(claims) == 2 and next(once, False))
    monkeypatch.setattr(sqlite_store, "session", sessions)
    assert [document.id for document in run_all(Worker(sqlite_store), None)] == ids
    assert columns(sqlite_store, ids, "state", "attempts") == [("done", 1)] * 2
    assert model.sizes == [2]
