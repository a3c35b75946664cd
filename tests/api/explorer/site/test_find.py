"""Looking things up by what people type."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ..asking import ask, listed


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("CH3NH3PbI3", "/compositions/MAPbI3"),
        ("  cspbbr3 ", None),
        ("Cs2AgBiBr6", "/compositions/Cs2AgBiBr6"),
        ("D-T4-R01", "/devices/d-t4-r01"),
        ("r36", "/references/r36"),
    ],
)
def test_what_only_one_thing_can_mean_leads_to_it(address, typed, page):
    answer = ask(address, "/find", q=typed)
    if page is None:
        assert answer.status_code == 200  # formulas know capitals
    else:
        assert answer.status_code == 303
        assert answer.headers["location"] == page


def test_the_label_of_a_citation_finds_it(address):
    found = ask(address, "/find", q="Li 2022").text
    assert "/references/r267" in found
    assert '/references/r22"' not in found  # T. Du and others, one of them a Li


def test_a_word_finds_its_other_forms_in_titles(address):
    assert "/references/r142" in ask(address, "/find", q="analog synapse").text  # synaptic


def test_what_is_found_is_grouped_and_linked(visitor, address):
    tab = visitor.open("/find?q=methylammonium")
    for heading, name in (("Compositions", "compositions"), ("References", "references")):
        total = listed(address, f"/{name}", q="methylammonium", limit=0)["total"]
        found = tab.locator(f"h2:text-is('{heading}') + ul > li")
        expect(found).to_have_count(min(total, 20))
    link = tab.get_by_role("link", name="MAPbI3", exact=True)
    expect(link).to_have_attribute("href", "/compositions/MAPbI3")


def test_devices_are_found_by_their_absorber(visitor):
    tab = visitor.open("/find?q=ITO")
    expect(tab.get_by_role("heading", name="Devices")).to_be_visible()
    tab.locator("h2:text-is('Devices') + ul a").first.wait_for()


def test_where_nothing_fits_the_page_says_what_was_looked_in(visitor):
    tab = visitor.open("/find?q=unobtainium")
    expect(tab.get_by_role("main")).to_contain_text("No results")
    expect(tab.get_by_role("main")).to_contain_text("stacks and absorbers of devices")
    tab.get_by_role("link", name="Search the compositions").click()
    expect(tab.get_by_label("Search", exact=True)).to_have_value("unobtainium")


def test_the_field_in_the_head_of_every_page_finds(visitor):
    tab = visitor.open("/compositions")
    tab.get_by_label("Find a composition, a device or a reference").fill("Toolsets for assessing")
    tab.keyboard.press("Enter")
    tab.get_by_role("link", name="r36", exact=True).click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Toolsets for assessing")
