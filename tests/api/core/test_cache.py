"""Results of queries are kept while the data are the same, and computed once for all who wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb.store.queue import claims as queue
from pvkdb_api.core.cache import QueryCache


def test_counts_stay_while_calculations_are_queued_and_go_with_the_data(store: Store) -> None:
    cache, computed = QueryCache(), []
    with store.session() as session:  # its material, which is data, is known from here on
        queue.submit(session, NebRequest(formula="CsPbBr3", settings={"seed": 1}))

    def count(name: str) -> int:
        with store.session(read_only=True) as session:

            def compute() -> int:
                computed.append(name)
                return DEVICES.count(session, {})

            return cache.get(session, name, {}, compute)

    before = count("devices")
    assert count("calculations") == before
    with store.session() as session:
        queue.submit(session, NebRequest(formula="CsPbBr3"))
    assert count("devices") == count("calculations") == before
    assert computed == ["devices", "calculations", "calculations"]
    with store.session() as session:
        session.delete(session.get_one(Device, "d-t4-r01"))
    assert count("devices") == before - 1


def test_what_several_ask_for_at_once_is_computed_once(sqlite_store: Store) -> None:
    cache, computed = QueryCache(), []
    all_ask = threading.Barrier(3)

    def compute() -> int:
        computed.append(1)
        all_waiting.wait(60)
        return 7

    all_waiting = threading.Event()

    def ask(_: int) -> int:
        with sqlite_store.session(read_only=True) as session:
            all_ask.wait(60)
            return cache.get(session, "devices", {}, compute)

    with ThreadPoolExecutor(3) as threads:
        answers = threads.map(ask, range(3))
        while not computed:
            all_waiting.wait(0.01)
        all_waiting.set()
        assert list(answers) == [7, 7, 7]
    assert computed == [1]


def test_a_failure_is_nobodys_answer(sqlite_store: Store) -> None:
    cache = QueryCache()

    def fail() -> int:
        raise ValueError("no")

    with sqlite_store.session(read_only=True) as session:
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                cache.get(session, "devices", {}, fail)
        assert cache.get(session, "devices", {}, lambda: 3) == 3
