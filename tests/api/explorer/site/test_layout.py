"""Every page is open to everybody, at the widths of a phone, a laptop and a large screen."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pvkdb.computed import CALCULATIONS, GAPS, REPORT, load_computed
from pvkdb.literature import desk
from pvkdb.literature.drafts.proposals import proposals_of
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.imports import DecideRequest
from pvkdb.store.base import utc_now
from pvkdb.store.curation.sources import Upload
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims, jobs
from pvkdb.store.queue.log import ProgressLine
from pvkdb.store.runs import screening_runs
from pvkdb.store.runs.report.page import write_report
from pvkdb.store.runs.screening_reports import read_report
from pvkdb_api.explorer.pages import ROUTERS

from ..asking import ask, rows
from ..axe import poor_contrast, serious
from ..conftest import Visitor, serving_at
from ..data.load import load_migration
from ..references.test_draft import PAPER

#: Pixels. A page is loaded once, at the first: controls that are folded on a phone stay open.
WIDTHS = (1280, 1920, 390)
PICTURED = (1280, 390)
#: The narrowest window that shows a page without scrolling to the side.
NARROW = 360

#: Pages by the path of their route; several where a page has several states.
PAGES: dict[str, tuple[str, ...]] = {
    "/": ("/",),
    "/applications": ("/applications?leaders=shown",),
    "/problems/{name}": ("/problems/not-found",),
    "/applications/{application}": (
        "/applications/synaptic-training?samples=50",
        "/applications/selector?subject=materials&samples=50",
    ),
    "/compositions": ("/compositions",),
    "/compositions/{key:path}": ("/compositions/CsPbBr3", "/compositions/MAPbI3"),
    "/crossbar": ("/crossbar?device=d-t4-r11",),
    "/devices": ("/devices", "/devices?application=selector"),
    "/devices/{key}": ("/devices/d-t4-r11",),
    "/compare": ("/compare", "/compare?materials=CsPbBr3,MAPbI3"),
    "/dictionary": ("/dictionary",),
    "/docs": ("/docs",),
    "/operations/{name}": ("/operations/tolerance?formula=CsPbBr3", "/operations/kinetics"),
    "/draft": ("/draft",),
    "/draft/{draft}": ("/draft/1",),
    "/errata": ("/errata",),
    "/find": ("/find", "/find?q=CsPb", "/find?q=nothing"),
    "/jobs": ("/jobs", "/jobs?state=failed"),
    "/jobs/new": ("/jobs/new?formula=CsPbBr3&images=7",),
    "/jobs/new/simulation": ("/jobs/new/simulation?material=CsPbBr3&seeds=7",),
    "/jobs/{name}": tuple(f"/jobs/{state.value}" for state in CalculationState),
    "/key": ("/key",),
    "/measurements": ("/measurements",),
    "/references": ("/references",),
    "/references/{key}": ("/references/r161", "/references/r36"),
    "/series": ("/series", "/series?changed=halide"),
    "/screenings": ("/screenings",),
    "/screenings/{name}": ("/screenings/inorganic", "/screenings/lost", "/screenings/open"),
    "/structures": ("/structures",),
    "/tables/{name}": ("/tables/conduction", "/tables/energetics"),
}
#: Ways that lead to these pages, and files.
OTHERS = {
    *("/tables", "/calculations/{name}"),
    *("/jobs/{name}/files/{file}", "/devices/{key}/files/{sha256}", "/assets/{state}/{path:path}"),
    "/croissant.json",
}
#: Formulas of the computed results, candidates of their screening.
FORMULAS = ("CsPbBr3", "CsSnCl3", "Cs3Bi2Cl9", "Cs2HgBr4")
#: What bounds the phase diagrams of the first.
BESIDE = {"CsBr", "PbBr2", "Cs4PbBr6", "CsPb2Br5", "Pb", "Br"}
CANDIDATES = 60

OWNER = "node7/1/2:3:4"

#: Measures boxes in the browser.
BOXES = (Path(__file__).parent / "boxes.js").read_text(encoding="utf-8").strip()


def part_of_release(folder: Path) -> Path:
    """A folder with some of the computed results: all of them take long to load and to rank."""
    with gzip.open(CALCULATIONS) as stream:
        head, *lines = map(json.loads, stream)
    part = [
        x
        for x in lines
        if x["parameters"].get("formula") in FORMULAS
        or x["state"] == "failed"
        or {x["parameters"].get("formula"), x["parameters"].get("symbol")} & BESIDE
    ]
    head["calculations"] = len(part)
    text = "".join(json.dumps(line) + "\n" for line in (head, *part))
    (folder / CALCULATIONS.name).write_bytes(gzip.compress(text.encode(), 1))
    shutil.copy(GAPS, folder)
    report = json.loads(gzip.decompress(REPORT.read_bytes()))
    report["candidates"] = report["candidates"][:CANDIDATES]
    (folder / REPORT.name).write_bytes(gzip.compress(json.dumps(report).encode(), 1))
    return folder


@pytest.fixture(scope="module")
def store(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The literature, computed results, and calculations and runs in every state."""
    path = tmp_path_factory.mktemp("layout") / "store.sqlite"
    release = part_of_release(tmp_path_factory.mktemp("release"))
    shutil.copy(loaded_sqlite, path)
    made = Store(f"sqlite:///{path}")
    with made.session() as session:
        load_computed(session, release)
        load_migration(session)
        requests = (NebRequest(formula=formula) for formula in ("CsSrI3", "RbSrI3", "KSrI3"))
        queued, running, cancelled = (claims.submit(session, each)[0].id for each in requests)
        claims.submit(session, NebRequest(formula="CsBaI3"), depends_on=[queued])
        jobs.cancel(session, cancelled)
        claims.claim(session, OWNER, running)
        progress = {"stage": "relax the host", "step": 4, "force": 0.03, "fraction": 0.4}
        lines = [
            ProgressLine(utc_now(), f"step {n}, 0.0312 eV/Å, 1,024 force calls") for n in "123"
        ]
        assert claims.heartbeat(session, running, OWNER, progress, lines)
        for plan in ("lost", "open"):
            run = screening_runs.begin(
                session, plan, utc_now(), OWNER, lambda owner: True, scheduled=True
            )
            if plan == "lost":
                screening_runs.fail(session, run.id, OWNER, "the potential is missing")
    paper = proposals_of(Upload("paper.html", PAPER.encode())).model_copy(update={"by": "Ada"})
    desk.add_draft(paper, made.session)
    for revision, (action, field) in enumerate((("accept", "structure"), ("reject", "absorber"))):
        asked = {"draft": 1, "revision": revision, "action": action, "by": "Ada"}
        desk.decide(DecideRequest(cells=[f"devices-1.{field}"], **asked), made.session)
    yield made
    made.close()


