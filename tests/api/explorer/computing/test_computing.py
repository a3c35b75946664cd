"""Calculations, the form that queues one, and screenings, in the browser and without a window."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import HOST_PHASES, NebRequest, NebSettings
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation, CalculationFile
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.kept_files import file_store
from pvkdb.store.queue.log import ProgressLine
from pvkdb.store.runs import screening_runs
from pvkdb.store.security.audit import entries
from pvkdb_api.app import create_app
from pvkdb_api.explorer.computing import queue_form as queueing
from pvkdb_api.explorer.computing.jobs import FAILURES
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import parse_plan
from pvkdb_pipelines.screening.recorded import begin_run, holding

from ....pvkdb.simulation.devices.test_report import RESULT
from ....pvkdb.store.files.test_structure_reading import CUBIC
from ...conftest import OWN_MACHINE
from ...guarded import FRESH
from ...rest.test_screenings import PLAN
from ..browsing import Browser, alert_in
from ..conftest import Visitor, serving_at

OWNER = "node7/1/2:3:4"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with calculations in every state, and runs of screenings."""
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('computing')}/computing.sqlite")
    upgrade(made)
    _screen(made, '"Pb2+"')
    _screen(made, '"Pb2+", "Sn2+"')
    with made.session() as session:
        run = screening_runs.begin(
            session, "others", utc_now(), "a", lambda owner: True, scheduled=True
        )
        screening_runs.fail(session, run.id, "a", "the potential is missing")
        screening_runs.begin(session, "nightly", utc_now(), "a", lambda o: True, scheduled=True)
    yield made
    made.close()


def _screen(store: Store, b: str) -> None:
    run = begin_run(store, "halides")
    with holding(run):
        run.screen(Funnel(parse_plan(PLAN.format(b=b)), store))


@pytest.fixture(scope="module")
def served(store: Store) -> Iterator[str]:
    with serving_at(str(store.url)) as address:
        yield address


@pytest.fixture
def person(chromium, served: str) -> Iterator[Visitor]:
    """A visitor on the machine of the service."""
    visiting = Visitor(chromium, served)
    yield visiting
    visiting.close()


@pytest.fixture(scope="module")
def browser(store: Store) -> Iterator[Browser]:
    """The same, without a window."""
    app = create_app(str(store.url), OWN_MACHINE)
    yield Browser(app)
    app.state.served.close()


def _asked(store: Store, state: str = "queued", formula: str | None = None) -> str:
    """The id of a new calculation in a state."""
    with store.session() as session:
        request = NebRequest(formula=formula or next(FRESH))
        name = queue.submit(session, request)[0].id
        if state in ("running", "failed"):
            queue.claim(session, OWNER, name)
        if state == "failed":
            queue.fail(session, name, OWNER, "no hop", "no hop is shorter than 3.1 Å")
    return name


def _beat(store: Store, name: str, fraction: float, text: str) -> None:
    progress = {"stage": "relax the host", "step": 4, "force": 0.03, "fraction": fraction}
    with store.session() as session:
        assert queue.heartbeat(session, name, OWNER, progress, [ProgressLine(utc_now(), text)])


def test_a_simulated_device_moves_its_vacancies(chromium, served: str, store):
    """Play and the slider move dots, curve and voltage; with reduced motion nothing plays."""
    motion = RESULT.motion
    with store.session() as session:
        values = RESULT.model_dump(mode="json")
        parameters = {"kind": "simulation", "formula": "CsPbBr3", "stack": RESULT.stack}
        done = {"kind": "simulation", "state": "done", "result": values, "parameters": parameters}
        session.add(Calculation(id="simulated", key="simulated", versions={"pvkdb": "0"}, **done))
    calm = Visitor(chromium, served)
    tab = calm.open("/jobs/simulated")
    figure = tab.locator("#motion")
    expect(figure.locator("output")).to_have_text("0 V, 0 s")
    expect(figure.get_by_role("button")).to_have_text("Play")
    assert figure.locator("circle").count() == 160
    before = figure.locator("circle").first.get_attribute("cx")
    figure.get_by_role("slider").fill(str(len(motion.time_s) - 1))
    expect(figure.locator("output")).to_have_text("1 V, 1 s")
    assert figure.locator("circle").first.get_attribute("cx") != before
    expect(tab.locator("#loops")).to_have_attribute("data-drawn", "true")
    expect(tab.get_by_role("region", name="Inputs and assumptions")).to_contain_text("a <source>")
    assert not Axe().run(tab).response["violations"]
    calm.close()
    lively = Visitor(chromium, served, reduced_motion="no-preference")
    tab = lively.open("/jobs/simulated")
    button = tab.locator("#motion").get_by_role("button")
    expect(button).to_have_text("Pause")
    button.click()
    expect(button).to_have_text("Play")
    lively.close()


