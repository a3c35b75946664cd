"""The table of materials: its facets, its energies, its filters on small screens."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ..asking import ask, rows
from ..axe import serious
from ..conftest import Visitor


def test_boxes_count_what_they_stand_for(visitor, address):
    tab = visitor.open("/materials?family=3D")
    for name, value in (("halide", "Br"), ("has", "dfe"), ("dimensionality", "3")):
        expected = len(rows(address, "/materials", family="3D", **{name: value}))
        count = tab.locator(f"[data-count='{name}'][data-value='{value}']")
        expect(count).to_have_text(str(expected))


def test_what_must_be_known_narrows_together(visitor, address):
    tab = visitor.open("/materials")
    tab.get_by_label("activation energy").check()
    expect(tab).to_have_url(re.compile(r"has=e_a$"))
    both = len(rows(address, "/materials", has="e_a,dfe"))
    box = tab.locator("[data-count=has][data-value=dfe]")
    expect(box).to_have_text(str(both))
    tab.get_by_label("formation energy").check()
    expect(tab).to_have_url(re.compile(r"has=e_a%2Cdfe$"))
    expect(tab.get_by_role("status")).to_have_text(f"{both} found")


def test_energies_are_the_ranges_of_the_statements(visitor, address):
    tab = visitor.open("/materials?id=FAPbI3&columns=id,e_a,dfe")
    ends: dict[str, list[float]] = {}
    for row in rows(address, "/energetics", material="FAPbI3"):
        found = ends.setdefault(row["quantity"], [])
        found += [each for each in (row["value_min_ev"], row["value_max_ev"]) if each is not None]
    cells = tab.locator("table.rows tbody td.number")
    for place, quantity in enumerate(("E_A", "DFE")):
        shown = cells.nth(place).locator("data")
        values = shown.evaluate_all("found => found.map(each => Number(each.value))")
        assert values == [min(ends[quantity]), max(ends[quantity])]
    expect(cells.first).to_have_text("0.16 to > 1.2")  # the largest is printed as > 1.20


def test_a_file_of_a_query_holds_its_rows(visitor, address):
    tab = visitor.open("/materials?halide=Br&limit=5")
    tab.get_by_text("This query as a request").click()
    path = tab.get_by_role("link", name="CSV").get_attribute("href")
    lines = ask(address, path).text.splitlines()
    assert len(lines) - 1 == len(rows(address, "/materials", halide="Br"))


def test_on_a_small_screen_the_filters_are_folded(chromium, address):
    visiting = Visitor(chromium, address, viewport={"width": 360, "height": 800})
    tab = visiting.open("/materials")
    filters = tab.locator("summary", has_text="Filters")
    expect(filters).to_be_visible()
    expect(tab.get_by_label("double")).to_be_hidden()
    filters.click()
    tab.get_by_label("double").check()
    expect(tab).to_have_url(re.compile(r"family=double$"))
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    visiting.close()


def test_on_a_wide_screen_they_are_open(visitor):
    expect(visitor.open("/materials").get_by_label("double")).to_be_visible()


def test_without_scripts_the_form_still_asks(chromium, address):
    visiting = Visitor(chromium, address, java_script_enabled=False)
    tab = visiting.open("/materials")
    tab.locator("summary", has_text="Filters").click()
    tab.get_by_label("double").check()
    tab.get_by_role("button", name="Apply").click()
    total = len(rows(address, "/materials", family="double"))
    expect(tab.get_by_role("status")).to_have_text(f"{total} found")
    visiting.close()


def test_nothing_serious_bars_anyone(visitor):
    tab = visitor.open("/materials?halide=Br")
    assert serious(tab) == []
