"""Devices: the plot that follows the filters, and the page of one device."""

from __future__ import annotations

import re
from contextlib import closing

from playwright.sync_api import expect

from pvkdb.suitability import shipped_profiles

from ....curated import DEVICES
from ....each import for_each
from ....patience import get
from .. import asking


def part(address, name, **parameters):
    """A part of the page of devices, as its script asks for it."""
    headers = {"X-Part": name, "Accept": "application/json"}
    answer = get(f"{address}/devices", params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows(address, **parameters):
    return {row["id"]: row for row in asking.rows(address, "/devices", **parameters)}


def test_points_are_the_rows_of_the_service(address):
    found = part(address, "plot")
    known = rows(address)
    plotted = ("retention_s", "on_off_ratio")
    both = {key for key, row in known.items() if None not in map(row.get, plotted)}
    assert {point[0] for point in found["points"]} == both
    assert (found["both"], found["total"]) == (len(both), len(known))
    for name, stack, colour, *ends in found["points"]:
        row = known[name]
        assert (stack, colour) == (row["structure"], row["mechanism"])
        tested = row["retention_qualifier"] in (None, "~") and row["retention_s"] < 3e7  # a year
        time, ratio = row["retention_s"], row["on_off_ratio"]
        said = "tested" if tested else row["retention_qualifier"]
        assert ends == [time, time, said, ratio, ratio, row["on_off_qualifier"]]


def test_voltages_are_magnitudes_and_an_endurance_is_tested(address):
    found = part(address, "plot", x="v_reset", y="endurance_cycles")
    points = {point[0]: point[3:] for point in found["points"]}
    assert points["d-t4-r06"] == [0.078, 3.6, None, 6e6, 6e6, "tested"]


def test_energies_of_absorbers_are_those_of_the_literature(address):
    found = part(address, "plot", x="e_a", y="v_set", colour="family")
    known = get(f"{address}/api/v1/compositions/MAPbI3").json()
    point = next(point for point in found["points"] if point[0] == "d-t4-r01")
    assert point[2] == "3D"
    low, high = (known[f"e_a_literature_{end}_ev"] for end in ("min", "max"))
    assert low <= point[3] < point[4] <= high


def test_the_window_of_an_application_is_its_profile(address):
    found = part(address, "plot", application="synaptic-training")["window"]
    profile = get(f"{address}/api/v1/rankings/synaptic-training/profile").json()
    asked = {each["metric"]: each for each in profile["devices"]}
    assert found["x"]["at_least"] == asked["retention_s"]["bounds"]["at_least"]
    assert found["y"]["source"] == asked["on_off_ratio"]["source"]
    assert "endurance_cycles" in found["others"]


def test_the_plot_follows_the_filters_and_stands_in_the_address(visitor, address):
    tab = visitor.open("/devices")
    expect(tab.locator("#plot-text")).to_contain_text(f"of {DEVICES} devices have both")
    expect(tab.locator("#plot")).to_have_attribute("data-drawn", "true")
    tab.get_by_label("Y axis", exact=True).select_option(label="Endurance")
    tab.get_by_label("Requirements of").select_option(label="Selector")
    expect(tab.locator("#window-text")).to_contain_text("at most 10 s")
    expect(tab).to_have_url(re.compile(r"y=endurance_cycles.*application=selector"))
    assert "x=" not in tab.url.replace("xscale", "")
    tab.get_by_label("double").check()
    double = rows(address, family="double")
    both = sum(
        row["endurance_cycles"] is not None and row["retention_s"] is not None
        for row in double.values()
    )
    expect(tab.locator("#plot-text")).to_contain_text(f"{both} of {len(double)} devices have both")
    tab.reload()
    expect(tab.get_by_label("Y axis", exact=True)).to_have_value("endurance_cycles")
    expect(tab.locator("#plot-text")).to_contain_text(f"{both} of {len(double)} devices have both")
    tab.get_by_text("Show the points as a table").click()
    expect(tab.locator("#plot-table tbody tr")).to_have_count(both)
    tab.go_back()
    expect(tab.get_by_label("double")).not_to_be_checked()


def test_a_query_for_programs_leaves_the_plot_out(visitor, address):
    tab = visitor.open("/devices?family=double&x=v_set&application=selector")
    tab.get_by_text("This query as a request").click()
    link = tab.get_by_role("link", name="REST", exact=True).get_attribute("href")
    assert link.endswith("/api/v1/devices?sort=-known&family=double")
    assert get(link).status_code == 200


@for_each(
    ("query", "says"),
    [("x=on_of_ratio", "on_off_ratio"), ("application=selectr", "selector"), ("xscale=lin", "lin")],
)
def test_what_cannot_be_plotted_is_told(visitor, query, says):
    tab = visitor.open(f"/devices?{query}", status=422)
    expect(tab.get_by_role("alert")).to_contain_text(says)


def test_a_device_shows_what_the_service_says(visitor, address):
    tab = visitor.open("/devices/d-t4-r06")
    row = rows(address, id="d-t4-r06")["d-t4-r06"]
    voltages = ("v_set_min_v", "v_set_max_v", "v_reset_min_v", "v_reset_max_v")
    metrics = ("on_off_ratio", *voltages, "endurance_cycles", "retention_s")
    assert asking.numbers(tab.locator("#metrics")) == [row[name] for name in metrics]
    stack = tab.get_by_role("img", name=re.compile("^Layers from the top"))
    expect(stack.locator(".layer text:not(.role)")).to_have_text(["ITO", "Ag", "MAPbI3", "Au"])
    expect(tab.get_by_text("Erratum.", exact=True)).to_be_visible()
    expect(tab.get_by_role("link", name="MAPbI3", exact=True).first).to_have_attribute(
        "href", "/compositions/MAPbI3"
    )
    claims = asking.rows(address, "/device_claims", reference="r161")
    listed = tab.locator("tr[id^=c-]").evaluate_all("all => all.map(row => row.id)")
    assert {claim["id"] for claim in claims} == {*listed}


def test_the_places_are_those_of_the_rankings(visitor, address):
    tab = visitor.open("/devices/d-t4-r06")
    table = tab.locator("#places-table tbody tr")

    def ranked(name, **given):
        return asking.ask(address, f"/api/v1/rankings/{name}", **given).json()

    unplaced = (ranked(name, samples=1)["not_rankable"] for name in shipped_profiles())
    expect(table).to_have_count(sum("d-t4-r06" not in each for each in unplaced))
    for name in ("selector", "synaptic-training"):
        ranking = ranked(name)
        entry = next(each for each in ranking["candidates"] if each["id"] == "d-t4-r06")
        line = table.filter(has=tab.locator(f"a[href='/applications/{name}']"))
        keys = ("rank", "score", "score_low", "score_high")
        assert asking.numbers(line) == [entry[key] for key in keys]
        expect(line).to_contain_text(f"of {len(ranking['candidates'])}")


def test_array_sizes_on_the_pages_are_those_of_the_service(address):
    arrays = get(f"{address}/api/v1/crossbar/devices").json()["data"]
    assert len(arrays) == DEVICES
    kinds = {(array["reason"], array["size_rectifying"]): array for array in arrays}
    assert len(kinds) > 4
    for array in kinds.values():
        text = get(f"{address}/devices/{array['device']}").text
        section = re.search(r'id="array-heading".*?</section>', text, re.DOTALL)[0]
        numbers = [float(value) for value in re.findall(r'<data value="([^"]+)"', section)]
        if array["size"] is None:
            assert numbers == []
            assert array["reason"] in section
            continue
        wanted = [array["size"]] * 2 + [array["size_best_pull_up"]] * 2
        if array["size_rectifying"] is not None:
            wanted += [array["rectification_ratio"], *[array["size_rectifying"]] * 2]
        assert numbers == wanted


def test_a_name_that_is_not_there_leads_to_the_nearest(visitor):
    tab = visitor.open("/devices/d-t4-r0", status=404)
    expect(tab.get_by_role("alert")).to_contain_text("d-t4-r0")
    tab.locator("li", has_text="d-t4-r01").get_by_role("link").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("ITO/MAPbI3/Al")


def test_a_figure_of_the_text_leads_to_all_figures_of_its_device(address):
    for asked in ("/devices/c-s4.1.1-003", "/find?q=C-S4.1.1-003"):
        answer = get(f"{address}{asked}", follow_redirects=True)
        assert answer.status_code == 200
        for metric in ("endurance_cycles", "retention_s", "on_off_ratio"):
            assert metric in answer.text
    alone = get(f"{address}/devices/d-o-huang2022-1").text
    assert "Not reported: the source names the absorber alone" in alone
    assert "extrapolated: nobody watched it for so long" in get(f"{address}/devices/d-t4-r07").text


def test_an_even_sample_stands_for_more_points_than_are_drawn(address, loaded_sqlite, monkeypatch):
    from pvkdb.store.database import Store
    from pvkdb_api.core.cache import QueryCache
    from pvkdb_api.explorer.devices import plot
    from pvkdb_api.explorer.pages.devices import TABLE
    from pvkdb_api.explorer.tables import browse

    monkeypatch.setattr(plot, "MOST_POINTS", 10)
    query = browse.TableQuery(TABLE, {}, None, {}, (), ())
    with (
        closing(Store(f"sqlite:///{loaded_sqlite}")) as store,
        store.session(read_only=True) as session,
    ):
        cut = plot.plot_data(QueryCache(), session, query, plot.read_plot({}))
    whole = part(address, "plot")
    assert (cut["both"], cut["total"]) == (whole["both"], whole["total"])
    assert whole["total"] == DEVICES > whole["both"] > 22
    names = [point[0] for point in whole["points"]]
    every = -(-len(names) // 10)
    assert [point[0] for point in cut["points"]] == names[every - 1 :: every]


def test_conditions_are_folded_below_the_metrics_with_their_sentences(address):
    text = get(f"{address}/devices/d-t4-r15").text
    folded = re.search(r'<details class="same" id="conditions">(.*?)</details>', text, re.S)[1]
    assert "Conditions: 2 reported" in folded
    assert re.search(r"250.*vertically oriented DJ phase.*\(section 5\.1\.2\)", folded, re.S)
    assert "Conditions: none reported" in get(f"{address}/devices/d-t4-r01").text
    assert {*rows(address, area_um2_max=1)} == {"d-t4-r06"}
    assert {*rows(address, atmosphere="air")} == {"d-o-hu-1", "d-o-yoo2015-1"}
    assert "d-t4-r15" in get(f"{address}/devices", params={"thickness_nm_min": 200}).text