# The queue


def test_the_table_and_the_counts_are_those_of_the_service(person: Visitor, store, browser):
    failed = _asked(store, "failed")
    tab = person.open("/jobs?state=failed")
    total = browser.request("GET", "/api/v1/calculations?state=failed&limit=0").json()["total"]
    expect(tab.locator(".found")).to_have_text(f"{total} found")
    counts = tab.get_by_role("list", name="Calculations by state")
    expect(counts.get_by_role("link", name=f"{total} failed")).to_be_visible()
    tab.get_by_role("link", name=failed).click()
    expect(tab.get_by_role("alert")).to_contain_text("no hop is shorter than 3.1 Å")
    expect(tab.get_by_role("alert")).to_contain_text("What to do: Allow longer hops")
    tab.get_by_role("navigation", name="Computing").get_by_role("link", name="Screenings").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Screenings")
    tab.go_back()
    expect(tab.get_by_role("alert")).to_be_visible()


def test_what_runs_moves_on_the_page_and_its_end_is_shown(person: Visitor, store):
    name = _asked(store, "running")
    _beat(store, name, 0.25, "first line")
    tab = person.open(f"/jobs/{name}")
    expect(tab.get_by_role("progressbar")).to_have_attribute("value", "0.25")
    log = tab.locator("#live-log")
    expect(log).to_contain_text("first line")
    _beat(store, name, 0.5, "second line <b>")
    expect(log).to_contain_text("second line <b>")
    expect(tab.get_by_role("progressbar")).to_have_attribute("value", "0.5")
    assert log.inner_text().count("first line") == 1
    with store.session() as session:
        queue.fail(session, name, OWNER, "too many atoms", "412 atoms, at most 400")
    expect(tab.get_by_role("alert")).to_contain_text("412 atoms, at most 400")
    expect(tab.get_by_role("button", name="Retry")).to_be_visible()


def test_the_queue_notices_what_happens(person: Visitor, store):
    name = _asked(store, "running")
    _beat(store, name, 0.1, "begun")
    tab = person.open("/jobs")
    running = tab.locator("#overview .running")
    expect(running.locator(f"a[href='/jobs/{name}']")).to_be_visible()
    with store.session() as session:
        queue.fail(session, name, OWNER, "no hop", "none")
    expect(running.locator(f"a[href='/jobs/{name}']")).to_have_count(0)
    row = tab.get_by_role("row").filter(has=tab.get_by_role("link", name=name))
    expect(row).to_contain_text("failed")


def test_cancel_and_retry_by_their_buttons(person: Visitor, store):
    name = _asked(store)
    tab = person.open(f"/jobs/{name}")
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator("#live-state")).to_contain_text("cancelled")
    tab.get_by_role("button", name="Retry").click()
    expect(tab.get_by_role("status")).to_have_text("Queued again.")
    with store.session(read_only=True) as session:
        assert session.get_one(Calculation, name).state == "queued"
        actions = [entry.action for entry in entries(session, 2)]
    assert actions == ["retry calculation", "cancel calculation"]


def test_to_cancel_what_has_ended_meanwhile_says_so(browser: Browser, store):
    name = _asked(store)
    page = f"/jobs/{name}"
    with store.session() as session:
        queue.claim(session, OWNER, name)
    assert browser.submit(f"{page}/cancel", {}).headers["location"] == f"{page}?said=cancel"
    assert "cancellation requested at" in browser.open(page)
    failed = _asked(store, "failed")
    answer = browser.submit(f"/jobs/{failed}/cancel", {})
    assert "has already ended" in browser.open(answer.headers["location"])
    answer = browser.submit("/jobs/nothing/cancel", {})
    assert answer.status_code == 404


