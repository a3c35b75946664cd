"""Small tables are searched alike on both databases; ions are in no table of the store."""

from __future__ import annotations

from pvkdb.schemas.tables import IonsRow
from pvkdb.store.collections.small import SMALL_TABLES, ion_rows
from pvkdb.store.database import Store


def test_every_order_and_facet_of_a_small_table_has_every_row(store: Store) -> None:
    with store.session(read_only=True) as session:
        for table in SMALL_TABLES.values():
            rows = [*table.iterate(session, {})]
            assert len(rows) == table.count(session, {}) > 3
            for name in table.sortable:
                page = table.find(session, {}, 3, table.sorting(f"-{name}"))
                rest = table.find(session, {}, 999, table.sorting(f"-{name}"), page.place)
                assert {*page.rows, *rest.rows} == {*rows}, (table.name, name)
            for name in table.facets:
                counted = table.facet(session, {}, name)
                assert sum(counted.values()) == len(rows), (table.name, name)


def test_the_ions_are_those_of_the_code(store: Store) -> None:
    ions = SMALL_TABLES["ions"]
    with store.session(read_only=True) as session:
        assert [*ions.iterate(session, {})] == [*ion_rows()]
        found: list[IonsRow] = ions.find(session, {"q": "METHYLAMMONIUM", "charge": 1}, 9).rows
    assert "MA" in {row.ion for row in found}
