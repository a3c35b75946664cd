"""The crossbar page: sliders, results while they move, and the circuit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ....patience import get
from ..asking import ask

COLUMNS = ("size", "root", "size_best_pull_up", "best_pull_up_ratio", "size_any_data")


def part(address, name, **parameters):
    return get(
        f"{address}/crossbar",
        params=parameters,
        headers={"X-Part": name, "Accept": "application/json"},
    )


def table(tab):
    """The numbers of the table, a list for each row."""
    return tab.locator("#limits tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('data')].map(d => Number(d.value)))"
    )


def limits(document):
    return [
        [limit[name] for name in COLUMNS if limit[name] is not None] for limit in document["limits"]
    ]


def best_of(document):
    floating = ("1S1R", "floating")
    return next(x["size"] for x in document["limits"] if (x["cell"], x["read"]) == floating)


def served(address, **asked):
    """What the service answers."""
    return ask(address, "/api/v1/crossbar", **asked).json()


def test_the_table_is_that_of_the_service(visitor, address):
    tab = visitor.open("/crossbar?on_off_ratio=200&r_lrs_ohm=2e4&pull_up_ohm=5000&selectivity=50")
    asked = {"on_off_ratio": 200, "r_lrs_ohm": 2e4, "pull_up_ohm": 5000, "selectivity": 50}
    document = served(address, **asked)
    assert table(tab) == limits(document)
    tab.get_by_text("This calculation as a request").click()
    link = tab.get_by_role("link", name="REST: this table").get_attribute("href")
    assert limits(get(f"{address}{link}").json()) == limits(document)


def test_the_examples_written_out_are_the_page_without_parameters(visitor):
    unasked = table(visitor.open("/crossbar"))
    assert (
        table(visitor.open("/crossbar?selectivity=514&on_off_ratio=1000&r_lrs_ohm=1e4")) == unasked
    )
    assert table(visitor.open("/crossbar?selectivity=")) != unasked


def test_the_map_is_the_circuit_of_the_service(address):
    given = {"on_off_ratio": 100, "r_lrs_ohm": 1e4, "line_resistance_ohm": 5, "size": 12}
    document = served(address, **given, selectivity=20)
    for exact in document["exact"]:
        kind = {"cell": exact["cell"], "read": exact["read"]}
        found = part(address, "map", **given, selectivity=20, **kind).json()
        for name in ("margin_formula", "margin_near", "margin_far", "cell_voltage_far"):
            assert found[name] == pytest.approx(exact[name], rel=1e-12)
        assert len(found["values"]) == len(found["values"][0]) == 12
        # The cell that is read stands at the top right.
        assert found["values"][0][11] == pytest.approx(exact["cell_voltage_far"], rel=1e-4)
        margins = part(address, "map", **given, selectivity=20, map="margin", **kind).json()
        assert margins["lines"][0] == 0
        assert margins["lines"][-1] == 11
        assert margins["values"][-1][0] == pytest.approx(exact["margin_near"], rel=1e-4)
        assert margins["values"][0][-1] == pytest.approx(exact["margin_far"], rel=1e-4)


def test_curves_cross_the_margin_at_the_size_of_the_table(visitor):
    tab = visitor.open("/crossbar")
    found = tab.locator("#curves").evaluate("element => JSON.parse(element.textContent)")
    for curve in found["curves"]:
        kept = [n for n, margin in curve["points"] if margin >= found["margin"]]
        lost = [n for n, margin in curve["points"] if margin < found["margin"]]
        assert max(kept) <= curve["size"] + 1
        assert min(lost) >= curve["size"]


def test_a_slider_changes_the_table_the_map_and_the_address(visitor, address):
    tab = visitor.open("/crossbar?size=8")
    expect(tab.locator("#map-text")).to_contain_text("Solved circuit")
    before = tab.locator("#map-text").inner_text()
    slider = tab.get_by_role("slider", name="On/off ratio, slider")
    slider.focus()
    for _ in range(30):
        tab.keyboard.press("ArrowLeft")
    field = tab.get_by_label("On/off ratio", exact=True)
    expect(field).to_have_value("31.6")
    expect(tab).to_have_url(re.compile(r"on_off_ratio=31\.6"))
    document = served(address, on_off_ratio=31.6, selectivity=514)
    expect(tab.get_by_role("status")).to_contain_text(f"at most {best_of(document)} ×")
    assert table(tab) == limits(document)
    expect(tab.locator("#map-text")).not_to_have_text(before)
    tab.reload()
    expect(field).to_have_value("31.6")


def test_a_slide_is_one_step_of_the_history(visitor):
    tab = visitor.open("/crossbar?size=8&cell=1R")
    before = tab.get_by_role("status").inner_text()
    slider = tab.get_by_role("slider", name="Required read margin, slider")
    slider.focus()
    tab.keyboard.press("Home")
    expect(tab).to_have_url(re.compile(r"margin=0\.01"))
    expect(tab.get_by_role("status")).not_to_have_text(before)
    tab.go_back()
    expect(tab).to_have_url(re.compile(r"/crossbar\?size=8&cell=1R$"))
    expect(tab.get_by_role("status")).to_have_text(before)


def test_a_field_a_choice_and_the_way_back(visitor):
    tab = visitor.open("/crossbar?size=8")
    tab.get_by_label("Kind of cell").select_option("1R")
    expect(tab.get_by_role("status")).to_contain_text("1R, floating: at most 4 × 4")
    expect(tab).to_have_url(re.compile("cell=1R"))
    tab.get_by_label("Read scheme").select_option("third-bias")
    expect(tab.get_by_role("status")).to_contain_text("1R, third-bias: at most 6 × 6")
    tab.get_by_label("Map of the circuit").select_option("margin")
    expect(tab.locator("#map-heading")).to_contain_text("Read margin by")
    tab.go_back()
    expect(tab.get_by_label("Map of the circuit")).to_have_value("voltage")
    expect(tab.get_by_role("status")).to_contain_text("1R, third-bias")
    tab.go_back()
    expect(tab.get_by_role("status")).to_contain_text("1R, floating")
    expect(tab.get_by_label("Read scheme")).to_have_value("floating")


def test_a_device_of_the_store_as_the_start(visitor, address):
    tab = visitor.open("/crossbar?device=d-t4-r25&size=8")
    # Its ratio is printed as > 10: the size is a lower bound. No selector is known of it.
    expect(tab.get_by_role("status")).to_contain_text("1R, floating: at least")
    expect(tab.get_by_label("Kind of cell")).to_have_value("1R")
    document = served(address, device="d-t4-r25", selectivity=514)
    assert table(tab) == limits(document)
    tab.get_by_label("On/off ratio", exact=True).fill("1e3")
    expect(tab.get_by_label("Device from the store")).to_have_value("")
    expect(tab.get_by_role("status")).to_contain_text("at most 1748")


def test_assumptions_are_marked_until_they_are_given(visitor):
    tab = visitor.open("/crossbar?r_lrs_ohm=5e4&on_off_ratio=50&size=8")
    assumed = tab.locator("p", has=tab.locator(".tag.open"))
    expect(assumed).to_contain_text("Selectivity or rectification ratio 514")
    expect(assumed).not_to_contain_text("On/off ratio")
    tab.get_by_text("Inputs and their sources").click()
    expect(tab.get_by_text("the rectification ratio in the review's example")).to_be_visible()


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("on_off_ratio=inf", 200, None),
        ("selectivity=1e300", 422, "selectivity = 1e+300 is above 1e+15"),
        ("selectivity=1e12&margin=0.001&on_off_ratio=1e15&pull_up_ohm=1e15", 200, None),
        ("selectivity=", 200, None),
        ("selectivity=&cell=1S1R", 422, "needs a selectivity"),
        ("cell=self-rectifying&read=half-bias", 422, "does not block"),
        ("cell=2R", 422, "self-rectifying"),
        ("map=current", 422, "voltage"),
        ("r_lrs=5", 422, "r_lrs_ohm"),
        ("device=d-t4-r99", 404, "d-t4-r"),
        ("device=a%00b", 422, "pattern"),
    ],
)
def test_what_cannot_be_used_is_told_beside_the_fields(address, query, status, says):
    answer = get(f"{address}/crossbar?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == status
    alert = re.search(r'<p class="alert" role="alert">(.*?)</p>', answer.text)
    assert (alert is None) == (says is None)
    if alert:
        assert says in alert[1].replace("&#39;", "'")
    assert 'id="crossbar-form"' in answer.text


def test_a_refused_page_keeps_what_was_chosen(visitor):
    tab = visitor.open("/crossbar?size=many&cell=1R&read=third-bias", status=422)
    expect(tab.get_by_label("Kind of cell")).to_have_value("1R")
    expect(tab.get_by_label("Read scheme")).to_have_value("third-bias")
    expect(tab.get_by_label("Size of the solved array").first).to_have_value("many")
    expect(tab.locator("#map-text")).to_have_text(re.compile("^The circuit is solved after"))


def test_a_circuit_that_cannot_be_solved_is_told_in_place_of_its_map(visitor):
    visitor.expected.add(422)
    tab = visitor.open("/crossbar?r_lrs_ohm=1e15&line_resistance_ohm=1e-12&size=8")
    expect(tab.locator("#map-text")).to_contain_text("too small beside the cells")
    expect(tab.locator("#map")).to_be_hidden()
    tab.get_by_role("textbox", name="Line resistance between cells").fill("0")
    expect(tab.locator("#map-text")).to_contain_text("Solved circuit")
    expect(tab.locator("#map")).to_be_visible()


def test_a_wrong_field_is_told_in_place_and_can_be_mended(visitor):
    visitor.expected.add(422)
    tab = visitor.open("/crossbar?size=8")
    field = tab.get_by_role("textbox", name="LRS resistance")
    field.fill("cheap")
    expect(tab.get_by_role("alert")).to_contain_text("valid number")
    expect(tab.locator("#limits")).to_be_visible()
    field.fill("2e4")
    expect(tab.get_by_role("alert")).to_have_count(0)
    expect(tab).to_have_url(re.compile("r_lrs_ohm=2e4"))


def test_without_script_the_form_does_the_same(scriptless, address):
    tab = scriptless.open("/crossbar")
    tab.get_by_text("Resistances, cell, read scheme, array").click()
    tab.get_by_role("textbox", name="Selectivity or rectification ratio").fill("1000")
    tab.get_by_role("button", name="Calculate").click()
    document = served(address, on_off_ratio=1000, selectivity=1000)
    expect(tab.get_by_role("status")).to_contain_text(f"at most {best_of(document)} ×")