def test_the_beginning_of_an_id_leads_to_the_calculation(browser: Browser, store):
    name = _asked(store)
    answer = browser.request("GET", f"/jobs/{name[:9]}")
    assert answer.headers["location"] == f"/jobs/{name}"
    assert "no calculation has the id" in alert_in(browser.open("/jobs/nothing", 404))
    answer = browser.request("GET", f"/calculations/{name}")  # by the name of its table
    assert (answer.status_code, answer.headers["location"]) == (308, f"/jobs/{name}")


def test_the_files_of_a_calculation_are_to_be_saved(browser: Browser, store):
    name = _asked(store, "failed")
    sha256 = file_store(store).put(b"<script>alert(1)</script>")
    with store.session() as session:
        kept = CalculationFile(calculation_id=name, name="pw é.html", sha256=sha256, size=25)
        session.add(kept)
    page = browser.open(f"/jobs/{name}")
    address = re.search(r'href="(/jobs/[^"]+/files/[^"]+)"', page)
    assert address is not None
    answer = browser.request("GET", address[1])
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert browser.request("GET", f"/jobs/{name}/files/other").status_code == 404


def test_every_kind_of_failure_has_its_words():
    assert FAILURES.keys() == set(FailureKind)


# The form


def test_a_barrier_is_queued_by_the_form_and_the_same_one_is_found(person: Visitor, store):
    tab = person.open("/jobs/new")
    tab.get_by_label("Formula", exact=True).fill("Cs2SnI6")
    expect(tab.locator("#formula-is")).to_have_text("Cs2SnI6, family vacancy-ordered")
    expect(tab.get_by_label("Phase", exact=True).locator("option")).to_have_text(
        ["most likely: Fm-3m", *HOST_PHASES["vacancy-ordered"]]
    )
    tab.get_by_label("Phase", exact=True).select_option("P4/mnc")
    tab.get_by_label("chgnet").check()
    tab.get_by_text("Advanced: numerical settings").click()
    tab.get_by_label("Images between the end points").fill("5")
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab).to_have_url(re.compile(r"/jobs/[0-9a-f]{12}\?said=new$"))
    name = tab.url.rpartition("/")[2].partition("?")[0]
    with store.session(read_only=True) as session:
        asked = session.get_one(Calculation, name).parameters
    assert (asked["phase"], asked["potential"], asked["defect"]) == ("P4/mnc", "chgnet", "V_I")
    assert asked["settings"] == NebSettings(images=5).model_dump(mode="json")
    person.open("/jobs/new?formula=Cs2SnI6&phase=P4/mnc&potential=chgnet&images=5")
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab.get_by_role("status").first).to_contain_text("already exists")
    assert name in tab.url


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(person: Visitor):
    person.expected.add(422)
    tab = person.open("/jobs/new?formula=CsPbBr3&defect=V_I&seed=-1&max_atoms=12x")
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab.get_by_role("alert")).to_contain_text("Random seed: ")
    expect(tab.locator("#wrong-defect")).to_contain_text("contains no I")
    expect(tab.locator("#wrong-seed")).to_contain_text("greater than or equal to 0")
    expect(tab.locator("#wrong-max_atoms")).to_contain_text("valid integer")
    expect(tab.get_by_label("Random seed")).to_have_value("-1")
    expect(tab.get_by_label("Migrating defect")).to_be_focused()


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({}, "formula", "enter a formula"),
        ({"formula": "CsPbBr3", "defect": "Br_Pb"}, "defect", "cannot be followed"),
        ({"formula": "CsPbBr3", "potential": f"os:getcwd@{'0' * 16}"}, "potential", "no potential"),
        ({"formula": "CsPbBr3", "cif": "data_x"}, "cif", "no structure"),
        ({"formula": "CsPbI3", "cif": CUBIC}, "cif", "holds CsPbBr3, not CsPbI3"),
    ],
)
def test_an_unusable_request_is_refused_with_the_form_kept(browser: Browser, fields, name, said):
    answer = browser.submit("/jobs/new", fields)
    assert answer.status_code == 422
    found = re.search(rf'id="wrong-{name}">(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None, answer.text
    assert said in found[1]
    for text in fields.values():
        if "@" not in text:  # of no list
            assert text.splitlines()[0] in answer.text


@pytest.mark.parametrize(
    "given", [{}, {"formula": "CsPbBr3"}, {"formula": "PbCsBr3", "cif_phase": "mine"}]
)
def test_a_cif_says_its_formula_and_phase_which_are_confirmed_once(given):
    read = queueing.read_form({"cif": CUBIC, **given})
    if len(given) < 2:
        assert read.request is None
        assert read.problems == {"confirm": "CsPbBr3, Pm-3m"}
        read = queueing.read_form(read.typed)
    assert read.request is not None
    assert read.request.host is not None
    names = ("CsPbBr3", "Pm-3m") if len(given) < 2 else ("PbCsBr3", "mine")
    assert (read.request.formula, read.request.phase) == names


def test_the_atoms_of_a_molecule_that_several_ions_have_need_a_formula():
    atoms = ("C1 C", "C2 C", "N1 N", *(f"H{n} H" for n in range(8)))
    lines = [f"{atom} {0.05 + 0.08 * number:.2f} 0.3 0.3 1" for number, atom in enumerate(atoms)]
    text = CUBIC.replace("5.87", "12").replace("Cs1 Cs 0.5 0.5 0.5 1", "\n".join(lines))
    text = text.replace("P m -3 m", "P 1").replace(" 221", " 1")
    halides = "Br1 Br 0.5 0 0 1\nBr2 Br 0 0.5 0 1\nBr3 Br 0 0 0.5 1"
    read = queueing.read_form({"cif": text.replace("Br1 Br 0.5 0 0 1", halides)})
    assert "DMA or EA" in read.problems["formula"]


def test_a_structure_of_ones_own_is_the_host(person: Visitor, store, tmp_path: Path):
    person.expected.add(422)
    bad, good = tmp_path / "bad.cif", tmp_path / "good.cif"
    bad.write_text(CUBIC.replace("Br1 Br 0.5 0 0 1", "Br1 Br 0.5 0 0 0.4"))
    good.write_text(CUBIC)
    tab = person.open("/jobs/new")
    tab.get_by_text("Use an uploaded structure as the host").click()
    tab.get_by_label("CIF file").set_input_files(bad)
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab.locator("#wrong-cif")).to_contain_text("occupied by Br 0.4")
    expect(tab.get_by_label("Or the text of the file")).to_have_value(re.compile("data_CsPbBr3"))
    tab.get_by_label("CIF file").set_input_files(good)
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab.get_by_role("status").first).to_contain_text("Read from the CIF: CsPbBr3, Pm-3m")
    expect(tab.get_by_label("Formula", exact=True)).to_have_value("CsPbBr3")
    expect(tab.get_by_label("Name of the phase")).to_have_value("Pm-3m")
    tab.get_by_role("button", name="Queue", exact=True).click()
    expect(tab).to_have_url(re.compile(r"said=new$"))
    expect(tab.get_by_text("an uploaded structure of 5 atoms")).to_be_visible()
    name = tab.url.rpartition("/")[2].partition("?")[0]
    with store.session(read_only=True) as session:
        assert len(session.get_one(Calculation, name).parameters["host"]["symbols"]) == 5


