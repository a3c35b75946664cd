"""The start page: three questions, counts, the overview; and the operations."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import combinations

import pytest
from playwright.sync_api import expect

from pvkdb import suitability
from pvkdb.store.database import Store
from pvkdb_api.explorer.site.overview import energy_overview

from ....patience import get
from ..asking import numbers, rows


@pytest.fixture(scope="module")
def seen(loaded_sqlite):
    """The overview of the literature."""
    store = Store(f"sqlite:///{loaded_sqlite}")
    with store.session(read_only=True) as session:
        yield energy_overview(session)
    store.close()


def test_the_overview_shows_the_rows_of_the_service(seen, address):
    """Every statement on a halide vacancy, or on a halide whose defect is not told, spans it.

    The energy to form a charged one depends on the Fermi level, and does not.
    """
    spans = defaultdict(list)
    for row in rows(address, "/energetics", species="F,Cl,Br,I,X"):
        moves = row["quantity"] == "E_A"
        vacancy = row["defect"].startswith("V_") and (moves or not row["charge"])
        if vacancy or (moves and row["defect"] == row["species"]):
            ends = [row["value_min_ev"], row["value_max_ev"]]
            spans[row["material"], row["quantity"]] += [end for end in ends if end is not None]
    shown = {}
    for point in (*seen.both, *seen.only_e_a, *seen.only_dfe):
        for quantity, energy in (("E_A", point.e_a), ("DFE", point.dfe)):
            if energy is not None:
                shown[point.composition, quantity] = [energy.low, energy.high]
    assert shown == {key: [min(ends), max(ends)] for key, ends in spans.items()}
    both = {name for name, quantity in spans if quantity == "E_A" and (name, "DFE") in spans}
    assert {point.composition for point in seen.both} == both != set()
    assert {point.kind for point in seen.both} == {"literature"}


def test_the_plot_is_drawn_and_its_numbers_stand_in_a_table(visitor, seen):
    tab = visitor.open("/")
    tab.locator("#plot").scroll_into_view_if_needed()
    expect(tab.locator("#plot[data-drawn=true] canvas")).to_be_visible()
    expect(tab.locator("figcaption")).to_contain_text(f"{seen.compositions} compositions have both")
    expect(tab.locator("figcaption")).to_contain_text(f"{len(seen.only_e_a)} have only")
    tab.get_by_text("Show these numbers as a table").click()
    table = tab.get_by_role("region", name="Energies of halide vacancies")
    expect(table.locator("tbody tr")).to_have_count(len(seen.listed))
    row = table.get_by_role("row").filter(has=tab.get_by_role("link", name="CsPbI3", exact=True))
    point = next(point for point in seen.both if point.composition == "CsPbI3")
    ends = [(point.e_a.low, point.e_a.high), (point.dfe.low, point.dfe.high)]
    assert numbers(row) == [end for both in ends for end in dict.fromkeys(both)]  # equal ones once


def test_a_click_on_a_mark_leads_to_the_composition(visitor):
    visitor.expected.add(404)  # where the page of a material is not built in
    tab = visitor.open("/")
    tab.locator("#plot").scroll_into_view_if_needed()
    expect(tab.locator("#plot[data-drawn=true] canvas")).to_be_visible()
    place = tab.evaluate(
        """async () => {
          const script = document.querySelector("script[src$='js/start.js']").src;
          const library = script.replace("js/start.js", "vendor/echarts-6.1.0.js");
          const { getInstanceByDom } = await import(library);
          const chart = getInstanceByDom(document.querySelector("#plot"));
          const series = chart.getOption().series;
          const index = series.findIndex((each) => each.type === "scatter" && each.data.length);
          return chart.convertToPixel({ seriesIndex: index }, series[index].data[0].value);
        }"""
    )
    tab.locator("#plot").click(position={"x": place[0], "y": place[1]})
    expect(tab).to_have_url(re.compile(r"/compositions/[^/]+$"))


#: Texts and rectangles of the labels that ECharts drew.
LABELS = """async () => {
  const script = document.querySelector("script[src$='js/start.js']").src;
  const library = script.replace("js/start.js", "vendor/echarts-6.1.0.js");
  const { getInstanceByDom } = await import(library);
  const plot = document.querySelector("#plot");
  const names = new Set(JSON.parse(document.getElementById("overview-data").textContent)
    .both.map((point) => point.composition));
  return getInstanceByDom(plot).getZr().storage.getDisplayList(true)
    .filter((each) => names.has(each.style.text))
    .map((each) => {
      const rect = each.getBoundingRect().clone();
      rect.applyTransform(each.getComputedTransform());
      return { text: each.style.text, left: rect.x, top: rect.y,
               right: rect.x + rect.width, bottom: rect.y + rect.height };
    })
    .filter(({ right, bottom }) => right > 0 && bottom > 0);
}"""


def crowded(text: str) -> str:
    """Return the start page with 60 compositions at almost the same energies."""
    start = text.index('id="overview-data">') + len('id="overview-data">')
    end = text.index("</script>", start)
    shown = json.loads(text[start:end])
    shown["both"] = [
        {
            "composition": f"Cs2AgBiBr6-{place}",
            "family": "double",
            "kind": ("literature", "computed")[place % 2],
            "e_a": [0.3 + 0.01 * (place % 8)] * 2 + [False, False],
            "dfe": [1.0 + 0.02 * (place // 8)] * 2 + [False, False],
        }
        for place in range(60)
    ]
    return text[:start] + json.dumps(shown).replace("<", "\\u003c") + text[end:]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("change", [str, crowded])
def test_labels_of_the_plot_do_not_overlap(visitor, seen, address, width, change):
    def answer(route):
        text = get(f"{address}/", headers={"Accept": "text/html"}).text
        route.fulfill(body=change(text), content_type="text/html; charset=utf-8")

    visitor.tab.route(f"{address}/", answer)
    visitor.tab.set_viewport_size({"width": width, "height": 900})
    tab = visitor.open("/")
    tab.locator("#plot").scroll_into_view_if_needed()
    expect(tab.locator("#plot[data-drawn=true] canvas")).to_be_visible()
    labels = tab.evaluate(LABELS)
    assert len(labels) >= (2 if width == 360 else len(seen.both) if change is str else 5)
    for one, other in combinations(labels, 2):
        apart = (
            one["right"] <= other["left"]
            or other["right"] <= one["left"]
            or one["bottom"] <= other["top"]
            or other["bottom"] <= one["top"]
        )
        assert apart, (one, other)


def test_every_application_is_a_click_away(visitor):
    tab = visitor.open("/")
    for each in suitability.applications():
        link = tab.get_by_role("link", name=each.title, exact=True)
        expect(link).to_have_attribute("href", f"/applications/{each.name}")
