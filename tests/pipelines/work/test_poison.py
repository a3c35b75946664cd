"""Jobs that the database refuses: each fails by itself, and the worker goes on to the next."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pvkdb.schemas.calculations import CalculationDocument, FailureKind, Selection
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import jobs
from pvkdb.store.queue.kept_files import SETTING
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.engines.dispatcher import Dispatcher
from pvkdb_pipelines.engines.node import compute_batch
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import tasks, worker
from pvkdb_pipelines.work.worker import Worker

from ...each import for_each
from ...queueing import Queue
from ..engines.test_dispatcher import Injected
from .rehearsal import Rehearsal, rehearse


@pytest.fixture(autouse=True)
def files_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, str(tmp_path / "files"))


def _rows(**changed: Any) -> Callable[..., Any]:
    """Return an outcome whose structure has these columns."""

    def records(session: Any, calculation: Calculation) -> list[Any]:
        given: dict[str, Any] = {
            "id": "s1", "material_id": None, "calculation_id": calculation.id, "role": "host",
            "origin": "computed", "atoms": 1, "symbols": ["I"], "cell_ang": [], "positions_ang": [],
        }  # fmt: skip
        return [Structure(**{**given, **changed})]

    return lambda *_: tasks.Outcome({}, {}, records)


def _raises(message: str) -> Callable[..., Any]:
    def compute(*_: Any) -> tasks.Outcome:
        raise RuntimeError(message)

    return compute


def _reports(stage: str) -> Callable[..., Any]:
    def compute(document: CalculationDocument, report: Any) -> tasks.Outcome:
        if report is not None:
            report(CalculationProgress(stage, 0, float("nan"), 0.0))
        raise RuntimeError(stage)

    return compute


#: What a calculation may bring back; each stopped every worker, or left the job untried.
BROUGHT: dict[str, Callable[..., Any]] = {
    "message with NUL": _raises("a\0b"),
    "message with a lone surrogate": _raises("a\ud800b"),
    "message of 5 MB": _raises("x" * 5_000_000),
    "progress with NUL and NaN": _reports("a\0b"),
    "result with NUL": lambda *_: tasks.Outcome({"name": "a\0b"}, {}, lambda *_: []),
    "result with a lone surrogate": lambda *_: tasks.Outcome({"a\ud800": 1}, {}, lambda *_: []),
    "result with NaN": lambda *_: tasks.Outcome({"e": float("nan")}, {}, lambda *_: []),
    "file name with a surrogate": lambda *_: tasks.Outcome({}, {}, lambda *_: [], {"\ud800": b""}),
    "row with NUL": _rows(id="a\0b"),
    "row with a lone surrogate": _rows(id="\ud800"),
    "row with a number out of range": _rows(atoms=2**70),
    "row of no material": _rows(material_id="none of them"),
    "row of a strange type": _rows(role={"a": 1}),
}


_numbers = itertools.count()


def two_queued(store: Store) -> tuple[str, str]:
    """Queue a rehearsal that brings poison, with an even number, and a healthy one behind it."""
    poison, healthy = (Rehearsal(number=2 * next(_numbers) + odd) for odd in (0, 1))
    return Queue(store).put(poison, priority=1), Queue(store).put(healthy)


def only_the_first_failed(store: Store, first: str, second: str) -> CalculationDocument:
    with store.session(read_only=True) as session:
        poison, healthy = (session.get_one(Calculation, name) for name in (first, second))
        assert (healthy.state, healthy.attempts) == ("done", 1)
        assert (poison.state, poison.attempts) == ("failed", 1)
        assert poison.failure_kind in set(FailureKind)
        assert poison.failure_message
        assert len(poison.failure_message) < 10_000
        assert "\0" not in poison.failure_message
        assert [entry.event for entry in jobs.log_lines(session, first)][-1] == "failed"
        # A poisoned row does not hide the others either.
        assert len(jobs.listed(session, Selection(), 1000)) >= 2
        return calculation_document(poison)


@for_each(("name", "by"), itertools.product(BROUGHT, ["a worker", "a dispatcher"]))
def test_what_the_database_refuses_is_a_failure_of_that_calculation(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch, name: str, by: str
) -> None:
    def compute(document: CalculationDocument, report: Any) -> tasks.Outcome:
        poison = document.parameters["number"] % 2 == 0
        outcome: tasks.Outcome = (BROUGHT[name] if poison else rehearse)(document, report)
        return outcome

    monkeypatch.setitem(tasks.KINDS, "rehearsal", compute)
    names = two_queued(empty_store)
    here = Injected(lambda document: compute_batch([document])[0])
    one_by_one = iter(Worker(empty_store).run, None)
    ended = one_by_one if by == "a worker" else Dispatcher(empty_store, here).run()
    assert [document.state for document in ended] == ["failed", "done"]
    only_the_first_failed(empty_store, *names)


#: What a row may hold in place of the parameters of a calculation.
POISONED = (
    '{"kind": "rehearsal", "number": "\\u0000"}',
    '{"formula": "\\ud800"}',
    "[1]",
    "7",
    "null",
)


@for_each(
    ("parameters", "kind"),
    itertools.product((*POISONED, "[" * 3000 + "]" * 3000), ("rehearsal", "unknown")),
)
def test_a_row_that_was_poisoned_earlier_fails_and_is_left_behind(empty_store, parameters, kind):
    names = two_queued(empty_store)
    value = ":parameters" if empty_store.sqlite_path else "CAST(:parameters AS json)"
    change = text(f"UPDATE calculations SET parameters = {value}, kind = :kind WHERE id = :id")
    with empty_store.session() as session:
        session.execute(change, {"parameters": parameters, "kind": kind, "id": names[0]})
    list(iter(Worker(empty_store).run, None))
    document = only_the_first_failed(empty_store, *names)
    assert json.dumps(document.parameters)
    with empty_store.session() as session:
        # Neither does it break a search in the parameters. (SQLite reads no JSON that deep.)
        if not parameters.startswith("[["):
            assert jobs.count(session, Selection(material="CsPbBr3")) == {}
        session.execute(text("DELETE FROM calculation_events"))
        session.execute(text("DELETE FROM calculations"))


def test_text_that_is_no_json_fails_too(sqlite_store: Store) -> None:
    """PostgreSQL keeps no such text in a column of JSON."""
    names = two_queued(sqlite_store)
    cut = text("UPDATE calculations SET parameters = '{cut' WHERE id = :id")
    with sqlite_store.session() as session:
        session.execute(cut, {"id": names[0]})
    list(iter(Worker(sqlite_store).run, None))
    only_the_first_failed(sqlite_store, *names)


def test_a_heartbeat_is_written_whatever_the_progress_holds(queue: Queue) -> None:
    """Its lease ended otherwise, and a second worker did the same work."""
    first, _ = two_queued(queue.store)
    before = queue.claim("me").lease_until
    progress = {"stage": "a\0\ud800", "step": 1, "force": float("inf"), "fraction": 0.5}
    lines = [worker.ProgressLine(worker.utc_now(), "a\0\ud800" * 10_000)]
    assert queue.heartbeat(first, "me", progress, lines)
    with queue.store.session(read_only=True) as session:
        entry = session.get_one(Calculation, first)
        assert entry.lease_until > before
        assert jobs.job_document(session, entry).progress is not None
