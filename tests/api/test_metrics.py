"""Prometheus' own parser reads what the service says of the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pvkdb.schemas.migration import NebRequest
from pvkdb.store import queue
from pvkdb.store.calculations import Calculation
from pvkdb.store.database import Store


def test_the_queue_is_counted(api, store: Store) -> None:
    with store.session() as session:
        for formula in ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3"):
            queue.submit(session, NebRequest(formula=formula))
        done = queue.claim(session, "a").id
        queue.finish(session, done, "a", {}, {})
        failed = queue.claim(session, "a").id
        queue.fail(session, failed, "a", "no hop", "none")
    with store.session() as session:
        entry = session.get_one(Calculation, done)
        entry.started_at = entry.finished_at - timedelta(seconds=90)
    answer = api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    age = found.pop(("pvkdb_oldest_queued_seconds",))
    assert 0 <= age < 60
    assert found == {
        ("pvkdb_calculations", "done", "neb"): 1,
        ("pvkdb_calculations", "failed", "neb"): 1,
        ("pvkdb_calculations", "neb", "queued"): 2,
        ("pvkdb_calculation_failures", "neb", "no hop"): 1,
        ("pvkdb_calculation_seconds_count", "neb"): 1,
        ("pvkdb_calculation_seconds_sum", "neb"): pytest.approx(90, abs=0.01),
    }


def test_an_empty_queue_has_no_age(reading_api) -> None:
    answer = reading_api.get("/metrics")
    assert answer.status_code == 200
    assert "pvkdb_oldest_queued_seconds" not in answer.text
