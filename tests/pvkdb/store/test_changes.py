"""The number of changes of the data: what counts, and what is kept while it stays the same."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import insert, select, update

from pvkdb.store.changes import data_changes
from pvkdb.store.database import Store
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.references import Reference


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