@pytest.fixture(scope="module")
def visiting(chromium: Any, store: Store) -> Iterator[Visitor]:
    """One visitor of all pages."""
    with serving_at(str(store.url)) as address:
        visitor = Visitor(chromium, address)
        yield visitor
        visitor.close()


@pytest.fixture(scope="module")
def named(store: Store) -> dict[str, str]:
    """The newest barrier in each state."""
    newest = select(Calculation).order_by(Calculation.created_at)
    with store.session(read_only=True) as session:
        return {
            each.state: each.id for each in session.scalars(newest.where(Calculation.kind == "neb"))
        }


def keep_picture(tab: Any, path: str) -> None:
    """A picture of the page for who wants to look, where ``PVKDB_PICTURES`` names a folder."""
    folder = os.environ.get("PVKDB_PICTURES")
    if folder:
        name = re.sub(r"\W+", "-", path).strip("-") or "start"
        tab.screenshot(path=f"{folder}/{name}.png", full_page=True)


def opened(tab: Any, sections: str) -> None:
    tab.locator(sections).evaluate_all("all => all.forEach(each => each.open = true)")


def wrong_boxes(tab: Any, name: str) -> dict[int, list[str]]:
    """What is wrong with the boxes of a page at each width, its details open."""
    wrong = {}
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        opened(tab, "details.fold:has(.plot)")
        for plot in tab.locator(".plot").all():
            plot.scroll_into_view_if_needed()
            tab.wait_for_function("plot => plot.dataset.drawn", arg=plot.element_handle())
        found = tab.evaluate(f"(async () => {{ const boxes = {BOXES}; return boxes.all(); }})()")
        if found:
            wrong[width] = found[:12]
        if width in PICTURED:
            keep_picture(tab, f"{name}-{width}")
    return wrong


def test_every_page_is_measured() -> None:
    paths = {route.path for each in ROUTERS for route in each.routes if "GET" in route.methods}
    assert paths == {*PAGES, *OTHERS}


