"""DFT asked for before its barrier is done: queued by itself then, once, whoever computes."""

from __future__ import annotations

from typing import Any

import pytest

from pvkdb.schemas.calculations import CalculationDocument, CalculationState, FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.files.exchange import write_queued
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.dft.requests import (
    ON_PATHS,
    after_request,
    barrier_request,
    is_pending_barrier,
)
from pvkdb_pipelines.engines.dispatcher import Dispatcher
from pvkdb_pipelines.work.worker import Worker

from ...queueing import Queue
from ..engines.test_dispatcher import Injected
from .barriers import finish_barrier, queued_barrier

COARSE = DftSettings(cutoff_wfc_ry=20, cutoff_rho_ry=160, kpoint_grid=(1, 1, 1))


def beside_the_store(store: Store, key: str) -> CalculationDocument:
    """Run what takes no time: no worker is given anything."""
    nowhere = Injected(longest_s=1e-3)
    (written,) = Dispatcher(store, nowhere).run([key])
    assert nowhere.batches == []
    return written


def waiting_for(
    store: Store, key: str, hop: int | None = None, method: Any = "path", **limits: float
) -> str:
    queue = Queue(store)
    barrier = queue.entry(key)
    assert is_pending_barrier(barrier)
    request = after_request(barrier, COARSE, hop, method, **limits)
    asked, new = queue.enqueue(request, barrier.material_id, 5, [key])
    assert (new, queue.states(asked.id)) == (True, ["waiting"])
    return asked.id


@pytest.fixture
def asked(empty_store: Store) -> tuple[str, str]:
    """A barrier that is queued, and single points of DFT that wait for it."""
    key = queued_barrier(empty_store)
    return key, waiting_for(empty_store, key)


@pytest.mark.parametrize(
    ("method", "kind"), [("path", "dft-path"), ("neb", "dft-neb"), ("hop", "dft-hop")]
)
def test_what_follows_is_what_would_have_been_asked_for_afterwards(empty_store, method, kind):
    key = queued_barrier(empty_store)
    limits = {"max_steps_neb": 7} if method == "neb" else {}
    asked = waiting_for(empty_store, key, method=method, **limits)
    finish_barrier(empty_store, key)
    ended = Worker(empty_store).run(asked)
    assert ended.state is CalculationState.DONE
    with empty_store.session() as session:
        queued = session.get_one(Calculation, ended.result["calculation"])
        assert (queued.kind, queued.state, queued.priority) == (kind, "queued", 5)
        assert queued.material_id == "CsPbBr3-Pnma"
        if method == "neb":
            assert queued.parameters["max_steps_neb"] == 7
        else:
            barrier = session.get_one(Calculation, key)
            made = barrier_request(session, barrier, ON_PATHS[method], COARSE)
            assert queued.key == made.key()


def test_a_hop_that_the_barrier_does_not_have_is_a_typed_failure(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    by_worker, by_dispatcher = (waiting_for(empty_store, key, hop=hop) for hop in (9, 8))
    finish_barrier(empty_store, key)
    written = beside_the_store(empty_store, by_dispatcher)
    for hop, ended in ((9, Worker(empty_store).run(by_worker)), (8, written)):
        assert ended.failure_kind is FailureKind.INVALID_REQUEST
        assert f"hop {hop} does not exist" in ended.failure_message
    with empty_store.session() as session:
        assert {entry.kind for entry in session.query(Calculation)} == {"neb", "dft-after"}


def test_it_goes_to_another_store_with_its_barrier_and_not_without(empty_store, asked, tmp_path):
    key, name = asked
    with empty_store.session() as session:
        assert write_queued(session, tmp_path / "both.gz") == (2, {})
    finish_barrier(empty_store, key)
    with empty_store.session() as session:
        number, left_out = write_queued(session, tmp_path / "none.gz")
    assert (number, left_out) == (0, {name: f"it needs {key}, which stays in this store"})


def test_what_was_asked_for_before_and_cancelled_is_queued_again(empty_store, queue, asked):
    key, name = asked
    finish_barrier(empty_store, key)
    with empty_store.session() as session:
        barrier = session.get_one(Calculation, key)
        request = barrier_request(session, barrier, ON_PATHS["path"], COARSE)
    directly, new = queue.enqueue(request)
    assert new
    queue.cancel(directly.id)
    written = beside_the_store(empty_store, name)
    assert written.result == {"calculation": directly.id, "kind": "dft-path"}
    assert queue.states(directly.id) == ["queued"]
    lines = [line.text for line in queue.log_lines(name)]
    assert any(f"has queued {directly.id} (dft-path)" in line for line in lines)


def test_the_barrier_must_be_a_neb(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    with empty_store.session() as session:
        barrier = session.get_one(Calculation, key)
        assert NebRequest.model_validate(barrier.parameters).formula == "CsPbBr3"
        barrier.kind = "relax"
        assert not is_pending_barrier(barrier)