def test_every_setting_is_on_the_form_with_its_default(browser: Browser):
    assert queueing.SETTINGS.keys() == NebSettings.model_fields.keys()
    page = browser.open("/jobs/new")
    assert "Default: 10 Å; 8.5 to 30." in page
    assert "Default: automatic; 3 to 25." in page
    assert "there is no parameter" in alert_in(browser.open("/jobs/new?formla=CsPbBr3", 422))


# Screenings


def test_runs_are_listed_and_one_shows_its_funnel(person: Visitor, browser: Browser):
    tab = person.open("/screenings")
    expect(tab.get_by_role("status")).to_have_text("4 found")
    expect(tab.get_by_role("row").filter(has_text="others")).to_contain_text("potential is missing")
    tab.get_by_role("link", name="2", exact=True).click()
    report = browser.request("GET", "/api/v1/screenings/2").json()
    expect(tab.get_by_role("heading", level=1)).to_have_text(report["title"])
    stages = tab.get_by_role("region", name="Stages").get_by_role("row")
    for row, stage in zip(stages.all()[1:], report["stages"], strict=False):
        assert row.locator("data").all_inner_texts() == [
            str(stage["entered"]), str(stage["passed"]),
        ]  # fmt: skip
    expect(tab.locator("#funnel svg.bar")).to_have_count(len(report["stages"]))
    passed, made = report["stages"][-1]["passed"], report["stages"][0]["entered"]
    expect(tab.locator(".answer")).to_contain_text(f"{passed} of {made} candidates passed")
    tab.get_by_role("heading", name="Differences from the run before").click()
    expect(tab.get_by_text(re.compile("since run 1"))).to_be_visible()
    tab.get_by_text("Filter the candidates").click()
    tab.get_by_label("Outcome").select_option("passed")
    tab.get_by_role("button", name="Apply").click()
    expect(tab).to_have_url(re.compile("outcome=passed"))
    expect(tab.locator(".found")).to_have_text(f"{report['counts']['passed']} found")
    expect(tab.locator("#outcome")).to_have_value("passed")


