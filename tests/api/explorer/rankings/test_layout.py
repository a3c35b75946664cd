"""Ranking pages at the widths of a phone, a laptop and a large screen: boxes are measured."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ..conftest import Visitor

PATHS = (
    "/applications?leaders=shown",
    "/applications/synaptic-training?samples=50",
    "/applications/selector?subject=materials&samples=50",
    "/applications/nociceptor?samples=50",
)

#: Measures boxes in the browser.
BOXES = (Path(__file__).parent / "boxes.js").read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def address(address: str) -> str:
    httpx.get(f"{address}/api/v1/rankings/selector", timeout=120).raise_for_status()
    return address


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_text_is_cut_and_none_lies_on_another(chromium, address, width):
    visiting = Visitor(chromium, address, viewport={"width": width, "height": 900})
    wrong = {}
    for path in PATHS:
        tab = visiting.open(path)
        tab.wait_for_load_state("networkidle")
        found = tab.evaluate(f"{BOXES}.page()")
        if tab.locator("#plane").count():
            tab.locator("#plane").scroll_into_view_if_needed()
            tab.locator("#plane[data-drawn=true]").wait_for()
            found += tab.evaluate(f"{BOXES}.plot()")
        if found:
            wrong[path] = found[:12]
    visiting.close()
    assert not wrong


def test_a_phone_shows_the_numbers_of_the_scores(chromium, address):
    visiting = Visitor(chromium, address, viewport={"width": 390, "height": 900})
    tab = visiting.open("/applications/synaptic-training?samples=50")
    row = tab.locator("[data-candidate]").first
    for place in range(3):
        number = row.locator("td[data-label] data").nth(place)
        assert number.is_visible()
        box = number.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    visiting.close()
