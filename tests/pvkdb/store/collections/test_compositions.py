"""Searches of compositions find the same rows whichever way they are read and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from pvkdb.errors import NotFoundError
from pvkdb.store.collections import COMPOSITIONS
from pvkdb.store.database import Store
from pvkdb.store.models.summaries import CompositionCount, CompositionSummary

SEARCHES: list[dict[str, Any]] = [
    {},
    {"family": ["3D", "RP"]},
    {"has": ["e_a", "devices"]},
    {"lead_free": True, "has": ["dfe"]},
    {"ion": ["MA", "Cs"], "halide": ["Br"]},
    {"q": "methylammonium"},
    {"q": "PbI"},
    {"e_a_max": 0.3, "t_min": 0.9},
    {"dfe_min": 1.0},
    {"phase": ["δ"]},
    {"formula": ["CH3NH3PbI3", "CsPbBr3"]},
    {"formula": ["CsGeF3"]},
]
ORDERS = (
    None,
    "-known",
    "known",
    "-t",
    "t",
    "-e_a_literature_min_ev",
    "-formula",
    "-devices_count",
)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_rows_found_first_and_rows_read_in_order_are_the_same(store, search):
    reading = replace(COMPOSITIONS, most_counted=0)
    with store.session(read_only=True) as session:
        for order in ORDERS:
            sorting = COMPOSITIONS.sorting(order)
            rows = COMPOSITIONS.find(session, search, 500, sorting).rows
            assert reading.find(session, search, 500, sorting).rows == rows
            paged, place = [], None
            while place or not paged:
                page = COMPOSITIONS.find(session, search, 7, sorting, place)
                paged, place = [*paged, *page.rows], page.place
                if not page.rows:
                    break
            assert paged == rows, order
        families = Counter(family for row in rows for family in row.families.split("; "))
        assert COMPOSITIONS.count(session, search) == len(rows)
        assert COMPOSITIONS.count(session, search, 10_000) == len(rows)
        assert COMPOSITIONS.facet(session, search, "family") == families
        assert COMPOSITIONS.facet(session, search, "family", 10_000) == families


def test_orders_and_their_reverses(store: Store) -> None:
    with store.session(read_only=True) as session:
        every = list(COMPOSITIONS.iterate(session, {}))

        def read(order: str | None) -> list[str]:
            sorting = COMPOSITIONS.sorting(order)
            return [row.formula for row in COMPOSITIONS.find(session, {}, 500, sorting).rows]

        known = [row.formula for row in sorted(every, key=lambda row: (-row.known, row.formula))]
        assert read(None) == read("-known") == known
        assert read("-devices_count") == read("devices_count")[::-1]
        with_t = [row for row in every if row.t is not None]
        rising = [row.formula for row in sorted(with_t, key=lambda row: (row.t, row.formula))]
        assert read("t")[: len(rising)] == rising == read("-t")[: len(rising)][::-1]
        assert len(rising) < len(every)


def test_a_search_by_other_columns_is_counted_up_to_a_limit(store: Store) -> None:
    with store.session(read_only=True) as session:
        ions = {"halide": ["Br", "I"]}
        exact = COMPOSITIONS.count(session, ions)
        assert exact > 5
        assert COMPOSITIONS.count(session, ions, 5) == 6
        assert sum(COMPOSITIONS.facet(session, ions, "lead_free", 5).values()) == 5
        for counted in ({"family": ["3D"]}, {"halide": ["I"], "family": ["3D"]}, {"ion": ["Pb"]}):
            stored = COMPOSITIONS.count(session, counted)
            assert COMPOSITIONS.count(session, counted, 5) == stored > 5
            assert len(COMPOSITIONS.find(session, counted, 500).rows) == stored
        for unknown in (
            {"ion": ["X:I"]},
            {"ion": [""]},
            {"ion": []},
            {"halide": ["Br"], "ion": ["I"]},
        ):
            found = COMPOSITIONS.find(session, unknown, 500).rows
            assert COMPOSITIONS.count(session, unknown) == len(found) < 5


@pytest.mark.parametrize("order", [None, "known"])
def test_levels_of_which_the_counts_have_no_row_are_not_read(store, order):
    reading, sorting = replace(COMPOSITIONS, most_counted=0), COMPOSITIONS.sorting(order)
    search = {"family": ["3D"], "q": "Pb"}
    with store.session() as session:
        every = COMPOSITIONS.find(session, search, 500, sorting).rows
        levels = list(dict.fromkeys(row.known for row in every))
        assert len(levels) > 2
        emptied = levels[1]
        kinds = select(CompositionSummary.kinds).where(CompositionSummary.known == emptied)
        of_them = update(CompositionCount).where(CompositionCount.kinds.in_(kinds))
        session.execute(of_them.values(number=0))
        found, place = [], None
        while place or not found:
            page = reading.find(session, search, 3, sorting, place)
            found, place = [*found, *page.rows], page.place
        assert found == [row for row in every if row.known != emptied]


def test_a_formula_in_any_spelling(store: Store) -> None:
    with store.session(read_only=True) as session:
        assert COMPOSITIONS.get(session, "PbCH3NH3I3").formula == "MAPbI3"
        for unknown in ("CsGeF3", "no formula", "CsPbBr3-Pnma"):
            with pytest.raises(NotFoundError, match="compositions holds no"):
                COMPOSITIONS.get(session, unknown)
