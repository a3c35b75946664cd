"""Searches of the store: what is current, bounds, orders."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from pvkdb.store.collections import CALCULATIONS, DEVICES, ENERGETICS, STRUCTURES
from pvkdb.store.collections.collection import MOST_COUNTED
from pvkdb.store.collections.keyset import Order
from pvkdb.store.collections.shared_filters import at_least
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic


def test_a_replaced_row_is_neither_listed_nor_counted(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        before = ENERGETICS.count(session, {})
        old, new = session.scalars(select(Energetic.id).order_by(Energetic.id).limit(2))
        session.get_one(Energetic, new).supersedes_id = old
        session.flush()
        listed = set(session.scalars(ENERGETICS.select({}).with_only_columns(Energetic.id)))
        assert new in listed
        assert old not in listed
        assert len(listed) == ENERGETICS.count(session, {}) == before - 1
        quantity = session.get_one(Energetic, old).quantity
        of_it = ENERGETICS.select({"quantity": quantity}).with_only_columns(Energetic.id)
        named = list(session.scalars(of_it))
        assert len(named) == ENERGETICS.count(session, {"quantity": quantity}) < len(listed)
        loaded = {statement.id for statement in session.scalars(ENERGETICS.statement).unique()}
        assert loaded == listed


def test_what_a_row_is_about_is_its_formula_and_has_an_older_name(sqlite_store: Store) -> None:
    older = {ENERGETICS: "material", STRUCTURES: "material", CALCULATIONS: "material"}
    with sqlite_store.session(read_only=True) as session:
        for collection, name in {**older, DEVICES: "absorber"}.items():
            found = [
                [row.id for row in collection.iterate(session, {each: ("CH3NH3PbI3",)})]
                for each in ("formula", name)
            ]
            assert found[0] == found[1]
            assert found[0] or collection in (STRUCTURES, CALCULATIONS)


def test_where_more_match_than_are_counted_sqlite_sorts_nothing(sqlite_store: Store) -> None:
    """It reads rows by key until a page is full, no index of a filter: 20 in place of 720 ms."""
    sent: list[str] = []
    note = "before_cursor_execute"
    event.listen(sqlite_store.engine, note, lambda *call: sent.append(call[2]))
    few, search = MOST_COUNTED, {"quantity": "E_A"}
    with sqlite_store.session(read_only=True) as session:
        pages = [ENERGETICS.find(session, search, 10, total=total) for total in (few, few + 1)]
    read = [each.partition("WHERE")[2] for each in sent if "LIMIT" in each]
    assert ["quantity ||" in each for each in read] == [False, True]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("facet", ["method", "family"])
def test_of_more_rows_than_are_counted_so_many_are_looked_at(sqlite_store, facet):
    search = {"quantity": "E_A"}
    with sqlite_store.session() as session:
        every = ENERGETICS.facet(session, search, facet)
        total = ENERGETICS.count(session, search)
        assert sum(every.values()) == total > 5
        assert ENERGETICS.count(session, search, 5) == 6
        assert ENERGETICS.count(session, search, total) == total
        assert ENERGETICS.facet(session, search, facet, total) == every
        some = ENERGETICS.facet(session, search, facet, 5)
    assert sum(some.values()) == 5
    assert all(every[value] >= number for value, number in some.items())


def test_a_lower_bound_finds_what_is_not_below_it(sqlite_store: Store) -> None:
    bound = at_least(Device.retention_s, "Retention in s.", 1e4).condition(1e4)
    with sqlite_store.session() as session:
        found = session.scalars(
            DEVICES.current().with_only_columns(Device.retention_s).where(bound)
        )
        values = list(found)
    assert values
    assert min(values) == 1e4


def test_an_order_runs_the_way_it_says_and_goes_on_behind_a_value(sqlite_store: Store) -> None:
    for descending in (False, True):
        order = Order(Energetic.value_min_ev, descending)
        rows = select(Energetic.value_min_ev).order_by(order.clause())
        with sqlite_store.session() as session:
            values = list(session.scalars(rows))
            rest = list(session.scalars(rows.where(order.behind(values[5]))))
        assert values == sorted(values, reverse=descending)
        assert rest == [value for value in values if value not in values[:6]]
