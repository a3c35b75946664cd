"""What holds on every page: nothing from elsewhere, light, and whole where there is nothing."""

from __future__ import annotations

import gzip
import re
import shutil

import pytest

from ....each import for_each
from ....patience import get
from ...conftest import LOCAL_KEYS
from ..conftest import Visitor, serving_at

PAGES = (
    *("/", "/compositions", "/compositions?family=3D&e_a_max=0.5", "/compositions/MAPbI3"),
    *("/devices", "/devices/d-t4-r11", "/applications", "/applications/synaptic-training"),
    *("/applications/non-volatile-memory?subject=materials", "/crossbar", "/jobs", "/jobs/new"),
    *("/jobs/new/simulation", "/screenings", "/series", "/structures", "/references"),
    *("/references/r161", "/draft", "/measurements", "/errata", "/dictionary"),
    *("/tables/conduction", "/find?q=CsPb", "/key", "/docs"),
)

#: What pages say where the store has no rows.
SAID_OF_NOTHING = {
    "/": "The store has no energies yet",
    "/compositions": "This table is empty",
    "/references": "This table is empty",
    "/tables/conduction": "This table is empty",
    "/errata": "No row of the store",
}
#: Compressed bytes of a first visit.
FIRST_LOAD = 1_500_000

#: What only some pages need.
PLOTS, MOLECULES = "vendor/echarts", "vendor/3dmol"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_policy_and_no_script_or_style_of_its_own(address, path):
    answer = get(f"{address}{path}", headers={"Accept": "text/html"}, follow_redirects=True)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    sheets = re.findall(r'<link rel="(?!alternate)[^>]* href="([^"]+)"', answer.text)
    assert sheets
    assert all(sheet.startswith("/assets/") for sheet in sheets)
    assert not re.search(r"<style|<\w[^<>]*\s(style|on\w+)=|=\"javascript:", answer.text)
    for script in re.findall(r"<script[^>]*>", answer.text):
        assert re.search(r'src=|type="application/(ld\+)?json"', script)
    for address_ in re.findall(r"(?:src|action)=\"([^\"]*)\"", answer.text):
        assert re.match(r"/(?!/)", address_)


@pytest.mark.parametrize(
    ("path", "plots"), [("/compositions", False), ("/references", False), ("/", True)]
)
def test_a_first_visit_is_light_and_loads_what_it_uses(visitor, path, plots):
    loaded: list[str] = []
    visitor.tab.on("request", lambda request: loaded.append(request.url))
    visitor.open(path).wait_for_load_state("networkidle")
    plain = {"Accept-Encoding": "identity"}
    sizes = [len(gzip.compress(get(each, headers=plain).content)) for each in dict.fromkeys(loaded)]
    assert sum(sizes) < FIRST_LOAD
    assert not any(MOLECULES in each for each in loaded)
    assert any(PLOTS in each for each in loaded) is plots


def test_the_keyboard_reaches_the_content_first(visitor):
    tab = visitor.open("/compositions")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


@for_each(
    "path",
    [
        *("/nothing-here", "/compositions/XyPbZ3", "/devices/none", "/references/r9999"),
        *("/jobs/none", "/applications/none", "/tables/none"),
    ],
)
def test_what_is_not_there_is_a_page_that_leads_on(visitor, path):
    tab = visitor.open(path, status=404)
    assert tab.get_by_role("alert").inner_text()
    assert tab.get_by_role("navigation", name="Sections").is_visible()


def test_every_page_stands_on_an_empty_store(chromium, migrated_sqlite, tmp_path):
    with serving_at(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path)}") as address:
        visiting = Visitor(chromium, address)
        for path in PAGES:
            # What names a row of the literature has none to show.
            named = re.match(r"/(compositions|devices|references)/\w", path)
            tab = visiting.open(path, 404 if named else 200)
            tab.wait_for_load_state("networkidle")
            for empty in tab.locator(".nothing").all():  # says what to do next
                assert empty.locator("a, code").count(), f"{path}: {empty.inner_text()}"
            if path in SAID_OF_NOTHING:
                assert SAID_OF_NOTHING[path] in tab.locator("main").inner_text()
        visiting.close()


def test_a_browser_of_this_machine_writes_once_it_has_the_local_key(
    chromium, loaded_sqlite, tmp_path
):
    path = shutil.copy(loaded_sqlite, tmp_path)
    with serving_at(f"sqlite:///{path}") as address:
        visitor = Visitor(chromium, address, signed_in=False)
        tab = visitor.open("/jobs/new?formula=CsPbBr3")
        visitor.expected.add(401)
        tab.locator("form[action^='/jobs/new'] button[type=submit]").first.click()
        tab.locator("#key").fill(LOCAL_KEYS[address])
        assert "prints a key at each start" in tab.inner_text("[role=alert]")
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url("**/jobs/new?*")  # with what was typed
        assert LOCAL_KEYS[address] not in tab.url + tab.content()
        tab.locator("form[action^='/jobs/new'] button[type=submit]").first.click()
        tab.wait_for_url(re.compile("/jobs(?!/new)"))
        visitor.close()
