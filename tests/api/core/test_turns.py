"""Turns and lag: short requests never wait for heavy ones, and what is kept says how old it is."""

from __future__ import annotations

import asyncio
import shutil
import time
from math import inf
from unittest.mock import ANY

import httpx
import pytest
from sqlalchemy import text

from pvkdb.kinetics.conditions import conditions_of
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.store.database import Store
from pvkdb.suitability import Options, shipped_profile
from pvkdb_api.app import create_app
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import DataWatch, _look
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.frame import kept_answers
from pvkdb_api.operations.rankings import rank

from ..conftest import LOCAL, Api

RANKING = "/api/v1/rankings/selector"
DEFAULT = Options(), conditions_of(LayerRequest())


@pytest.fixture
def lagging(loaded_sqlite, tmp_path):
    """A service beside which somebody makes rankings again, or says so, and its store."""
    url = f"sqlite:///{shutil.copy(loaded_sqlite, tmp_path / 'lagging.sqlite')}"
    app, store = create_app(url, ServiceSettings(), keeping=True), Store(url)
    _look(app.state.served)
    yield Api(app), store
    app.state.served.close()
    store.close()


def change(store: Store) -> None:
    with store.session() as session:
        session.execute(text("UPDATE bibliography SET title = title"))
        session.execute(
            text(
                "INSERT INTO dataset_versions (version, loaded_at, description) "
                "VALUES ('next', '2999-01-01', 'of a test')"
            )
        )


def test_short_requests_have_turns_while_heavy_ones_wait(lagging) -> None:
    app = lagging[0].app

    async def ask() -> tuple[list[int], int]:
        app.state.served.heavy_turns = asyncio.Semaphore(0)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=LOCAL) as client:
            heavy = asyncio.create_task(client.get(f"{RANKING}?limit=1"))
            paths = ("/api/v1/devices?limit=1", "/livez", "/api/v1/tolerance/CsPbI3")
            short = [(await client.get(path)).status_code for path in paths]
            assert not heavy.done()
            app.state.served.heavy_turns.release()
            return short, (await heavy).status_code

    assert asyncio.run(ask()) == ([200, 200, 200], 200)


def test_a_kept_ranking_names_its_version_and_age_and_the_current_one_is_had_on_demand(
    lagging,
) -> None:
    api, store = lagging
    first = api.get(RANKING, limit=1)
    version = first.json()["dataset_version"]
    assert (first.headers["x-dataset-version"], first.headers.get("age")) == (version, None)
    change(store)
    later = api.get(RANKING, limit=1)
    assert later.content == first.content
    assert later.headers["x-dataset-version"] == later.json()["dataset_version"] == version
    assert int(later.headers["age"]) >= 1
    page = api.request("GET", "/applications/selector").text
    assert f"places in rankings from dataset <code>{version}</code>" in page
    lists = api.get("/api/v1/devices", limit=1)  # never lag
    assert (lists.headers["x-dataset-version"], lists.headers.get("age")) == ("next", None)
    fresh = api.request("GET", f"{RANKING}?limit=1", headers={"Cache-Control": "no-cache"})
    assert fresh.json()["dataset_version"] == fresh.headers["x-dataset-version"] == "next"


def test_a_kept_answer_needs_no_turn_and_is_new_once_its_ranking_is(lagging, monkeypatch) -> None:
    api, store = lagging
    served = api.app.state.served
    api.get(RANKING, limit=1)  # makes the ranking; the next answer shows a kept one, and is kept
    first = api.get(RANKING, limit=1)
    turns, served.heavy_turns = served.heavy_turns, asyncio.Semaphore(0)
    again = api.get(RANKING, limit=1)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert (again.headers["age"], first.headers.get("age")) == (ANY, None)
    served.heavy_turns = turns
    change(store)
    with store.session(read_only=True) as session:
        rank(QueryCache(), session, shipped_profile("selector"), "devices", *DEFAULT)
    _look(served)
    assert api.get(RANKING, limit=1).content == first.content  # it was current just now
    monkeypatch.setattr(kept_answers, "AGAIN_S", 0.0)
    assert api.get(RANKING, limit=1).json()["dataset_version"] == "next"


def test_a_kept_ranking_is_never_older_than_the_setting(lagging) -> None:
    api, store = lagging
    api.get(RANKING, limit=1)
    change(store)
    api.app.state.served.most_lag_s = 1e-9
    found = api.get(RANKING, limit=1)
    assert (found.json()["dataset_version"], found.headers.get("age")) == ("next", None)


def test_an_age_counts_from_the_last_look_that_saw_no_change() -> None:
    watch, now = DataWatch(), time.monotonic()
    assert watch.age_s(7) == inf
    watch.look(7, now - 30)
    watch.look(7, now - 20)
    watch.look(9, now - 10)
    watch.look(9, now - 5)
    assert watch.age_s(7) == pytest.approx(20, abs=5)
    assert watch.age_s(8) == pytest.approx(20, abs=5)
    assert watch.age_s(9) == pytest.approx(5, abs=5)
    assert watch.age_s(6) == inf  # nobody saw when it ended
