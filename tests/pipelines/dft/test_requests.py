"""DFT asked for before its barrier is done: queued by itself then, once, whoever computes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import pytest

from pvkdb.schemas.calculations import CalculationDocument, CalculationState, FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.files.exchange import write_queued
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue import jobs
from pvkdb_pipelines.dft.requests import (
    after_request,
    hop_request,
    is_pending_barrier,
    path_request,
)
from pvkdb_pipelines.engines.dispatcher import Dispatcher, WorkerGroup
from pvkdb_pipelines.engines.node import NodeResult
from pvkdb_pipelines.work.worker import Worker

from .barriers import finish_barrier, queued_barrier

COARSE = DftSettings(cutoff_wfc_ry=20, cutoff_rho_ry=160, kpoint_grid=(1, 1, 1))


class Nowhere:
    """Workers that are given nothing: what takes no time is done where the store is."""

    groups = (WorkerGroup(capacity=1, batch_s=60.0, longest_s=1e-3),)
    lost: tuple[type[BaseException], ...] = ()

    def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[NodeResult]]:
        raise AssertionError(f"{len(batch)} calculations were sent away")

    def check(self) -> None:
        pass


def waiting_for(
    store: Store,
    key: str,
    hop: int | None = None,
    method: Literal["path", "neb", "hop"] = "path",
    **limits: float,
) -> str:
    with store.session() as session:
        barrier = session.get_one(Calculation, key)
        assert is_pending_barrier(barrier)
        request = after_request(barrier, COARSE, hop, method, **limits)
        asked, new = queue.enqueue(session, request, barrier.material_id, 5, [key])
        assert new
        assert asked.state == CalculationState.WAITING.value
        return asked.id


@pytest.mark.parametrize(
    ("method", "kind"), [("path", "dft-path"), ("neb", "dft-neb"), ("hop", "dft-hop")]
)
def test_what_follows_is_what_would_have_been_asked_for_afterwards(
    empty_store: Store, method: Literal["path", "neb", "hop"], kind: str
) -> None:
    key = queued_barrier(empty_store)
    limits = {"max_steps_neb": 7} if method == "neb" else {}
    asked = waiting_for(empty_store, key, method=method, **limits)
    finish_barrier(empty_store, key)
    ended = Worker(empty_store).run(asked)
    assert ended is not None
    assert ended.state is CalculationState.DONE
    assert ended.result is not None
    with empty_store.session() as session:
        queued = session.get_one(Calculation, ended.result["calculation"])
        assert (queued.kind, queued.state, queued.priority) == (kind, "queued", 5)
        assert queued.material_id == "CsPbBr3-Pnma"
        if method == "neb":
            assert queued.parameters["max_steps_neb"] == 7
        else:
            barrier = session.get_one(Calculation, key)
            made = hop_request if method == "hop" else path_request
            assert queued.key == made(session, barrier, COARSE).key()


def test_a_hop_that_the_barrier_does_not_have_is_a_typed_failure(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    by_worker = waiting_for(empty_store, key, hop=9)
    by_dispatcher = waiting_for(empty_store, key, hop=8)
    finish_barrier(empty_store, key)
    ended = Worker(empty_store).run(by_worker)
    assert ended is not None
    assert ended.failure_kind is FailureKind.INVALID_REQUEST
    assert "hop 9 does not exist" in (ended.failure_message or "")

    (written,) = Dispatcher(empty_store, Nowhere()).run([by_dispatcher])
    assert written.failure_kind is FailureKind.INVALID_REQUEST
    assert "hop 8 does not exist" in (written.failure_message or "")
    with empty_store.session() as session:
        assert {entry.kind for entry in session.query(Calculation)} == {"neb", "dft-after"}


def test_it_goes_to_another_store_with_its_barrier_and_not_without(
    empty_store: Store, tmp_path: Path
) -> None:
    key = queued_barrier(empty_store)
    asked = waiting_for(empty_store, key)
    with empty_store.session() as session:
        assert write_queued(session, tmp_path / "both.gz") == (2, {})
    finish_barrier(empty_store, key)
    with empty_store.session() as session:
        number, left_out = write_queued(session, tmp_path / "none.gz")
    assert (number, left_out) == (0, {asked: f"it needs {key}, which stays in this store"})


def test_what_was_asked_for_before_and_cancelled_is_queued_again(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    asked = waiting_for(empty_store, key)
    finish_barrier(empty_store, key)
    with empty_store.session() as session:
        barrier = session.get_one(Calculation, key)
        directly, new = queue.enqueue(session, path_request(session, barrier, COARSE))
        assert new
        jobs.cancel(session, directly.id)
        name = directly.id
    (written,) = Dispatcher(empty_store, Nowhere()).run([asked])
    assert written.result == {"calculation": name, "kind": "dft-path"}
    with empty_store.session() as session:
        assert session.get_one(Calculation, name).state == CalculationState.QUEUED.value
        lines = [line.text for line in jobs.log_lines(session, asked)]
    assert any(f"has queued {name} (dft-path)" in line for line in lines)


def test_a_barrier_that_was_cancelled_and_comes_back(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    asked = waiting_for(empty_store, key)
    with empty_store.session() as session:
        jobs.cancel(session, key)
        assert session.get_one(Calculation, asked).state == CalculationState.FAILED.value
        queue.requeue(session, key)
    finish_barrier(empty_store, key)
    (written,) = Dispatcher(empty_store, Nowhere()).run([asked])
    assert (written.id, written.state) == (asked, CalculationState.DONE)


def test_a_barrier_that_fails_takes_it_along_and_a_retry_brings_it_back(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    asked = waiting_for(empty_store, key)
    with empty_store.session() as session:
        queue.claim(session, "a", key)
        queue.fail(session, key, "a", "no hop", "a test")
        assert session.get_one(Calculation, asked).state == CalculationState.FAILED.value
        queue.requeue(session, key)
        assert session.get_one(Calculation, asked).state == CalculationState.WAITING.value
        assert not is_pending_barrier(session.get_one(Calculation, asked))


def test_the_barrier_must_be_a_neb(empty_store: Store) -> None:
    key = queued_barrier(empty_store)
    with empty_store.session() as session:
        barrier = session.get_one(Calculation, key)
        assert NebRequest.model_validate(barrier.parameters).formula == "CsPbBr3"
        barrier.kind = "relax"
        assert not is_pending_barrier(barrier)
