"""The table of compositions: its facets, its energies, its filters on small screens."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ..asking import ask, numbers, rows
from ..conftest import Visitor


def test_boxes_count_what_they_stand_for(visitor, address):
    """Anew after each choice; what must be known narrows together."""
    tab = visitor.open("/compositions?family=3D")
    tab.get_by_role("checkbox", name=re.compile("^activation energy")).check()
    expect(tab).to_have_url(re.compile("has=e_a"))
    for name, value in (("halide", "Br"), ("has", "dfe"), ("dimensionality", "3")):
        asked = {"family": "3D", "has": "e_a", name: "e_a,dfe" if name == "has" else value}
        count = tab.locator(f"[data-count='{name}'][data-value='{value}']")
        expect(count).to_have_text(str(len(rows(address, "/compositions", **asked))))


def test_energies_are_those_of_the_service_literature_and_computed_apart(visitor, address):
    tab = visitor.open("/compositions?formula=FAPbI3&columns=formula,e_a,e_a_computed,dfe")
    (row,) = rows(address, "/compositions", formula="FAPbI3")
    cells = tab.locator("table.rows tbody td.number")
    for place, stem in enumerate(("e_a_literature", "e_a_computed", "dfe_literature")):
        ends = [row[f"{stem}_{end}_ev"] for end in ("min", "max")]
        assert numbers(cells.nth(place)) == [end for end in ends if end is not None]
    expect(cells.first).to_have_text("0.16 to 0.9")
    expect(cells.nth(1)).to_have_text("–")


def test_the_address_of_a_phase_leads_to_its_composition(address):
    answer = ask(address, "/compositions/FAPbI3-δ", hop="2")
    target = "/compositions/FAPbI3?hop=2&phase=%CE%B4"
    assert (answer.status_code, answer.headers["location"]) == (307, target)


def test_a_file_of_a_query_holds_its_rows(visitor, address):
    tab = visitor.open("/compositions?halide=Br&limit=5")
    tab.get_by_text("This query as a request").click()
    path = tab.get_by_role("link", name="CSV").get_attribute("href")
    lines = ask(address, path).text.splitlines()
    assert len(lines) - 1 == len(rows(address, "/compositions", halide="Br"))


def test_on_a_small_screen_the_filters_are_folded(chromium, address):
    visiting = Visitor(chromium, address, viewport={"width": 360, "height": 800})
    tab = visiting.open("/compositions")
    filters = tab.locator("summary", has_text="Filters")
    expect(filters).to_be_visible()
    expect(tab.get_by_label("double")).to_be_hidden()
    filters.click()
    tab.get_by_label("double").check()
    expect(tab).to_have_url(re.compile(r"family=double$"))
    visiting.close()


def test_without_scripts_the_form_still_asks(scriptless, address):
    tab = scriptless.open("/compositions")
    tab.locator("summary", has_text="Filters").click()
    tab.get_by_label("double").check()
    tab.get_by_role("button", name="Apply").click()
    total = len(rows(address, "/compositions", family="double"))
    expect(tab.get_by_role("status")).to_have_text(f"{total} found")


def test_the_periodic_table_filters_by_links_alone(scriptless, address):
    tab = scriptless.open("/compositions?family=3D")
    tab.locator("#elements summary").click()
    counted = len(rows(address, "/compositions", a_site="Cs"))
    tab.get_by_role("link", name=f"Cs on the A site: {counted} compositions", exact=True).click()
    tab.get_by_role("link", name=re.compile("^I on the X site")).click()
    expect(tab).to_have_url(re.compile(r"\?family=3D&a_site=Cs&halide=I#elements$"))
    total = len(rows(address, "/compositions", family="3D", a_site="Cs", halide="I"))
    expect(tab.get_by_role("status")).to_have_text(f"{total} found")
    chosen = tab.locator("#elements [aria-current]")
    assert [text.split()[0] for text in chosen.all_inner_texts()] == ["I", "Cs"]
    chosen.last.click()
    expect(tab).to_have_url(re.compile(r"\?family=3D&halide=I#elements$"))


def test_the_periodic_table_keeps_what_the_form_changed(visitor):
    tab = visitor.open("/compositions?a_site=Cs")
    tab.get_by_label("double").check()
    expect(tab).to_have_url(re.compile(r"family=double"))
    link = tab.get_by_role("link", name=re.compile("^Br on the X site"))
    expect(link).to_have_attribute("href", re.compile(r"family=double.*halide=Br#elements$"))
    assert "a_site=Cs" in link.get_attribute("href")
