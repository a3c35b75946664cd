"""The asynchronous twin does what the client does."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import httpx
import pytest

import pvkdb
from pvkdb.client import AsyncClient, AsyncCollection, Client, Collection
from pvkdb.errors import NotFoundError

from ...each import for_each
from .answers import EMPTY, Told, problem

#: What only makes sense in one of them.
ONLY_ASYNC = {"first", "to_list"}


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@for_each(
    "name",
    sorted({name for name in pvkdb.client.__all__ if name.startswith("Async")} - {"AsyncResults"}),
)
def test_both_clients_have_the_same_methods_with_the_same_arguments(name):
    blocking, awaiting = (getattr(pvkdb.client, n) for n in (name.removeprefix("Async"), name))
    assert public(blocking) == public(awaiting)
    for name in public(blocking):
        one, other = getattr(blocking, name), getattr(awaiting, name)
        assert one.__doc__
        assert other.__doc__
        if callable(one):
            parameters = [inspect.signature(each).parameters for each in (one, other)]
            assert list(parameters[0]) == list(parameters[1]), name


def test_results_differ_by_what_needs_awaiting_only():
    results, twin = public(pvkdb.client.Results), public(pvkdb.client.AsyncResults)
    assert twin - results == ONLY_ASYNC
    assert results - twin == {"count", "index"}  # of every Sequence


def test_methods_show_themselves_as_bound_ones():
    with Client("http://service") as client:
        signature = inspect.signature(client.calculations.wait)
        assert list(signature.parameters) == ["calculation", "timeout_s", "poll_s"]
        assert client.devices.get.__name__ == "get"
        assert "one entry" in (inspect.getdoc(client.devices.get) or "")
        assert isinstance(client.devices, Collection)


def test_what_one_gives_the_other_gives(address, client):
    async def ask() -> list[Any]:
        async with pvkdb.AsyncClient(address) as twin:
            assert isinstance(twin.devices, AsyncCollection)
            found = await twin.devices.search(retention_s=(1e4, None))
            frame = await found.to_dataframe()
            assert len(frame) == len(found) == len(await found.to_list())
            with pytest.raises(NotFoundError, match="r999"):
                await twin.references.get("r999")
            with pytest.raises(IndexError, match="no row 0"):
                await twin.devices.search(group="none such").first()
            return [
                await twin.references.get("r36"),
                [row async for row in twin.devices.search(retention_s=(1e4, None))],
                [row.key async for row in twin.references.iterate()],
                await twin.references.count(year=(2020, None)),
                await twin.tolerance("CsPbI3"),
                await twin.rankings.names(),
                (await twin.crossbars.estimate(on_off_ratio=1e3, size=4)).exact[0].size,
                (await twin.structures.get("s1")).to_ase().get_volume(),
                dict(await twin.devices.filters()),
                await twin.export("conduction"),
            ]

    given = asyncio.run(ask())
    assert given == [
        client.references.get("r36"),
        list(client.devices.search(retention_s=(1e4, None))),
        [row.key for row in client.references.iterate()],
        client.references.count(year=(2020, None)),
        client.tolerance("CsPbI3"),
        client.rankings.names(),
        4,
        pytest.approx(5.87**3),
        dict(client.devices.filters()),
        client.export("conduction"),
    ]


def test_many_requests_travel_at_the_same_time(address):
    async def ask() -> list[str]:
        async with AsyncClient(address) as twin:
            rows = await asyncio.gather(*(twin.references.get(f"r{n}") for n in range(1, 41)))
            return [row.key for row in rows]

    assert asyncio.run(ask()) == [f"r{n}" for n in range(1, 41)]


def test_it_waits_and_tries_again(monkeypatch):
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("anyio.sleep", sleep)
    later = problem(503, "soon", **{"Retry-After": "2"})
    told = Told(later, httpx.ReadError("gone"), httpx.Response(200, json=EMPTY))

    async def ask() -> int:
        async with AsyncClient("http://service", transport=told) as twin:
            return len(await twin.devices.search())

    assert asyncio.run(ask()) == 0
    assert slept[0] == 2
    assert 0.3 < slept[1] < 0.7