def test_a_reason_leads_to_the_candidates_that_fell_for_it(browser: Browser):
    page = browser.open("/screenings/2")
    reason = browser.request("GET", "/api/v1/screenings/2").json()["reasons"][0]
    assert reason["reason"] == "not tau < 4.1"
    assert "<td>τ is 4.1 or more</td>" in page
    chosen = browser.open(
        "/screenings/2?outcome=fell&stage=tolerance&reason=not+tau+%3C+4.1&lead_free=false"
    )
    wanted = {"passed": "false", "reason": reason["reason"], "lead_free": "false"}
    rows = browser.request("GET", "/api/v1/screenings/2/candidates", params=wanted).json()
    assert f"<b>{rows['total']}</b> found" in chosen
    for row in rows["data"]:
        assert f"<td>{row['formula']}</td>" in chosen or f">{row['formula']}</a>" in chosen


def test_a_run_under_way_and_a_failed_one_say_so(browser: Browser):
    failed = browser.open("/screenings/3")
    assert alert_in(failed) == "the potential is missing"
    running = browser.open("/screenings/4")
    assert "in the whole store" in running
    assert browser.request("GET", "/screenings/halides").headers["location"] == "/screenings/2"
    assert "no run has the id" in alert_in(browser.open("/screenings/99", 404))


# What holds for every page


def test_an_empty_store_says_what_to_do(migrated_sqlite: Path, tmp_path: Path):
    app = create_app(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path)}", OWN_MACHINE)
    browser = Browser(app)
    assert "There are no calculations yet" in browser.open("/jobs")
    assert "No plan was run on this store yet" in browser.open("/screenings")
    assert "none has run on this store yet" in browser.open("/jobs/new")
    app.state.served.close()


def test_the_last_sign_of_a_worker_is_told(browser: Browser, store):
    name = _asked(store, "running")
    with store.session() as session:
        for entry in session.query(Calculation).filter(Calculation.started_at.is_not(None)):
            entry.started_at = utc_now() - timedelta(hours=3)
            entry.lease_until = entry.finished_at = None
    assert "the last sign of a worker was 3 h ago" in browser.open("/jobs/new")
    assert "no response" not in browser.open(f"/jobs/{name}")  # it has no lease at all
    with store.session() as session:
        session.get_one(Calculation, name).lease_until = utc_now() - timedelta(minutes=1)
    assert "no response" in browser.open(f"/jobs/{name}")
    with store.session() as session:
        queue.heartbeat(session, name, OWNER)
    assert "1 worker running" in browser.open("/jobs/new")
