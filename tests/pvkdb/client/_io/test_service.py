"""Trying again: when, how often, for how long, and what is never sent twice."""

from __future__ import annotations

import time

import httpx
import pytest

from pvkdb.client import (
    Client,
    ConflictError,
    NotAllowedError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownKeyError,
)
from pvkdb.client._io import carriers, service
from pvkdb.errors import InputError, NotFoundError, ServiceError
from pvkdb.schemas.tables import ReferencesRow

from ....clocks import set_clock
from ..answers import EMPTY, Told, answering, page, problem


@pytest.mark.parametrize(
    "failure",
    [*(problem(status, "later") for status in (429, 502, 503, 504)), httpx.ConnectError("down"),
     httpx.ReadTimeout("slow")],
    ids=str,
)  # fmt: skip
def test_reading_is_repeated_until_the_service_is_back(pauses, failure):
    with answering(failure, failure, httpx.Response(200, json=EMPTY)) as client:
        assert len(client.devices.search()) == 0
    assert pauses == [0.25, 0.5]


def test_the_service_says_how_long_to_wait(pauses):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 20))
    answers = [
        problem(503, "restarting", **{"Retry-After": text}) for text in ("7", later, "rubbish")
    ]
    with answering(*answers, httpx.Response(200, json=EMPTY), retries=3) as client:
        client.devices.search()
    assert pauses[0] == 7
    assert pauses[1] == pytest.approx(20, abs=2)
    assert pauses[2:] == [1.0]


def test_a_service_that_asks_for_an_hour_is_not_asked_again(pauses):
    answer = problem(429, "slowly, please", **{"Retry-After": "3600"})
    with answering(answer) as client, pytest.raises(RateLimitedError, match="slowly") as failed:
        client.devices.search()
    assert failed.value.retry_after_s == 3600
    assert failed.value.problem.status == 429
    assert pauses == []


def test_in_the_end_the_failure_is_said_in_one_line(pauses):
    with (
        answering(problem(503, "no\n database"), retries=2) as client,
        pytest.raises(ServiceError, match="status 503: no database") as failed,
    ):
        client.devices.search()
    assert failed.value.status == 503
    assert len(pauses) == 2
    with (
        answering(httpx.ConnectError("refused")) as client,
        pytest.raises(ServiceError, match="http://service cannot be reached: refused") as failed,
    ):
        client.devices.search()
    assert failed.value.status is None


QUEUED = {
    "id": "c1", "key": "k", "kind": "neb", "state": "queued", "material": "CsPbBr3",
    "parameters": {}, "result": None, "failure_kind": None, "failure_message": None,
    "versions": None, "attempts": 0, "created_at": "2026-01-01T00:00:00Z",
    "started_at": None, "finished_at": None,
}  # fmt: skip


def test_writing_is_repeated_under_one_key_that_the_service_knows_it_by(pauses):
    done = httpx.Response(202, json=QUEUED)
    for failure in (problem(503, "later"), httpx.ReadError("gone")):
        told = Told(failure, done)
        with Client("http://service", transport=told) as client:
            assert client.calculations.submit("CsPbBr3").id == "c1"
            assert client.calculations.submit("CsPbBr3", idempotency_key="mine").id == "c1"
        keys = [request.headers["Idempotency-Key"] for request in told.requests]
        assert keys[0] == keys[1] != keys[2] == "mine"
        assert told.requests[0].content == told.requests[1].content
    assert pauses == [0.25, 0.25]


def test_whether_the_service_is_there_is_asked_once(pauses):
    told = Told(httpx.ReadError("gone"))
    with Client("http://service", transport=told) as client, pytest.raises(UnavailableError):
        client.health()
    assert len(told.requests) == 1
    assert pauses == []


def test_what_has_begun_is_gone_on_with_for_as_long_as_there_is_patience(monkeypatch):
    """A first request fails after ``retries``; the next page is waited for, and then no longer."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    set_clock(monkeypatch, service, carriers, monotonic=lambda: now[0], sleep=sleep)
    first = page([ReferencesRow(key="r1").model_dump()], 2, "c")
    second = page([ReferencesRow(key="r2").model_dump()], 2)
    down = [httpx.ConnectError("refused")] * 10
    with answering(first, *down, second, patience_s=60) as client:
        assert [row.key for row in client.references.iterate()] == ["r1", "r2"]
    assert 20 < now[0] < 60
    now[0] = 0.0
    with answering(first, httpx.ConnectError("refused"), patience_s=60) as client:
        stream = client.references.iterate()
        assert next(stream).key == "r1"
        with pytest.raises(UnavailableError, match="cannot be reached"):
            next(stream)
        assert 60 <= now[0] < 70
        assert stream.cursor == "0.0.c"


@pytest.mark.parametrize(
    ("status", "kind", "as_before"),
    [
        (401, NotAllowedError, ServiceError), (403, NotAllowedError, ServiceError),
        (404, UnknownKeyError, NotFoundError), (409, ConflictError, ServiceError),
        (413, RefusedError, InputError), (422, RefusedError, InputError),
        (429, RateLimitedError, ServiceError), (503, UnavailableError, ServiceError),
    ],
)  # fmt: skip
def test_a_problem_is_an_exception_of_its_kind(pauses, status, kind, as_before):
    content = {"title": "No", "status": status, "detail": "so not", "parameter": "family"}
    answer = httpx.Response(
        status, json=content, headers={"Content-Type": "application/problem+json"}
    )
    with answering(answer, retries=0) as client, pytest.raises(kind, match="so not") as raised:
        client.devices.get("d1")
    assert isinstance(raised.value, as_before)
    assert (raised.value.problem.parameter, raised.value.status) == ("family", status)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<h1>Not Found</h1>"),
        httpx.Response(500, text="oops"),
        httpx.Response(301, headers={"Location": "http://elsewhere/"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"data": [{"key": 1}], "total": 1}),
        httpx.Response(200, json={**EMPTY, "data": [{"key": "r1", "colour": "red"}], "total": 1}),
        httpx.Response(422, content="{", headers={"Content-Type": "application/problem+json"}),
    ],
    ids=["404", "500", "redirect", "html", "envelope", "row", "broken problem"],
)
def test_another_server_at_the_address_is_recognized(answer):
    with answering(answer) as client, pytest.raises(ServiceError, match="address") as failed:
        client.references.search()
    assert failed.value.status == answer.status_code
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"data": [], "total": 0, "next_cursor": null, "dataset_version": "v1", "total": 9}',
        b'{"data": [], "total": 0, "next_cursor": null, "dataset_version": "v1", "more": NaN}',
        b'{"data": [], "total": 0, "next_cursor": null, "dataset_version": "v1", "more": 1e999}',
        b'{"data": ' + b"[" * 100_000,
        b'{"total": ' + b"9" * 5000 + b"}",
        b'{"dataset_version": "\\ud800"}',
        b"\xff",
        b"",
    ],
)
def test_an_answer_that_is_not_json_is_refused(content: bytes) -> None:
    with (
        answering(httpx.Response(200, content=content)) as client,
        pytest.raises(ServiceError, match="did not answer with a Page"),
    ):
        client.devices.count()
