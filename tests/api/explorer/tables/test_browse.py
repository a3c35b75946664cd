"""Counts beside the checkboxes of a table of which a search counts a part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pvkdb.store.collections import ENERGETICS, collection
from pvkdb.store.database import Store
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.pages.tables import ENERGIES
from pvkdb_api.explorer.tables.browse import _checkboxes, _counts_of
from pvkdb_api.explorer.tables.table import TableQuery

TABLE = replace(ENERGIES, collection=replace(ENERGETICS, most_counted=5))
CHOICES = {each.name: each for each in TABLE.choices}


def query(**filters: Any) -> TableQuery:
    return TableQuery(TABLE, {}, None, filters, (), ())


def test_boxes_are_all_values_not_those_of_the_rows_that_were_counted(sqlite_store: Store) -> None:
    counts = QueryCache()
    with sqlite_store.session(read_only=True) as session:
        every = ENERGETICS.facet(session, {}, "family")
        whole = _checkboxes(counts, session, query(), CHOICES["family"])
        boxes = _checkboxes(counts, session, query(quantity=("E_A",)), CHOICES["family"])
    assert {each.value: each.count for each in whole} == {
        value: number for value, number in every.items() if value is not None
    }
    assert {each.value for each in boxes} == {each for each in every if each is not None}


def test_counts_of_a_part_say_so(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where values are left out."""
    monkeypatch.setattr(collection, "FACET_VALUES", 1)
    with sqlite_store.session(read_only=True) as session:
        found = _counts_of(QueryCache(), session, query(method=("DFT",)), CHOICES["defect"])
    ((_, number),) = found.items()
    assert str(number) in ("1+", "2+", "3+", "4+")
