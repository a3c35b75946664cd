"""What holds on every page: nothing from elsewhere, readable by everybody, at every width."""

from __future__ import annotations

import gzip
import os
import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade

from ..conftest import Visitor, serving_at

PAGES = (
    "/",
    "/compositions",
    "/compositions?family=3D&e_a_max=0.5",
    "/compositions/MAPbI3",
    "/devices",
    "/devices/d-t4-r11",
    "/applications",
    "/applications/synaptic-training",
    "/applications/non-volatile-memory?subject=materials",
    "/crossbar",
    "/jobs",
    "/jobs/new",
    "/jobs/new/simulation",
    "/screenings",
    "/structures",
    "/references",
    "/references/r161",
    "/draft",
    "/measurements",
    "/errata",
    "/dictionary",
    "/tables/conduction",
    "/find?q=CsPb",
    "/key",
    "/docs",
)

#: Compressed bytes of a first visit.
FIRST_LOAD = 1_500_000

#: What only some pages need.
PLOTS, MOLECULES = "vendor/echarts", "vendor/3dmol"


def keep_picture(tab, path: str) -> None:
    """A picture of the page for who wants to look, where ``PVKDB_PICTURES`` names a folder."""
    folder = os.environ.get("PVKDB_PICTURES")
    if folder:
        name = re.sub(r"\W+", "-", path).strip("-") or "start"
        tab.screenshot(path=f"{folder}/{name}.png", full_page=True)


def complaints_of(tab) -> list[str]:
    """What axe finds serious or worse."""
    found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_open_to_everybody(visitor, path):
    tab = visitor.open(path)
    tab.wait_for_load_state("networkidle")
    assert "pvkdb" in tab.title()
    assert tab.locator("h1").count() == 1
    keep_picture(tab, path)
    assert not complaints_of(tab), "\n".join(complaints_of(tab))


@pytest.mark.parametrize("width", [360, 1920])
def test_no_page_is_wider_than_the_window(chromium, address, width):
    visiting = Visitor(chromium, address, viewport={"width": width, "height": 900})
    wide = []
    for path in PAGES:
        tab = visiting.open(path)
        if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    visiting.close()
    assert not wide


def test_dark_pages_have_contrast_too(chromium, address):
    visiting = Visitor(chromium, address, color_scheme="dark")
    found = {}
    for path in (
        "/",
        "/compositions",
        "/compositions/MAPbI3",
        "/devices",
        "/applications",
        "/crossbar",
    ):
        tab = visiting.open(path)
        tab.wait_for_load_state("networkidle")
        found[path] = complaints_of(tab)
    visiting.close()
    assert not any(found.values()), found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_policy_and_no_script_or_style_of_its_own(address, path):
    answer = httpx.get(f"{address}{path}", headers={"Accept": "text/html"}, follow_redirects=True)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
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
    sizes = [
        len(gzip.compress(httpx.get(each, headers=plain).content)) for each in dict.fromkeys(loaded)
    ]
    assert sum(sizes) < FIRST_LOAD
    assert not any(MOLECULES in each for each in loaded)
    assert any(PLOTS in each for each in loaded) is plots


def test_the_keyboard_reaches_the_content_first(visitor):
    tab = visitor.open("/compositions")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(
    "path",
    ["/nothing-here", "/compositions/XyPbZ3", "/devices/none", "/references/r9999", "/jobs/none"],
)
def test_what_is_not_there_is_a_page_that_leads_on(visitor, path):
    tab = visitor.open(path, status=404)
    assert tab.get_by_role("alert").inner_text()
    assert tab.get_by_role("navigation", name="Sections").is_visible()


def test_a_program_gets_problems_also_where_pages_are(address):
    answer = httpx.get(f"{address}/nothing-here")
    assert answer.headers["content-type"] == "application/problem+json"


def test_markup_in_an_address_is_text(visitor):
    tab = visitor.open("/find?q=<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in tab.locator("main").inner_text()
    assert "<script>alert(1)</script>" in tab.locator("main").inner_text()
    assert tab.locator("main script:not([type='application/json'])").count() == 0


def test_every_page_stands_on_an_empty_store(chromium, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    upgrade(store)
    store.close()
    with serving_at(str(store.url)) as address:
        visiting = Visitor(chromium, address)
        for path in PAGES:
            # What names a row of the literature has none to show.
            named = re.match(r"/(compositions|devices|references)/\w", path)
            tab = visiting.open(path, 404 if named else 200)
            tab.wait_for_load_state("networkidle")
            for empty in tab.locator(".nothing").all():  # says what to do next
                assert empty.locator("a, code").count(), f"{path}: {empty.inner_text()}"
        visiting.close()
