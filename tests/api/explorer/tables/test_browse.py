"""Counts beside the checkboxes of a table of which a search counts a part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from pvkdb.store.collections import ENERGETICS, collection
from pvkdb.store.database import Store
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.pages.tables import ENERGIES
from pvkdb_api.explorer.tables.browse import BoxCounts
from pvkdb_api.explorer.tables.table import TableQuery

TABLE = replace(ENERGIES, collection=replace(ENERGETICS, most_counted=5))
CHOICES = {each.name: each for each in TABLE.choices}


def boxes(session: Session, **filters: Any) -> BoxCounts:
    return BoxCounts(QueryCache(), session, TableQuery(TABLE, {}, None, filters, (), ()))


def test_boxes_are_all_values_not_those_of_the_rows_that_were_counted(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=True) as session:
        every = ENERGETICS.facet(session, {}, "family")
        whole = boxes(session).checkboxes(CHOICES["family"])
        some = boxes(session, quantity=("E_A",)).checkboxes(CHOICES["family"])
    assert {each.value: each.count for each in whole} == {
        value: number for value, number in every.items() if value is not None
    }
    assert {each.value for each in some} == {each for each in every if each is not None}


def test_counts_of_a_part_say_so(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where values are left out."""
    monkeypatch.setattr(collection, "FACET_VALUES", 1)
    with sqlite_store.session(read_only=True) as session:
        found = boxes(session, method=("DFT",)).of(CHOICES["defect"])
    ((_, number),) = found.items()
    assert str(number) in ("1+", "2+", "3+", "4+")
