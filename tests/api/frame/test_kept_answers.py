"""Answers that show kept rankings: given again while they may be, to nobody who is known."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from pvkdb.store.curation.kept import Lag
from pvkdb_api.core.sessions import DataWatch
from pvkdb_api.frame import kept_answers
from pvkdb_api.frame.kept_answers import AGAIN_S, KeptAnswers

PATH = "/api/v1/rankings/selector"


class Service:
    """An application that numbers its answers, behind the middleware."""

    def __init__(self) -> None:
        self.made, self.status, self.body, self.shows_kept = 0, 200, b"", True
        self.served = cast("Any", SimpleNamespace(watch=DataWatch(), most_lag_s=300.0))
        self.data(7)
        self.kept = KeptAnswers(self._make, self.served)
        self.state: dict[str, Any] = {}

    def data(self, number: int, seconds_ago: float = 0.0) -> None:
        self.served.watch.look(number, time.monotonic() - seconds_ago)

    async def _make(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        self.made += 1
        lag = Lag(300.0, self.served.watch.age_s, seen=7 if self.shows_kept else None)
        scope["state"] |= {"lag": lag, "dataset_version": "of 7"}
        scope["route"] = SimpleNamespace(path="/api/v1/rankings/{application}")
        body = self.body or f"answer {self.made}".encode()
        await Response(body, self.status)(scope, receive, send)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = self.state = {}
        await self.kept(scope, receive, send)
        assert Request(scope).scope["route"].path.startswith("/api")  # for the metrics

    def get(self, *paths: str, **headers: str) -> list[str]:
        async def ask() -> list[str]:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://pvkdb") as client:
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                asked = (client.get(path, headers=given) for path in paths or (PATH,))
                return [answer.text[:20] for answer in await asyncio.gather(*asked)]

        return asyncio.run(ask())


@pytest.fixture
def service() -> Service:
    return Service()


def test_who_asks_for_the_same_gets_the_same_also_at_the_same_time(service: Service) -> None:
    assert service.get(PATH, PATH, PATH) == ["answer 1"] * 3
    assert service.get() == ["answer 1"]
    assert service.state["dataset_version"] == "of 7"
    assert service.get(f"{PATH}?subject=materials", "/api/v1/rankings/synapse", "/compare") == [
        *("answer 2", "answer 3", "answer 4"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer pvk_a"},
        {"x_api_key": "pvk_a"},
        {"cookie": "pvkdb_key=pvk_a"},
        {"cache_control": "no-cache"},
    ],
)
def test_callers_with_credentials_and_those_who_want_the_current_state_share_nothing(
    service: Service, headers: dict[str, str]
) -> None:
    assert service.get(**headers) == ["answer 1"]
    assert service.get() == ["answer 2"]  # theirs was not kept
    assert service.get(**headers) == ["answer 3"]  # and they get none that was


@pytest.mark.parametrize("name", ["accept", "accept_encoding", "host", "x_part", "if_none_match"])
def test_answers_to_other_headers_are_other_answers(service: Service, name: str) -> None:
    assert service.get() == ["answer 1"]
    assert service.get(**{name: "other"}) == ["answer 2"]


@pytest.mark.parametrize(
    ("made_s_ago", "changed_s_ago", "again"),
    [
        (600, None, True),  # the data are the same
        (5, 10, True),  # the answer is new, though its data are not the newest
        (600, AGAIN_S - 5, True),  # the data changed just now
        (600, AGAIN_S + 5, False),
        (5, 310, False),  # older than a ranking may be
    ],
)
def test_an_answer_is_given_again_while_it_is_current_or_was_just_now(
    service: Service, made_s_ago: float, changed_s_ago: float | None, again: bool
) -> None:
    assert service.get() == ["answer 1"]
    (key, kept), *_ = service.kept._answers.items()
    service.kept._answers[key] = kept._replace(made=time.monotonic() - made_s_ago)
    if changed_s_ago is not None:
        service.served.watch = DataWatch()
        service.data(7, changed_s_ago)
        service.data(8)
    assert service.get() == ["answer 1" if again else "answer 2"]
    age_s = service.state["lag"].shown_s
    assert (changed_s_ago or 0) * again == pytest.approx(age_s, abs=4)


def test_what_fails_or_shows_nothing_kept_is_not_kept(service: Service) -> None:
    service.status = 503
    service.get()
    service.status, service.shows_kept = 200, False
    assert service.get() == ["answer 2"]
    assert service.get("/api/v1/devices") == ["answer 3"]
    assert service.get("/api/v1/devices", PATH) == ["answer 4", "answer 5"]


def test_the_memory_is_bounded_by_number_and_bytes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "MOST_KEPT", 3)
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 1000)
    for number in range(3):
        service.get(f"{PATH}?limit={number}")
    service.get(f"{PATH}?limit=0")  # used last
    service.get(f"{PATH}?limit=3")
    assert [key[2] for key in service.kept._answers] == [b"limit=2", b"limit=0", b"limit=3"]
    service.body = b"x" * 600
    service.get(f"{PATH}?limit=4", f"{PATH}?limit=5")
    assert [key[2] for key in service.kept._answers] == [b"limit=5"]
    service.body = b"x" * 1001
    service.get(f"{PATH}?limit=6")
    assert not service.kept._answers
