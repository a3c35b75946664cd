"""Prometheus' own parser reads what the service says of the queue and of its requests."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue

from ..guarded import guarding, key_for

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """Values by name and labels in the order of their names, times of creation aside."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


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
    every = samples(answer.text).items()
    found = {key: value for key, value in every if not key[0].startswith("pvkdb_http")}
    assert found.pop(("pvkdb_database_up",)) == 1
    age = found.pop(("pvkdb_oldest_queued_seconds",))
    assert 0 <= age < 60
    assert found == {
        ("pvkdb_calculations", "neb", "done"): 1,
        ("pvkdb_calculations", "neb", "failed"): 1,
        ("pvkdb_calculations", "neb", "queued"): 2,
        ("pvkdb_calculation_failures", "neb", "no hop"): 1,
        ("pvkdb_calculation_seconds_count", "neb"): 1,
        ("pvkdb_calculation_seconds_sum", "neb"): pytest.approx(90, abs=0.01),
    }


def test_an_empty_queue_has_no_age(reading_api) -> None:
    answer = reading_api.get("/metrics")
    assert answer.status_code == 200
    assert "pvkdb_oldest_queued_seconds" not in answer.text


def test_requests_are_counted_by_route_method_and_status(guarded_store: Store) -> None:
    with guarding(guarded_store, reading="open") as api:
        for path in ("/api/v1/devices/none", "/api/v1/devices/nothing", "/api/v1/devices?x=1"):
            api.get(path)
        api.get("/no/such/path")
        api.get("/optimade/v1/structures")
        api.request("BREW", "/livez")
        api.post("/api/v1/calculations", {"formula": "CsPbBr3"})
        found = samples(api.get("/metrics").text)
    counted = {key[1:]: value for key, value in found.items() if key[0].endswith("requests_total")}
    assert counted == {
        ("GET", "/api/v1/devices/{key}", "404"): 2,
        ("GET", "/api/v1/devices", "422"): 1,
        ("GET", "unmatched", "404"): 1,
        ("GET", "/optimade/v1/structures", "200"): 1,
        ("other", "/livez", "405"): 1,
        ("POST", "/api/v1/calculations", "401"): 1,
    }
    seconds = "pvkdb_http_request_seconds"
    route = ("GET", "/api/v1/devices/{key}")
    assert found[f"{seconds}_count", *route] == 2
    assert found[f"{seconds}_bucket", "+Inf", *route] == 2
    assert found[f"{seconds}_bucket", "60.0", *route] == 2
    assert 0 < found[f"{seconds}_sum", *route] < 60
    assert found["pvkdb_http_requests_in_flight",] == 1


def test_metrics_need_a_key_where_reading_does_unless_they_are_open(guarded_store: Store) -> None:
    with guarding(guarded_store, reading="key") as api:
        assert api.get("/metrics").status_code == 401
        headers = {"Authorization": f"Bearer {key_for(guarded_store, 'read')}"}
        assert api.request("GET", "/metrics", headers=headers).status_code == 200
    with guarding(guarded_store, reading="key", open_metrics=True) as api:
        assert api.get("/metrics").status_code == 200
        assert api.get("/api/v1/devices").status_code == 401


def test_several_workers_tell_the_same_sums(start, tmp_path) -> None:
    _, address = start(
        PVKDB_WORKERS="2", PVKDB_RATE_PER_MINUTE="0", PROMETHEUS_MULTIPROC_DIR=str(tmp_path)
    )
    asked, route = 0, "/api/v1/devices/{key}"
    # A connection for each request: any worker answers.
    client = httpx.Client(timeout=30, headers={"Connection": "close"})
    while len(list(tmp_path.glob("counter_*.db"))) < 2 or asked < 10:  # both have answered
        client.get(f"{address}/api/v1/devices/none")
        asked += 1
        for _ in range(300):  # an answer is counted after it is sent
            found = samples(client.get(f"{address}/metrics").text)
            counted = found.get(("pvkdb_http_requests_total", "GET", route, "404"), 0)
            if (counted, found["pvkdb_http_requests_in_flight",]) == (asked, 1):
                break
            time.sleep(0.1)
        assert (counted, found["pvkdb_http_requests_in_flight",]) == (asked, 1)
        assert asked < 600
        time.sleep(0.1)  # one of them may still be starting
    client.close()
