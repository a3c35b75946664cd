"""The number of changes of the data: what counts, and what is kept while it stays the same."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import insert, select, update

from pvkdb.store.changes import data_changes
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.references import Reference
from pvkdb.store.queue.ending import finish


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


@pytest.mark.parametrize(("kind", "counted"), [("examine", 1), ("neb", 0)])
def test_a_result_that_rankings_read_counts(empty_store: Store, kind: str, counted: int) -> None:
    before = changes(empty_store)
    with empty_store.session() as session:
        running = {"kind": kind, "state": "running", "owner": "a", "parameters": {}}
        session.add(Calculation(id="1", key="1", **running))
    with empty_store.session() as session:
        finish(session, "1", "a", {}, {})
    assert changes(empty_store) == before + counted
