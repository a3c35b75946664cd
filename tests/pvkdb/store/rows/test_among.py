"""Rows by a list of keys on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.database import Store
from pvkdb.store.models.references import Reference
from pvkdb.store.rows.among import KEYS, among

#: What JSON, an array of PostgreSQL or a pattern would read as more than a text.
ODD = ('a"b', "a,b", "{a}", "a\\b", "NULL", "null", "", "é", "a'b", "%", "1")
BY_KEY = select(Reference.key).where(among(Reference.key)).order_by(Reference.key)


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["r36"], ["r36"]),
        (["r37", "r36", "r36", "none"], ["r36", "r37"]),
        ([], []),
        (["R36", "r36 ", "r3"], ["r3"]),
    ],
)
def test_the_rows_with_the_keys_are_found(store: Store, keys: list[str], found: list[str]) -> None:
    with store.session(read_only=True) as session:
        assert [*session.scalars(BY_KEY, {KEYS: keys})] == found


def test_a_key_is_a_text_and_nothing_else(store: Store) -> None:
    with store.session() as session:
        session.add_all(Reference(key=key) for key in ODD)
        session.flush()
        for key in ODD:
            assert [*session.scalars(BY_KEY, {KEYS: [key]})] == [key]
        assert {*session.scalars(BY_KEY, {KEYS: ODD})} == {*ODD}
        session.rollback()


@pytest.mark.parametrize("name", ["devices", "energetics"])
def test_a_page_is_loaded_from_indexes_by_few_parameters(store: Store, name: str) -> None:
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        seen.append((arguments[2], arguments[3]))

    collection = COLLECTIONS[name]
    with store.session(read_only=True) as session:
        keys = [*session.scalars(select(collection.key).limit(40))]
        event.listen(store.engine, "before_cursor_execute", note)
        rows = collection.load(session, keys)
        event.remove(store.engine, "before_cursor_execute", note)
        assert [row.id for row in rows] == keys
        assert len(seen) >= 2
        if store.sqlite_path is None:
            assert {len(parameters) for _, parameters in seen} == {1}
            return
        for statement, parameters in seen:
            plan = session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            read = [row[-1] for row in plan if row[-1].startswith(("SCAN", "SEARCH"))]
            assert read
            assert not [each for each in read if each.startswith("SCAN")], read
