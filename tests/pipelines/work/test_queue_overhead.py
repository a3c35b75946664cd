"""Statements of the queue for a calculation; times: ``benchmarks/workers/queue_overhead.py``."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert

from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.worker import Worker

COMPUTED = 20


def fill(store: Store, count: int) -> None:
    rows = [
        {"id": f"c{n:06}", "key": f"key {n}", "kind": "nothing", "state": "queued",
         "priority": n % 3, "attempts": 0, "parameters": {}, "created_at": utc_now()}
        for n in range(count)
    ]  # fmt: skip
    with store.session() as session:
        session.execute(insert(Calculation), rows)


@pytest.mark.parametrize("queued", [100, 10_000])
def test_a_calculation_costs_a_few_statements_however_long_the_queue(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch, queued: int
) -> None:
    nothing = tasks.Outcome({}, {}, lambda *_: [])
    monkeypatch.setitem(tasks.KINDS, "nothing", lambda document, report: nothing)
    fill(empty_store, queued)
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    event.listen(empty_store.engine, "before_cursor_execute", note)
    worker = Worker(empty_store)
    worker.run()  # prepares what is prepared once
    statements.clear()
    for _ in range(COMPUTED):
        assert worker.run().state == "done"
    own = [statement for statement in statements if not statement.startswith(("BEGIN", "PRAGMA"))]
    # Claim and its line in the log, record and its line, who waits for it.
    assert len(own) <= 5 * COMPUTED
