"""Tables with filters, in the browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ....patience import get


def test_a_filter_acts_at_once_and_stands_in_the_address(visitor, address):
    tab = visitor.open("/compositions")
    tab.get_by_label("3D").check()
    expect(tab).to_have_url(re.compile(r"/compositions\?family=3D$"))
    total = get(f"{address}/api/v1/compositions", params={"family": "3D", "limit": 0}).json()
    expect(tab.get_by_role("status")).to_have_text(f"{total['total']:,} found")
    tab.get_by_label("double").check()
    expect(tab).to_have_url(re.compile(r"family=3D%2Cdouble$"))
    tab.reload()
    expect(tab.get_by_label("3D")).to_be_checked()
    expect(tab.get_by_label("double")).to_be_checked()
    tab.go_back()
    expect(tab.get_by_role("status")).to_have_text(f"{total['total']:,} found")
    expect(tab.get_by_label("double")).not_to_be_checked()


def test_search_as_you_type(visitor):
    tab = visitor.open("/compositions")
    tab.get_by_label("Search", exact=True).press_sequentially("methylammonium")
    expect(tab.get_by_role("link", name="MAPbI3", exact=True)).to_be_visible()
    expect(tab.get_by_role("link", name="CsPbBr3", exact=True)).to_have_count(0)


def test_what_cannot_be_used_is_told_in_place(visitor):
    visitor.expected.add(422)
    tab = visitor.open("/compositions")
    rows = tab.locator("table.rows tbody tr").count()
    tab.get_by_label("from").first.fill("cheap")
    expect(tab.get_by_role("alert")).to_contain_text("e_a_min")
    assert tab.locator("table.rows tbody tr").count() == rows
