"""The dispatcher: batches, losses, leases and stops. Workers are injected, so that each fault can
be asked for; the real ones are in the tests of Slurm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import EngineError, StoreAwayError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind, PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.base import Base
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import files_of
from pvkdb_pipelines.engines import dispatcher as module
from pvkdb_pipelines.engines.dispatcher import Dispatcher, WorkerGroup
from pvkdb_pipelines.engines.node import NodeResult
from pvkdb_pipelines.work import worker
from pvkdb_pipelines.work.tasks import Outcome

from ...queueing import Queue
from ..dft.conftest import MOLECULE, ammonia, scf

SYMBOLS = ("Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba")


class GoneError(Exception):
    """What the workers here raise when one of them is lost."""


def done(document: CalculationDocument, seconds: float = 1.0) -> NodeResult:
    result = {"wall_seconds": seconds, "symbol": document.parameters.get("symbol")}
    return NodeResult(document.id, seconds, outcome=Outcome(result, {"none": "1"}, lambda *_: []))


@dataclass
class Injected:
    """Workers that end each batch as a function says; what it returns None for never ends."""

    end: Callable[[CalculationDocument], NodeResult | BaseException | None] = done
    capacity: int = 1
    batch_s: float = 60.0
    longest_s: float | None = None
    lost: tuple[type[BaseException], ...] = (GoneError,)
    batches: list[list[str]] = field(default_factory=list)
    #: Further workers, each of one kind of calculations.
    others: tuple[WorkerGroup, ...] = ()

    @property
    def groups(self) -> tuple[WorkerGroup, ...]:
        kinds = ("element",) if self.others else None
        return (WorkerGroup(self.capacity, self.batch_s, self.longest_s, kinds), *self.others)

    def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[NodeResult]]:
        self.batches.append([document.parameters.get("symbol", "NH3") for document in batch])
        future: Future[list[NodeResult]] = Future()
        ends = [self.end(document) for document in batch]
        broken = [end for end in ends if isinstance(end, BaseException)]
        if broken:
            future.set_exception(broken[0])
        elif all(isinstance(end, NodeResult) for end in ends):
            future.set_result([end for end in ends if isinstance(end, NodeResult)])
        return future

    def check(self) -> None:
        pass


def queued(store: Store, symbols: Sequence[str]) -> dict[str, str]:
    """Ids of elements to relax, by symbol; the first comes first."""
    return {
        symbol: Queue(store).put(
            ElementRequest(symbol=symbol, potential=PotentialName.CHGNET), priority=-number
        )
        for number, symbol in enumerate(symbols)
    }


def states(store: Store) -> dict[str, tuple[str, int]]:
    """State and attempts by symbol."""
    with store.session(read_only=True) as session:
        return {
            entry.parameters["symbol"]: (entry.state, entry.attempts)
            for entry in session.query(Calculation)
        }


def test_everything_is_written_once_in_the_order_of_priority(empty_store: Store) -> None:
    ids = queued(empty_store, SYMBOLS)
    workers = Injected()
    told: list[tuple[str, str]] = []
    dispatcher = Dispatcher(
        empty_store, workers, lambda document, progress: told.append((document.id, progress.stage))
    )
    documents = list(dispatcher.run())
    assert [document.id for document in documents] == list(ids.values())
    assert {document.state for document in documents} == {"done"}
    assert documents[0].result == {"wall_seconds": 1.0, "symbol": "Li"}
    assert set(states(empty_store).values()) == {("done", 1)}
    assert [symbol for batch in workers.batches for symbol in batch] == list(SYMBOLS)
    assert told.count((ids["Li"], "sent to the cluster")) == 1
    assert told.count((ids["Li"], "done")) == 1
    assert list(dispatcher.run()) == []


@pytest.mark.parametrize(
    ("batch_s", "longest_s", "most"),
    [(3.0, None, 2), (0.5, None, 1), (60.0, None, 5), (60.0, 15.0, 2), (60.0, 8.0, 1)],
)
def test_batches_leave_work_for_all_and_end_before_a_block(empty_store, batch_s, longest_s, most):
    """Ten relaxations of 1.3 s, 7.1 s at worst: two batches for one worker are 6.5 s at first."""
    queued(empty_store, SYMBOLS)
    workers = Injected(partial(done, seconds=1.3), batch_s=batch_s, longest_s=longest_s)
    list(Dispatcher(empty_store, workers).run())
    assert max(map(len, workers.batches)) == most


@pytest.mark.parametrize("named", [False, True])
def test_kinds_with_workers_of_their_own_do_not_wait_for_others(empty_store, named):
    """Three points by DFT come first and never end; one of them takes the first lost worker."""
    ids = [*queued(empty_store, SYMBOLS).values()]
    for threshold_ry in (1e-7, 1e-8, 1e-9):
        settings = MOLECULE.model_copy(update={"scf_threshold_ry": threshold_ry})
        ids.append(Queue(empty_store).put(scf(ammonia(), "NH3", settings), priority=9))
    lost = iter([GoneError("worker 1")])

    def end(document: CalculationDocument) -> NodeResult | BaseException | None:
        return next(lost, None) if document.kind == "dft-scf" else done(document)

    stopping = threading.Event()
    workers = Injected(end, others=(WorkerGroup(1, 0.1, kinds=("dft-scf",)),))
    running = Dispatcher(empty_store, workers, stopping=stopping, grace_s=0)
    symbols = []
    for document in running.run(ids if named else None):
        symbols.append(document.parameters["symbol"])
        if len(symbols) == len(SYMBOLS):
            stopping.set()
    assert symbols == [*SYMBOLS]
    assert [batch for batch in workers.batches if "NH3" in batch] == [["NH3"]] * 3
    assert max(map(len, workers.batches)) == 5  # of ten elements, not of all thirteen


def test_only_what_is_named_is_run(empty_store: Store) -> None:
    ids = queued(empty_store, SYMBOLS[:4])
    some = [ids["K"], ids["Li"]]
    documents = list(Dispatcher(empty_store, Injected()).run(some))
    assert {document.id for document in documents} == set(some)
    assert states(empty_store)["Na"] == ("queued", 0)


def test_one_that_kills_workers_fails_alone(empty_store: Store) -> None:
    """It goes down with its batch; alone it does so twice more."""
    queued(empty_store, ["Li", "Na", "K"])

    def end(document: CalculationDocument) -> NodeResult | BaseException:
        na = document.parameters["symbol"] == "Na"
        return GoneError("worker 3 on n7") if na else done(document)

    workers = Injected(end)
    told: list[str] = []
    documents = list(Dispatcher(empty_store, workers, report_message=told.append).run())
    assert workers.batches[0] == ["Li", "Na", "K"]
    assert all(len(batch) == 1 for batch in workers.batches[1:])
    assert [batch for batch in workers.batches[1:] if batch == ["Na"]] == [["Na"]] * 2
    assert states(empty_store) == {"Li": ("done", 2), "Na": ("failed", 3), "K": ("done", 2)}
    failed = next(document for document in documents if document.state == "failed")
    assert failed.failure_kind is FailureKind.CRASHED
    assert "lost 3 times" in failed.failure_message
    assert "worker 3 on n7" in failed.failure_message
    assert len(documents) == 3
    assert "3 calculation(s) lost: worker 3 on n7" in told


def test_a_node_without_memory_is_a_loss(empty_store: Store) -> None:
    queued(empty_store, ["Li"])
    ends = iter(["n1 was out of memory"])

    def end(document: CalculationDocument) -> NodeResult:
        lost = next(ends, None)
        return NodeResult(document.id, 1.0, lost=lost) if lost else done(document)

    list(Dispatcher(empty_store, Injected(end)).run())
    assert states(empty_store) == {"Li": ("done", 2)}


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ModuleNotFoundError("No module named 'pvkdb_pipelines'"), "No module named"),
        ("on n1 'chgnet' is not installed", "'chgnet' is not installed"),
    ],
)
def test_what_no_worker_can_do_ends_the_run_and_leaves_all_in_the_queue(empty_store, end, words):
    queued(empty_store, SYMBOLS)

    def ended(document: CalculationDocument) -> NodeResult | BaseException:
        return NodeResult(document.id, 0.0, trouble=end) if isinstance(end, str) else end

    with pytest.raises(EngineError, match=words) as refusal:
        list(Dispatcher(empty_store, Injected(ended)).run())
    assert "worker_init" in str(refusal.value)
    assert set(states(empty_store).values()) == {("queued", 0)}


def test_closing_a_run_puts_back_what_it_holds(empty_store: Store) -> None:
    queued(empty_store, SYMBOLS)
    running = Dispatcher(empty_store, Injected(batch_s=1.0)).run()
    next(running)
    running.close()
    assert sorted(states(empty_store).values()) == [("done", 1)] + [("queued", 0)] * 9


def test_a_result_of_what_another_has_by_now_is_not_written(empty_store: Store) -> None:
    ids = queued(empty_store, ["Li", "Na"])

    def end(document: CalculationDocument) -> NodeResult:
        Queue(empty_store).change(ids["Li"], owner="another")
        return done(document)

    # Taken between claim and end: the batch of Na takes Li away.
    documents = list(Dispatcher(empty_store, Injected(end, batch_s=0.1)).run())
    assert [document.id for document in documents] == [ids["Na"]]
    assert states(empty_store)["Li"] == ("running", 1)


def test_all_leases_are_renewed_from_one_thread(empty_store, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.05)
    queued(empty_store, SYMBOLS[:3])
    threads: list[str] = []
    renewed: set[int] = set()
    original = queue.renew

    def renew(session: Session, owner: str, held: Sequence[str]) -> set[str]:
        threads.append(threading.current_thread().name)
        renewed.add(len(held))
        return original(session, owner, held)

    monkeypatch.setattr(queue, "renew", renew)
    stopping = threading.Event()
    workers = Injected(lambda document: None, capacity=4)
    dispatcher = Dispatcher(empty_store, workers, stopping=stopping, grace_s=0.6)
    stop = threading.Timer(0.1, stopping.set)
    stop.start()
    list(dispatcher.run())
    assert 3 in renewed  # with one statement
    assert set(threads) == {"leases"}
    assert threading.current_thread().name not in threads


def test_a_stop_waits_for_what_runs_and_leaves_the_rest(empty_store: Store) -> None:
    queued(empty_store, SYMBOLS)
    stopping = threading.Event()
    futures: list[tuple[Future[list[NodeResult]], list[CalculationDocument]]] = []

    class Slow(Injected):
        def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[NodeResult]]:
            future = super().submit(batch)
            futures.append((future, list(batch)))
            return future

    workers = Slow(lambda document: None, batch_s=0.1)
    told: list[str] = []
    running = Dispatcher(empty_store, workers, None, told.append, stopping, grace_s=30).run()

    def stop() -> None:
        while len(futures) < 2:
            time.sleep(0.01)
        stopping.set()
        time.sleep(0.2)
        for future, batch in futures:
            future.set_result([done(document) for document in batch])

    thread = threading.Thread(target=stop)
    thread.start()
    documents = list(running)
    thread.join()
    assert {document.parameters["symbol"] for document in documents} == {"Li", "Na"}
    assert len(workers.batches) == 2
    assert sorted(states(empty_store).values()) == [("done", 1)] * 2 + [("queued", 0)] * 8
    assert told[-1].startswith("stopped: 0 calculation(s) put back, 8 wait in the queue")


def test_what_outlasts_a_block_is_not_sent_and_said_at_the_end(empty_store: Store) -> None:
    """1.3 s on average, up to 7 s: too long for 5; once it is known to take 0.5 s it is not."""
    queued(empty_store, SYMBOLS)
    workers = Injected(longest_s=5.0)
    with pytest.raises(EngineError, match="10 calculation") as refusal:
        list(Dispatcher(empty_store, workers).run())
    assert "raise walltime" in str(refusal.value)
    assert "Li with chgnet up to 7 s" in str(refusal.value)
    assert workers.batches == []
    assert set(states(empty_store).values()) == {("queued", 0)}

    list(Dispatcher(empty_store, Injected(lambda document: done(document, 0.5))).run())
    queued(empty_store, ["Al"])
    list(Dispatcher(empty_store, workers).run())
    assert states(empty_store)["Al"] == ("done", 1)


@pytest.mark.parametrize("function", ["claim_batch", "another_attempt", "finish"])
def test_a_database_that_is_away_for_a_moment_costs_no_result(empty_store, monkeypatch, function):
    monkeypatch.setattr(worker, "RETRY_S", 0.01)
    queued(empty_store, ["Li", "Na"])
    original, failures = getattr(queue, function), iter(range(3))

    def away(*args: Any, **given: Any) -> Any:
        if next(failures, None) is not None:
            raise StoreAwayError("the server went away")
        return original(*args, **given)

    lost = iter([GoneError("worker 1")])
    monkeypatch.setattr(queue, function, away)
    workers = Injected(lambda document: next(lost, None) or done(document), batch_s=0.1)
    documents = list(Dispatcher(empty_store, workers).run())
    assert [document.parameters["symbol"] for document in documents].count("Li") == 1
    assert states(empty_store) == {"Li": ("done", 2), "Na": ("done", 1)}


def test_a_claim_whose_answer_was_lost_is_made_again(empty_store, monkeypatch):
    """The owner is alive, so that nobody else would return it to the queue."""
    monkeypatch.setattr(worker, "RETRY_S", 0.01)
    queued(empty_store, ["Li", "Na"])
    original, failures = queue.claim_batch, iter(range(1))

    def unanswered(*args: Any) -> Any:
        if next(failures, None) is None:
            return original(*args)
        args[0].commit()  # SQLite has one writer
        with empty_store.session() as session:
            original(session, *args[1:])
        raise StoreAwayError("the server went away")

    monkeypatch.setattr(queue, "claim_batch", unanswered)
    assert len(list(Dispatcher(empty_store, Injected()).run())) == 2
    assert states(empty_store) == {"Li": ("done", 1), "Na": ("done", 1)}


def test_what_is_claimed_ahead_of_long_ones_waits_for_the_next_batches(empty_store: Store) -> None:
    """Batches of one are claimed one by one; a stop leaves nothing held."""
    queued(empty_store, SYMBOLS)
    stopping = threading.Event()
    workers = Injected(lambda document: None, capacity=2, batch_s=8.0)
    dispatcher = Dispatcher(empty_store, workers, None, stopping=stopping, grace_s=0)
    threading.Timer(0.5, stopping.set).start()
    list(dispatcher.run())
    assert [symbol for batch in workers.batches for symbol in batch] == list(SYMBOLS)[
        : sum(map(len, workers.batches))
    ]
    assert set(states(empty_store).values()) == {("queued", 0)}


def _broken_records(session: Session, calculation: Calculation) -> list[Base]:
    raise ValueError("no energy")


def test_records_that_cannot_be_made_are_a_typed_failure_and_the_rest_goes_on(
    empty_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVKDB_FILES_URL", f"file://{tmp_path}")

    def end(document: CalculationDocument) -> NodeResult:
        if document.parameters["symbol"] != "Na":
            return done(document)
        outcome = Outcome({}, {}, _broken_records, files={"pw.out": b"said"})
        return NodeResult(document.id, 1.0, outcome=outcome)

    queued(empty_store, SYMBOLS[:3])
    documents = list(Dispatcher(empty_store, Injected(end, capacity=3)).run())
    assert len(documents) == 3
    with empty_store.session(read_only=True) as session:
        failed = session.query(Calculation).filter_by(state="failed").one()
        assert (failed.failure_kind, failed.failure_message) == ("crashed", "ValueError: no energy")
        assert [file.name for file in files_of(session, failed.id)] == ["pw.out"]
    assert {state for state, _ in states(empty_store).values()} == {"done", "failed"}
