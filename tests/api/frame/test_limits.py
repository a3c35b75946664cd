"""What a request may cost: how many, how large, how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.routing import Mount

from pvkdb.store.database import Store
from pvkdb_api.core import sessions
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.frame.access import LEAST_BURST, MOST_BUCKETS, TokenBuckets

from ..conftest import Api
from ..guarded import CALCULATIONS, PUBLIC, at_home, guarding, key_for, queue, queued

#: Statements that run for minutes.
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(300)",
}


JSON = {"Content-Type": "application/json"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


# How many


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_minute=600, clock=clock)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(0.1)
    assert buckets.take("b") == 0.0
    clock.now += 0.25  # 2.5 tokens
    assert [buckets.take("a") == 0 for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert sum(buckets.take("a") == 0 for _ in range(100)) == 60


def test_over_any_time_no_more_than_burst_and_rate_get_through() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_minute=60, clock=clock)
    admitted = 0
    for _ in range(12_000):  # two minutes, a hundred requests a second
        admitted += buckets.take("a") == 0
        clock.now += 0.01
    assert admitted == pytest.approx(LEAST_BURST + 120, abs=1)


def test_many_addresses_do_not_fill_the_memory() -> None:
    buckets = TokenBuckets(per_minute=60)
    for number in range(MOST_BUCKETS + 500):
        buckets.take(str(number))
    assert len(buckets) == MOST_BUCKETS


def test_zero_is_no_limit() -> None:
    buckets = TokenBuckets(per_minute=0)
    assert not any(buckets.take("a") for _ in range(1000))


@pytest.fixture(scope="module")
def served(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store, rate_per_minute=1, key_rate_per_minute=2) as api:
        yield api


def ask(api: Api, times: int, path: str = "/api/v1/tolerance/CsPbBr3", **rest: Any) -> list[int]:
    """Ask one after the other."""
    return [api.request("GET", path, **rest).status_code for _ in range(times)]


def test_an_address_is_limited_and_told_when_to_go_on(served: Api) -> None:
    flooding = replace(served, client=("203.0.113.50", 1))
    assert ask(flooding, LEAST_BURST + 5).count(200) == LEAST_BURST
    problem = flooding.get("/api/v1/devices")
    assert problem.status_code == 429
    assert 1 <= int(problem.headers["retry-after"]) <= 60
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.headers["x-dataset-version"]
    assert flooding.get("/optimade/v1/info").json()["errors"][0]["status"] == "429"
    assert flooding.get("/readyz").status_code == 200
    assert ask(replace(served, client=("203.0.113.51", 1)), 1) == [200]


def test_an_ipv6_subscriber_is_one_address(served: Api) -> None:
    for number in range(LEAST_BURST):
        assert ask(replace(served, client=(f"2001:db8::{number:x}", 1)), 1) == [200]
    assert ask(replace(served, client=("2001:db8::ffff", 1)), 1) == [429]
    assert ask(replace(served, client=("2001:db8:0:1::1", 1)), 1) == [200]


def test_a_key_has_its_own_limit_wherever_it_is_used(served: Api, guarded_store: Store) -> None:
    headers = {"X-API-Key": key_for(guarded_store, "read")}
    elsewhere = replace(served, client=("203.0.113.60", 1))
    assert ask(elsewhere, LEAST_BURST, headers=headers) == [200] * LEAST_BURST
    moved = replace(served, client=("203.0.113.61", 1))
    assert ask(moved, 1, headers=headers) == [429]
    assert ask(moved, 1) == [200]


def test_guessing_keys_is_limited_by_address(served: Api) -> None:
    guessing = replace(served, client=("203.0.113.70", 1))
    headers = {"X-API-Key": "pvk_00000000_" + 43 * "a"}
    answers = ask(guessing, LEAST_BURST + 5, headers=headers)
    assert (answers.count(401), answers.count(429)) == (LEAST_BURST, 5)


def test_this_machine_is_not_limited_unless_it_is_a_proxy(served: Api) -> None:
    assert ask(at_home(served), 2 * LEAST_BURST) == [200] * (2 * LEAST_BURST)
    assert ask(at_home(served, base_url=PUBLIC), LEAST_BURST + 1)[-1] == 200
    sent_on = {"X-Forwarded-For": "203.0.113.80"}  # by a proxy that is not trusted
    assert ask(at_home(served), LEAST_BURST + 1, headers=sent_on)[-1] == 429


# How large


@pytest.fixture(scope="module")
def small(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store, max_body_bytes=2000, allow_local_writes=True) as api:
        yield at_home(api)


def test_a_body_that_says_it_is_too_large_is_refused_unread(small: Api) -> None:
    answer = small.request("POST", CALCULATIONS, content=b" " * 2001)
    assert answer.status_code == 413
    assert "2000 bytes" in answer.json()["detail"]


def test_a_body_that_grows_too_large_is_refused_early(small: Api, guarded_store: Store) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 500
            yield b" " * 500

    before = queued(guarded_store)
    answer = small.request("POST", CALCULATIONS, content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert sent <= 3000
    assert queued(guarded_store) == before


def test_a_body_up_to_the_limit_is_taken(small: Api) -> None:
    body = b'{"formula": "CsPbBr3"}'.ljust(2000)
    assert small.request("POST", CALCULATIONS, content=body, headers=JSON).is_success


def test_a_length_that_is_no_number_is_no_way_around(small: Api) -> None:
    said = [(b"Content-Type", b"application/json"), (b"Content-Length", b"\xb2")]
    answer = small.request("POST", CALCULATIONS, content=b" " * 3000, headers=said)
    assert answer.status_code == 413


# How long


def test_a_statement_without_end_is_a_504_and_the_database_stops(guarded_store: Store) -> None:
    backend = guarded_store.url.get_backend_name()

    def slow(session: ReadSession) -> None:
        session.execute(text(ENDLESS[backend]))

    # Long enough for an ordinary answer on a busy machine.
    with guarding(guarded_store, request_timeout_s=3) as api:
        mounted = next(route.app for route in api.app.routes if isinstance(route, Mount))
        mounted.get("/v1/slow")(slow)
        mounted.router.routes.insert(0, mounted.router.routes.pop())  # before what finds nothing
        api.app.get("/slow")(slow)
        of_optimade = api.get("/optimade/v1/slow")
        assert of_optimade.status_code == 504
        assert of_optimade.json()["errors"][0]["detail"].startswith("no answer within 3 s")
        problem = api.get("/slow")
        assert problem.status_code == 504
        assert problem.json()["detail"].startswith("no answer within 3 s")
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.headers["x-content-type-options"] == "nosniff"
        assert api.get("/api/v1/devices").status_code == 200  # the connections work
        if backend == "postgresql":
            with guarded_store.session(read_only=True) as session:
                left = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = :q"
                assert session.scalar(text(left), {"q": ENDLESS[backend]}) == 0


def test_who_gets_no_turn_in_time_does_no_work_and_may_come_again(
    guarded_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = []
    monkeypatch.setattr(sessions, "WAITING", 0.01)

    def work(session: ReadSession) -> None:
        worked.append(session)

    async def scenario(api: Api) -> httpx.Response:
        served = api.app.state.served
        for _ in range(sessions.SESSIONS_AT_ONCE):
            await served.turns.acquire()
        transport = httpx.ASGITransport(app=api.app, client=api.client)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
            answer = await client.get("/work")
            served.turns.release()
            await asyncio.sleep(0)
            return answer

    with guarding(guarded_store, request_timeout_s=60) as api:
        api.app.get("/work")(work)
        refused = asyncio.run(scenario(api))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "too many requests wait" in refused.json()["detail"]
    assert worked == []


def test_an_answer_that_has_begun_may_take_its_time(guarded_store: Store) -> None:
    from fastapi.responses import StreamingResponse

    def lines() -> Iterator[bytes]:
        yield b"row\n"
        time.sleep(3.2)
        yield b"row\n"

    def stream() -> StreamingResponse:
        return StreamingResponse(lines(), media_type="text/plain")

    with guarding(guarded_store, request_timeout_s=3) as api:
        api.app.get("/stream", response_class=StreamingResponse)(stream)
        api.get("/livez")  # the first request builds the service, which a busy machine does slowly
        assert api.get("/stream").text == "row\n" * 2


# Under which name, from which pages


def test_other_host_names_are_refused_where_hosts_are_named(guarded_store: Store) -> None:
    with guarding(guarded_store, trusted_hosts=("example.org", "*.example.org")) as api:
        for name, status in (
            ("pvkdb.example.org", 200), ("PVKDB.example.org:8000", 200), ("example.org", 200),
            ("evil.example", 400), ("notexample.org", 400), ("", 400), ("[::1]", 400),
        ):  # fmt: skip
            answer = api.request("GET", "/livez", headers={"Host": name})
            assert answer.status_code == status, name
        assert "PVKDB_TRUSTED_HOSTS" in answer.json()["detail"]


def test_pages_of_named_origins_may_use_the_service_and_no_others(guarded_store: Store) -> None:
    preflight = {"Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization,idempotency-key"}  # fmt: skip
    with guarding(guarded_store, cors_origins=("https://lab.example",)) as api:
        for origin, allowed in (("https://lab.example", True), ("https://evil.example", False)):
            headers = {"Origin": origin}
            asked = api.request("OPTIONS", CALCULATIONS, headers={**headers, **preflight})
            answer = queue(api, **headers)
            assert answer.status_code == 401
            for response in (asked, answer):
                shown = response.headers.get("access-control-allow-origin")
                assert shown == (origin if allowed else None)
                assert "access-control-allow-credentials" not in response.headers
    with guarding(guarded_store) as api:
        answer = api.request("GET", "/livez", headers={"Origin": "https://lab.example"})
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_browsers_are_told_to_stay_with_tls_only_over_tls(guarded_store: Store) -> None:
    with guarding(guarded_store) as api:
        assert "strict-transport-security" not in api.get("/livez").headers
        secure = replace(api, base_url="https://pvkdb.example.org")
        assert "max-age" in secure.get("/livez").headers["strict-transport-security"]
