"""Orders of compositions, and one by its formula."""

from __future__ import annotations

import pytest

from pvkdb.errors import NotFoundError
from pvkdb.store.collections import COMPOSITIONS
from pvkdb.store.database import Store


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


def test_a_formula_in_any_spelling(store: Store) -> None:
    with store.session(read_only=True) as session:
        assert COMPOSITIONS.get(session, "PbCH3NH3I3").formula == "MAPbI3"
        for unknown in ("CsGeF3", "no formula", "CsPbBr3-Pnma"):
            with pytest.raises(NotFoundError, match="compositions holds no"):
                COMPOSITIONS.get(session, unknown)
