"""The data dictionary, and tables without pages of their own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pvkdb.schemas.tables import TABLES

from ..asking import ask


def test_every_column_of_every_table_is_explained_at_an_anchor(visitor):
    tab = visitor.open("/dictionary")
    anchors = set(tab.locator("tr[id]").evaluate_all("found => found.map(each => each.id)"))
    columns = {name: row.columns() for name, row in TABLES.items()}
    assert anchors == {f"{name}.{column}" for name in columns for column in columns[name]}
    row = tab.locator("[id='energetics.value_min_ev']")
    column = TABLES["energetics"].dictionary()["value_min_ev"]
    expect(row).to_contain_text(column.meaning)
    expect(row).to_contain_text("eV")
    expect(row).to_contain_text("only an upper bound is reported")


@pytest.mark.parametrize("name", ["applications", "conduction", "tolerance"])
def test_a_table_shows_every_row_and_column(visitor, address, name):
    tab = visitor.open(f"/tables/{name}")
    kept = ask(address, f"/api/v1/export/{name}", format="json").json()
    expect(tab.locator("table.rows tbody tr")).to_have_count(len(kept))
    expect(tab.locator("table.rows thead th")).to_have_count(len(TABLES[name].columns()))
    cells = tab.locator("table.rows tbody tr").first.locator("td").all_inner_texts()
    for shown, (column, value) in zip(cells, kept[0].items(), strict=True):
        if column == "references":  # shown as authors and years
            assert shown.strip()
        elif isinstance(value, str) and value:
            assert shown.split() == value.split()
        elif value is None:
            assert shown == "–"


def test_a_table_with_a_page_of_its_own_leads_there(visitor, address):
    visitor.open("/tables/compositions")
    expect(visitor.tab).to_have_url(f"{address}/compositions")
