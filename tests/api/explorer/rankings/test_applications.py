"""Applications: profiles as cards, and a ranking that follows its controls, in the browser."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from ....patience import get
from ..conftest import Visitor

TRAINING = "/applications/synaptic-training"


@pytest.fixture(scope="module")
def address(address: str) -> str:
    """The service after its first ranking, before which it loads what it computes with."""
    get(f"{address}/api/v1/rankings/selector").raise_for_status()
    return address


def served(address: str, path: str) -> dict[str, Any]:
    """The ranking that the REST service gives for the parameters of a page."""
    parts = urlsplit(path)
    asked = {name: value for name, [value] in parse_qs(parts.query).items() if name not in "xy"}
    name = parts.path.rpartition("/")[2]
    answer = get(f"{address}/api/v1/rankings/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(tab: Any) -> list[list[str]]:
    """Name, place and numbers of every candidate on the page, as exact values."""
    return tab.eval_on_selector_all(
        "[data-candidate]",
        """bodies => bodies.map(body => [body.dataset.candidate, body.rows[0].cells[0].textContent,
            ...[...body.rows[0].querySelectorAll("td:not(.criterion) data")].map(e => e.value)])""",
    )


def figures(entry: dict[str, Any]) -> tuple[str, ...]:
    ends = ("score_low", "score_high") if entry["score_low"] < entry["score_high"] else ()
    return ("score", *ends, "coverage", "first")


def expected(ranking: dict[str, Any]) -> list[list[str]]:
    return [
        [entry["id"], str(entry["rank"]), *(repr(entry[name]) for name in figures(entry))]
        for entry in ranking["candidates"][:10]
    ]


def here(tab: Any) -> str:
    parts = urlsplit(tab.url)
    return f"{parts.path}?{parts.query}"


def ranked(visitor: Any, path: str = TRAINING) -> Any:
    """The tab of a ranking, with what is behind a click: filters, weights and film, the plot."""
    tab = visitor.open(path)
    for each in ("options", "plotted"):
        tab.evaluate("id => (document.getElementById(id).open = true)", each)
    return tab


def names(tab: Any) -> Any:
    return tab.locator("[data-candidate]")


def test_every_application_is_a_card_with_its_first(visitor, address):
    tab = visitor.open("/applications")
    known = get(f"{address}/api/v1/rankings").json()["data"]
    expect(tab.locator("li.card")).to_have_count(len(known))
    training = tab.locator("li.card", has=tab.get_by_role("link", name="Synaptic training"))
    expect(training).to_contain_text("7 of 8 criteria have weight, 5 of them once enough papers")
    first = served(address, f"{TRAINING}?subject=materials&samples=1")["candidates"][0]
    expect(training.locator(f'a[href="/compositions/{first["id"]}"]')).to_be_visible()
    expect(training.locator(f'data[value="{first["score"]!r}"]')).to_be_visible()
    unclonable = tab.locator("li.card", has=tab.get_by_role("link", name="unclonable"))
    expect(unclonable).to_contain_text("cannot be ranked: no values reported")
    training.get_by_role("link", name="Compositions").click()
    expect(tab).to_have_url(re.compile(rf"{TRAINING}\?subject=materials$"))


@pytest.mark.parametrize(
    "query",
    [
        "?subject=materials&lead_free=true&family=double%2CA3B2X9&halide=Br&computed=false",
        "?weights=endurance_cycles%3D3%2Con_off_ratio%3D0.5",
        "?subject=materials&reading=as+section+3.1.4+prints+it&thickness_nm=90%3A300",
    ],
)
def test_the_numbers_are_those_of_the_service(visitor, address, query):
    tab = visitor.open(TRAINING + query)
    ranking = served(address, TRAINING + query)
    assert listed(tab) == expected(ranking)
    notes = tab.locator(".notes li").all_text_contents()
    assert notes == ranking["notes"]


def test_a_deep_link_sets_every_control(visitor):
    tab = visitor.open(
        f"{TRAINING}?subject=materials&weights=e_a_ev%3D2.5%2Clead_free%3D1"
        "&reading=as+section+3.1.4+prints+it&temperature_k=350&x=dfe_ev&y=p_perovskite"
    )
    expect(tab.get_by_label("E_A", exact=True)).to_have_value("2.5")
    expect(tab.get_by_role("slider", name="Weight of E_A")).to_have_value("2.5")
    expect(tab.get_by_label("Lead free", exact=True)).to_be_visible()
    expect(tab.get_by_label("Reading of ambiguous")).to_have_value("as section 3.1.4 prints it")
    expect(tab.get_by_label("Temperature")).to_have_value("350")
    expect(tab.get_by_label("X axis", exact=True)).to_have_value("dfe_ev")
    expect(tab.get_by_label("Y axis", exact=True)).to_have_value("p_perovskite")
    expect(tab.locator("#requirements")).to_contain_text("in use")
    expect(tab.locator(".wants")).to_contain_text("E_A low")


def test_figures_of_a_text_are_marked_with_the_text_that_they_are_from(address):
    page = get(f"{address}/applications/reservoir-computing?top=100").text
    marks = dict(
        re.findall(
            r'data-candidate="(c-[^"]+)".*?no table lists this device">from ([^<]+)<', page, re.S
        )
    )
    assert {mark for name, mark in marks.items() if name.startswith("c-o-")} == {"an open page"}
    assert {mark for name, mark in marks.items() if name.startswith("c-s")} == {"the review's text"}


def test_a_slider_by_keyboard_orders_as_the_service_says(visitor, address):
    tab = ranked(visitor, "/applications/selector?subject=materials")
    before = listed(tab)
    slider = tab.get_by_role("slider", name="Weight of DFE")
    slider.focus()
    for _ in range(4):
        tab.keyboard.press("PageUp")
    expect(tab).to_have_url(re.compile(r"weights=dfe_ev%3D"))
    expect(tab.locator("#results[aria-busy]")).to_have_count(0)
    expect(slider).to_be_focused()
    weight = parse_qs(urlsplit(tab.url).query)["weights"][0].partition("=")[2]
    assert float(weight) == float(slider.input_value()) > 1
    expect(tab.get_by_label("DFE", exact=True)).to_have_value(weight)
    after = expected(served(address, here(tab)))
    assert after != before
    for place in (0, 1, 2):
        expect(names(tab).nth(place)).to_have_attribute("data-candidate", after[place][0])
    assert listed(tab) == after
    tab.get_by_role("link", name="Reset the weights").click()
    expect(tab).to_have_url(re.compile(r"/selector\?subject=materials$"))
    expect(slider).to_have_value("1")
    expect(names(tab).first.locator("td:not(.criterion) data").first).to_have_attribute(
        "value", before[0][2]
    )


def test_filters_are_in_the_address_and_say_what_they_set_aside(visitor, address):
    tab = ranked(visitor, "/applications/selector")
    before = len(served(address, "/applications/selector")["candidates"])
    tab.get_by_text("Filters: rank only these").click()
    tab.get_by_label("Lead", exact=True).select_option("true")
    expect(tab).to_have_url(re.compile(r"\?lead_free=true$"))
    expect(tab.locator("#results")).to_contain_text("(contains lead)")
    assert listed(tab) == expected(served(address, here(tab)))
    assert len(served(address, here(tab))["candidates"]) < before
    tab.get_by_label("something known about its ions").check()
    expect(tab).to_have_url(re.compile(r"lead_free=true&ions_known=true$"))
    tab.get_by_label("Compositions", exact=True).fill("Cs2AgBiBr6")
    expect(names(tab).first).to_contain_text("Cs2AgBiBr6")


def test_back_leads_to_the_weights_before(visitor):
    tab = ranked(visitor)
    field = tab.get_by_label("Endurance", exact=True)
    before = listed(tab)
    field.fill("4")
    field.press("Enter")
    expect(tab).to_have_url(re.compile(r"weights=endurance_cycles%3D4$"))
    tab.get_by_text("Filters: rank only these").click()
    tab.get_by_label("has been screened").check()
    expect(tab).to_have_url(re.compile(r"only_screening=true&weights"))
    tab.go_back()
    expect(tab.get_by_label("has been screened")).not_to_be_checked()
    expect(field).to_have_value("4")
    tab.go_back()
    expect(field).to_have_value("1")
    expect(names(tab)).to_have_count(len(before))
    assert listed(tab) == before


def test_the_subject_and_the_reading_are_links_as_well(visitor):
    tab = visitor.open("/applications/synaptic-inference")
    field = tab.get_by_label("Endurance", exact=True)
    field.evaluate("field => (field.dataset.mark = 'the same page')")
    tab.get_by_role("link", name="Sources and other criteria").click()
    expect(tab).to_have_url(re.compile("#requirements$"))
    expect(field).to_have_attribute("data-mark", "the same page")
    tab.locator("#requirements").get_by_role("link", name="use this reading").first.click()
    expect(tab.locator("#results")).to_contain_text("with the reading “the demanding end”")
    tab.get_by_role("navigation", name="Ranked subject").get_by_text("Compositions").click()
    expect(tab.locator(".found").first).to_contain_text("compositions")


def test_every_criterion_with_its_evidence(visitor, address):
    tab = ranked(visitor)
    entry = served(address, TRAINING)["candidates"][0]
    body = tab.locator(f"[data-candidate={entry['id']}]")
    body.locator("summary").focus()
    tab.keyboard.press("Enter")
    for each in entry["criteria"]:
        expect(body.locator(".evidence")).to_contain_text(each["reason"])
    expect(
        body.locator(f".evidence a[href='/references/{entry['references']}']").first
    ).to_be_visible()
    # What is open stays open when the ranking changes.
    tab.get_by_label("Retention", exact=True).fill("2")
    expect(tab).to_have_url(re.compile("weights=retention_s"))
    expect(tab.locator(".evidence").first).to_be_visible()


def test_a_plane_of_two_criteria(visitor, address):
    tab = ranked(visitor)
    tab.get_by_label("Y axis", exact=True).focus()
    tab.get_by_label("Y axis", exact=True).select_option("switching_time_s")
    expect(tab).to_have_url(re.compile(r"x=endurance_cycles&y=switching_time_s$"))
    expect(tab.get_by_label("Y axis", exact=True)).to_be_focused()
    expect(tab.locator("#results[aria-busy]")).to_have_count(0)
    tab.locator("#plane").scroll_into_view_if_needed()
    expect(tab.locator("#plane[data-drawn=true]")).to_be_visible()
    tab.locator("#plane-table summary").click()

    def known(entry: dict[str, Any]) -> set[str]:
        ends = {each["metric"]: {each["minimum"], each["maximum"]} for each in entry["criteria"]}
        return {name for name, values in ends.items() if values != {None}}

    plotted, whole = {"endurance_cycles", "switching_time_s"}, served(address, TRAINING)
    both = [entry["id"] for entry in whole["candidates"] if plotted <= known(entry)]
    assert tab.locator("#plane-table tbody th .id").all_inner_texts() == both


@pytest.mark.parametrize(("width", "subject"), [(1280, "devices"), (390, "materials")])
def test_the_page_begins_with_the_answer(chromium, address, width, subject):
    visiting = Visitor(chromium, address, viewport={"width": width, "height": 860})
    tab = visiting.open(f"{TRAINING}?subject={subject}")
    first = served(address, f"{TRAINING}?subject={subject}")["candidates"][0]
    expect(tab.locator(".answer")).to_contain_text(first["label"])
    expect(tab.locator(".answer")).to_contain_text("of random weights and papers")
    assert tab.locator("tbody tr").first.bounding_box()["y"] < (700 if width == 1280 else 860)
    height = tab.evaluate("document.documentElement.scrollHeight")
    assert height < (5000 if width == 1280 else 9000)
    visiting.close()


def test_more_candidates_are_a_link_away(visitor, address):
    tab = visitor.open(TRAINING)
    expect(names(tab)).to_have_count(10)
    tab.get_by_role("link", name=f"Show all {len(served(address, TRAINING)['candidates'])}").click()
    expect(names(tab)).to_have_count(len(served(address, TRAINING)["candidates"]))


def test_weights_that_cannot_be_used_are_told_in_place(visitor):
    visitor.expected.add(422)
    tab = ranked(visitor)
    count = names(tab).count()
    tab.get_by_label("Endurance", exact=True).fill("0")
    tab.get_by_label("Retention", exact=True).fill("0")
    expect(tab.get_by_role("alert")).to_contain_text("they sum to zero")
    assert names(tab).count() == count
    tab.get_by_label("Retention", exact=True).fill("much")
    expect(tab.get_by_role("alert")).to_contain_text("retention_s=much")
    tab.get_by_label("Retention", exact=True).fill("1")
    expect(tab.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("weights=endurance=1", "did you mean 'endurance_cycles'?"),
        ("subject=material", "did you mean 'materials'?"),
        ("x=mass", "there is no criterion 'mass'"),
        ("sort=rank", "there is no parameter 'sort'"),
    ],
)
def test_what_cannot_be_asked(address, query, told):
    answer = get(f"{address}{TRAINING}?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert told in answer.text.replace("&#39;", "'")
    if "sort" not in query:
        assert 'id="ask"' in answer.text  # the controls stay, with what was given


def test_without_scripts_the_button_ranks(scriptless, address):
    tab = scriptless.open(TRAINING)
    tab.get_by_text("Filters, weights, film").click()
    tab.get_by_label("Retention", exact=True).fill("3")
    tab.get_by_role("button", name="Rank").click()
    expect(tab).to_have_url(re.compile(rf"{TRAINING}\?weights=retention_s%3D3(&|$)"))
    first = served(address, here(tab))["candidates"][0]
    expect(names(tab).first).to_have_attribute("data-candidate", first["id"])
    expect(tab.get_by_label("Retention", exact=True)).to_have_value("3")
    scriptless.open("/applications?leaders=shown")
    expect(tab.locator(".leader").first).to_contain_text("leader:")


def test_the_snippet_gives_the_same_ranking(visitor, address):
    query = "?subject=materials&weights=e_a_ev%3D2&thickness_nm=90%3A300&samples=20"
    tab = visitor.open(TRAINING + query)
    tab.get_by_text("This ranking as a request").click()
    snippet = tab.locator("code.python").inner_text()
    ran = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=True, timeout=60
    )
    rest = get(tab.locator("#same a").get_attribute("href")).json()
    first = rest["candidates"][0]
    assert ran.stdout == f"{first['id']} {first['score']} {first['because']}\n"
    assert listed(tab)[0][2] == str(first["score"])
    expect(tab.locator("#same p code")).to_have_text(rest["dataset_version"])
