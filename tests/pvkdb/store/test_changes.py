"""The number of changes of the data: what counts, and what is kept while it stays the same."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import insert, select, update

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.changes import data_changes
from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.references import Reference
from pvkdb.store.queue import claims as queue
from pvkdb_api.core.cache import QueryCache


def changes(store: Store) -> int:
    with store.session(read_only=True) as session:
        return data_changes(session)


def test_each_transaction_that_changes_the_data_counts_once(empty_store: Store) -> None:
    before = changes(empty_store)
    with empty_store.session() as session:
        session.add(Reference(key="x2026", title="One"))
        session.flush()
        session.execute(insert(Reference), [{"key": "y2026"}, {"key": "z2026"}])
        session.execute(update(Reference).values(year=2026))
    other = Store(empty_store.url.render_as_string(hide_password=False))
    assert changes(other) == before + 1
    other.close()


def test_what_is_taken_back_counts_for_nothing(empty_store: Store) -> None:
    before = changes(empty_store)
    with suppress(KeyError), empty_store.session() as session:
        session.add(Reference(key="x2026", title="One"))
        session.flush()
        raise KeyError
    with empty_store.session() as session:  # the same connection
        session.scalar(select(Composition.id))
    assert changes(empty_store) == before


def test_counts_stay_while_calculations_are_queued_and_go_with_the_data(store: Store) -> None:
    cache, computed = QueryCache(), []

    with store.session() as session:  # its material, which is data, is known already
        queue.submit(session, NebRequest(formula="CsPbBr3", settings={"seed": 1}))

    def count(name: str) -> int:
        with store.session(read_only=True) as session:

            def compute() -> int:
                computed.append(name)
                return DEVICES.count(session, {})

            return cache.get(session, name, {}, compute)

    assert count("devices") == count("calculations")
    with store.session() as session:
        queue.submit(session, NebRequest(formula="CsPbBr3"))
    assert count("devices") == count("calculations")
    assert computed == ["devices", "calculations", "calculations"]
    with store.session() as session:
        removed = session.get_one(Device, "d-t4-r01")
        session.delete(removed)
    assert count("devices") == count("calculations")
    assert computed == [*["devices", "calculations"], "calculations", *["devices", "calculations"]]