@pytest.mark.parametrize("path", [path for paths in PAGES.values() for path in paths])
def test_no_text_is_cut_nor_lies_on_another_and_everybody_can_read_it(
    visiting: Visitor, named: dict[str, str], path: str
) -> None:
    state = path.rpartition("/")[2]
    address = f"/jobs/{named[state]}" if path == f"/jobs/{state}" and state in named else path
    visiting.tab.set_viewport_size({"width": WIDTHS[0], "height": 900})
    visiting.tab.emulate_media(color_scheme="light")
    tab = visiting.open(address)
    tab.wait_for_load_state("networkidle")
    assert "pvkdb" in tab.title()
    assert tab.locator("h1").count() == 1
    tab.set_viewport_size({"width": NARROW, "height": 900})
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wrong_boxes(tab, path)
    assert not serious(tab)
    tab.emulate_media(color_scheme="dark")
    assert not poor_contrast(tab)


def test_no_text_of_a_comparison_is_cut(visiting: Visitor, tmp_path: Path) -> None:
    cif = tmp_path / "mine.cif"
    (known, *_) = rows(visiting.address, "/structures", material="CsPbBr3-Pnma", role="host")
    text = ask(visiting.address, f"/api/v1/structures/{known['id']}", format="cif").text
    cif.write_text(text.replace("Pb", "Ge"))
    tab = visiting.open("/structures")
    tab.get_by_label("CIF file").set_input_files(cif)
    tab.get_by_role("button", name="Compare").click()
    tab.get_by_role("region", name="Matching structures").wait_for()
    assert "Prototype: the structure of" in tab.locator("#h-found").inner_text()
    assert not wrong_boxes(tab, "/structures/found")
    assert not serious(tab)


def test_pictures_of_a_composition_are_reached_and_moved_by_keys(visiting: Visitor) -> None:
    tab = visiting.open("/compositions/CsPbBr3")
    opened(tab, "details.fold")
    tab.locator("#stability").scroll_into_view_if_needed()
    tab.locator("#diagrams figure").first.wait_for()
    titles = tab.locator("#diagrams figcaption").all_inner_texts()
    assert titles == ["Convex hull CsBr–PbBr₂", "Ternary phase diagram CsBr–Pb–Br"]
    assert "CsPbBr₃" in tab.locator("#diagrams svg").first.text_content()
    tab.locator("#diagrams a.own").first.focus()
    assert "stable by" in tab.locator("#tip").inner_text()
    line, slider = tab.locator("#fermi line[data-poor]").first, tab.get_by_label("Chemical")
    poor, rich = (float(line.get_attribute(f"data-{end}")) for end in ("poor", "rich"))
    slider.focus()
    heights = [float(line.get_attribute("y1"))]
    for key, energy in (("End", rich), ("ArrowLeft", rich + (poor - rich) / 100)):
        tab.keyboard.press(key)
        heights.append(float(line.get_attribute("y1")))
        assert tab.locator("[data-energy]").first.inner_text() == f"{energy:.2f}"
    assert heights[1] < heights[2] < heights[0]
    assert not serious(tab)


def test_no_text_of_a_decision_sheet_is_cut(visiting: Visitor) -> None:
    path = "/api/v1/rankings/selector?subject=materials&samples=50&sheet=html"
    assert not wrong_boxes(visiting.open(path), "sheet")


def test_no_text_of_a_report_is_cut(visiting: Visitor, store: Store, tmp_path: Path) -> None:
    with store.session(read_only=True) as session:
        report = read_report(screening_runs.find_run(session, "inorganic"))
    _, page = write_report(report, tmp_path)
    visiting.tab.goto(page.as_uri())
    assert not wrong_boxes(visiting.tab, "report")


def test_scores_are_on_one_line_beside_every_column(visiting: Visitor) -> None:
    visiting.tab.set_viewport_size({"width": 1280, "height": 900})
    tab = visiting.open("/applications/selector?subject=materials&samples=50")
    scores = tab.locator("td.scores .small")
    line = tab.evaluate(
        "parseFloat(getComputedStyle(document.querySelector('.scores .small')).lineHeight)"
    )
    assert 0 < scores.first.bounding_box()["height"] < 1.5 * line
    over = "table => table.closest('.scroll').scrollWidth - table.closest('.scroll').clientWidth"
    assert tab.locator("table.ranking").evaluate(over) == 0


def test_a_phone_shows_the_numbers_of_the_scores(visiting: Visitor) -> None:
    visiting.tab.set_viewport_size({"width": 390, "height": 900})
    tab = visiting.open("/applications/synaptic-training?samples=50")
    row = tab.locator("[data-candidate]").first
    for place in range(3):
        number = row.locator("td[data-label] data").nth(place)
        assert number.is_visible()
        box = number.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
