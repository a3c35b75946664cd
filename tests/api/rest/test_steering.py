"""Cancelling, retrying and following calculations over HTTP, with and without the right key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pvkdb.schemas.calculations import EventKind
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue import jobs
from pvkdb.store.queue.log import ProgressLine, note
from pvkdb.store.security.audit import entries

from ..conftest import Api
from ..guarded import CALCULATIONS, FRESH, guarding, key_for


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store) as api:
        yield api


@pytest.fixture(scope="module")
def key(guarded_store: Store) -> str:
    return key_for(guarded_store, "queue")


def asked(store: Store, *, running: bool = False, failed: bool = False) -> str:
    """The id of a new calculation."""
    with store.session() as session:
        name = queue.submit(session, NebRequest(formula=next(FRESH)))[0].id
        if running or failed:
            queue.claim(session, "worker", name)
        if failed:
            queue.fail(session, name, "worker", "no hop", "no hop is shorter than the cutoff")
    return name


@pytest.fixture
def steer(api: Api, key: str):
    """Send a calculation somewhere."""

    def send(name: str, where: str, key: str | None = key, **headers: str) -> httpx.Response:
        if key is not None:
            headers["X-API-Key"] = key
        return api.request("POST", f"{CALCULATIONS}/{name}/{where}", headers=headers)

    return send


def events(api: Api, name: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = api.get(f"{CALCULATIONS}/{name}/log", format="jsonl", **parameters)
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def audited(store: Store, name: str) -> list[str]:
    with store.session(read_only=True) as session:
        return [entry.action for entry in entries(session, 100) if entry.subject == name]


def test_a_queued_one_is_cancelled_and_comes_back(steer, guarded_store: Store, api: Api) -> None:
    name = asked(guarded_store)
    answer = steer(name, "cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.json() == api.get(f"{CALCULATIONS}/{name}").json()
    assert steer(name, "cancel").json() == answer.json()
    answer = steer(name, "retry")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert steer(name, "retry").json() == answer.json()
    assert [event["event"] for event in events(api, name)] == ["queued", "cancelled", "queued"]
    assert audited(guarded_store, name) == ["retry calculation", "cancel calculation"]


def test_the_worker_of_a_running_one_is_asked(steer, guarded_store: Store) -> None:
    name = asked(guarded_store, running=True)
    answer = steer(name, "cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert answer.json()["cancel_requested_at"] is not None
    assert steer(name, "cancel").json() == answer.json()
    with guarded_store.session() as session:
        assert not queue.heartbeat(session, name, "worker")
    assert audited(guarded_store, name) == ["cancel calculation"]


@pytest.mark.parametrize("where", ["cancel", "retry"])
def test_what_is_done_is_left_as_it_is(steer, guarded_store: Store, where: str) -> None:
    name = asked(guarded_store, running=True)
    with guarded_store.session() as session:
        queue.finish(session, name, "worker", {}, {})
    answer = steer(name, where, **{"Idempotency-Key": f"{where}-done"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"{name} is done" in answer.json()["detail"]
    assert audited(guarded_store, name) == []


def test_a_repeated_retry_does_not_queue_what_failed_meanwhile(steer, guarded_store: Store) -> None:
    name = asked(guarded_store, failed=True)
    first = steer(name, "retry", **{"Idempotency-Key": "r"})
    assert first.json()["failure_kind"] is None
    with guarded_store.session() as session:
        queue.claim(session, "worker", name)
        queue.fail(session, name, "worker", "crashed", "again")
    again = steer(name, "retry", **{"Idempotency-Key": "r"})
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    with guarded_store.session(read_only=True) as session:
        assert jobs.count(session)["failed"] >= 1
    other = steer(name, "cancel", **{"Idempotency-Key": "r"})
    assert (other.status_code, other.json()["parameter"]) == (422, "Idempotency-Key")


def test_a_log_is_followed_from_where_it_was_left(guarded_store: Store, api: Api) -> None:
    name = asked(guarded_store, running=True)
    path = f"{CALCULATIONS}/{name}/log"
    first = api.get(path)
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    words = [line.split("  ", 1)[1] for line in first.text.splitlines()]
    assert words == ["queued", "running: by worker"]
    offset = int(first.headers["x-log-offset"])
    nothing = api.get(path, after=offset)
    assert (nothing.text, nothing.headers["x-log-offset"]) == ("", str(offset))
    with guarded_store.session() as session:
        lines = [ProgressLine(utc_now(), f"step {number}") for number in range(5)]
        queue.heartbeat(session, name, "worker", lines=lines)
    more = events(api, name, after=offset)
    assert [line["message"] for line in more] == [f"step {number}" for number in range(5)]
    assert [line["message"] for line in events(api, name, tail=2)] == ["step 3", "step 4"]
    assert events(api, name, after=more[-1]["line"]) == []
    assert api.get(path, tail=1).text.endswith("    step 4\n")


def test_a_message_of_several_lines_stays_one(guarded_store: Store, api: Api) -> None:
    name = asked(guarded_store)
    with guarded_store.session() as session:
        note(session, name, EventKind.LOST, "one\ntwo")
    assert len(api.get(f"{CALCULATIONS}/{name}/log").text.splitlines()) == 2
    assert events(api, name)[-1]["message"] == "one\ntwo"


def test_there_is_nothing_to_steer_and_no_log_of_what_is_not_there(steer, api: Api) -> None:
    assert steer("nothing", "cancel").status_code == steer("nothing", "retry").status_code == 404
    assert "no calculation" in api.problem(f"{CALCULATIONS}/nothing/log", 404)["detail"]
    assert api.problem(f"{CALCULATIONS}/x/log", 422, after=-1)["parameter"] == "after"
