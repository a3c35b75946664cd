"""Rankings over HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pvkdb import suitability
from pvkdb.cli.app import app as cli
from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import conditions_of
from pvkdb.local import open_store
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.schemas.rankings import Grade, RankedCandidate
from pvkdb.schemas.screening import Fall
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.runs import screening_runs
from pvkdb.suitability import Options, rank
from pvkdb.suitability.sheets import side_by_side
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.operations import rankings

from ...curated import DEVICES, PROFILES
from ...screened import candidate, report, stability
from ..conftest import serving


def test_applications_are_named_and_ranked(reading_api):
    names = reading_api.get("/api/v1/rankings").json()["data"]
    assert len(names) == 11
    assert {*PROFILES} < {*names}
    for name in PROFILES:
        ranking = reading_api.get(f"/api/v1/rankings/{name}", samples=20).json()
        assert ranking["application"] == name
        unplaced = sum(not name.startswith("c-") for name in ranking["not_rankable"])
        placed = sum(entry["kind"] == "device" for entry in ranking["candidates"])
        assert placed + unplaced == DEVICES
        assert ranking["dataset_version"] == reading_api.get("/healthz").json()["dataset_version"]


#: What can be asked for, as options of the command and as arguments of the client.
OPTIONS = (
    *("--materials", "--weights", "lead_free=3", "--samples", "20", "--without-computed"),
    *("--reading", "as section 3.1.4 prints it", "--thickness-nm", "60"),
    *("--where", "halide=I,Br", "--where", "lead_free=true"),
)
ARGUMENTS = {
    "subject": "materials",
    "weights": {"lead_free": 3},
    "samples": 20,
    "computed": False,
    "reading": "as section 3.1.4 prints it",
    "thickness_nm": 60,
    "halide": ["I", "Br"],
    "lead_free": True,
}


@pytest.mark.parametrize(("options", "given"), [((), {}), (OPTIONS, ARGUMENTS)])
def test_command_and_client_give_the_same_ranking(reading_api, options, given):
    url = str(reading_api.app.state.served.store.url)
    arguments = ["rank", "synaptic-training", *options, "--json", "--database", url]
    document = json.loads(CliRunner().invoke(cli, arguments).stdout)
    with open_store(url) as client:
        found = client.rankings.get("synaptic-training", **given)
    assert document == found.model_dump(mode="json")
    assert found.subject == given.get("subject", "devices")
    assert (found.samples, found.seed) == (given.get("samples", Options().samples), Options().seed)
    assert found.reading == given.get("reading")
    assert list(found.filters.halide) == given.get("halide", [])
    weights = {each.metric: each.weight for each in found.criteria}
    assert given.get("weights", {}).items() <= weights.items()
    assert {each.filter for each in found.set_aside} == {"halide", "lead_free"} & given.keys()
    grades = {each.grade for entry in found.candidates for each in entry.criteria}
    assert not grades & {Grade.CALIBRATED, Grade.OWN_DFT}
    thickness = next(each for each in found.assumptions if each.name == "thickness_m")
    assert (thickness.value == "6e-08", thickness.default) == (bool(given), not given)


def test_the_client_returns_the_fields_of_candidates_that_it_is_asked_for(reading_api):
    with open_store(str(reading_api.app.state.served.store.url)) as client:
        asked = {"samples": 10, "limit": 2}
        whole = client.rankings.get("selector", **asked)
        found = client.rankings.get("selector", **asked, fields=["score", "references"])
        assert [each.model_dump() for each in found.candidates] == [
            each.model_dump(include={"id", "score", "references"}) for each in whole.candidates
        ]
        assert found.criteria == whole.criteria
        assert "<table" in found._repr_html_()
        with pytest.raises(AttributeError, match="'because' was not requested"):
            _ = found.candidates[0].because
        for fields, words in (
            (["scores"], "did you mean 'score'"),
            ("score", r"fields=\['score'\]"),
        ):
            with pytest.raises(InputError, match=words):
                client.rankings.get("selector", **asked, fields=fields)


def test_a_store_with_too_many_devices_to_rank_is_told(reading_api, monkeypatch):
    monkeypatch.setattr(rankings, "MOST_RANKED", 20)
    problem = reading_api.problem("/api/v1/rankings/selector", 422)
    assert "devices and the service ranks 20 at most" in problem["detail"]
    assert problem["detail"].endswith("pvkdb rank selector")
    page = reading_api.request("GET", "/applications/selector", headers={"Accept": "text/html"})
    assert page.status_code == 422
    assert "the service ranks 20 at most" in page.text
    problem = reading_api.problem("/api/v1/export/rankings", 422)
    assert problem["detail"].endswith("rank them with: pvkdb export rankings")
    leaders = reading_api.request("GET", "/applications?leaders=shown")
    assert leaders.status_code == 200
    device = reading_api.request("GET", "/devices/d-t4-r01", headers={"X-Part": "places"})
    assert device.status_code == 200


def test_of_too_many_materials_the_best_are_ranked(reading_api, monkeypatch):
    path, asked = "/api/v1/rankings/selector", {"subject": "materials", "samples": 20}
    whole = reading_api.get(path, **asked)
    assert whole.json()["chosen"] is None
    monkeypatch.setattr(rankings, "MOST_RANKED", 20)
    monkeypatch.setattr(rankings, "SHORTLIST", 5)
    some = reading_api.get(path, **asked).json()
    assert 5 <= len(some["candidates"]) <= 10
    assert re.match(r"ranked are \d+ of \d+ compositions", some["chosen"])
    page = reading_api.request("GET", "/applications/selector?subject=materials&samples=20")
    assert page.status_code == 200
    assert some["chosen"][1:] in page.text


def test_pages_of_a_ranking_hold_what_the_whole_does(reading_api):
    path, asked = "/api/v1/rankings/synaptic-training", {"subject": "materials", "samples": 20}
    whole = reading_api.get(path, **asked)
    pages = list(reading_api.pages(path, limit=8, **asked))
    assert {page["total"] for page in pages} == {len(whole.json()["candidates"])}
    every = [RankedCandidate(**each) for page in pages for each in page["candidates"]]
    assert every == [RankedCandidate(**each) for each in whole.json()["candidates"]]
    assert [bool(page["not_rankable"]) for page in pages[:2]] == [True, False]
    few = reading_api.get(path, limit=1, fields="id,score", **asked).json()
    assert few["candidates"][0].keys() == {"id", "score"}
    assert len(reading_api.get(path, limit=20, **asked).content) <= 100_000
    tag = {"If-None-Match": whole.headers["etag"]}
    again = reading_api.request("GET", path, params=asked, headers=tag)
    assert (again.status_code, again.content) == (304, b"")


def test_a_ranking_is_made_once_for_pages_of_programs_and_people(reading_api, monkeypatch):
    path, asked = "/api/v1/rankings/selector", {"samples": 3, "weights": "retention_s=2"}
    api, made = reading_api, []
    monkeypatch.setattr(suitability, "rank", lambda *a, **b: made.append(rank(*a, **b)) or made[-1])
    first = api.get(path, limit=1, **asked).json()
    (whole,) = made
    rest = {**asked, "cursor": first["next_cursor"]}
    api.get(path, limit=5, **rest)
    api.request("GET", "/applications/selector", params={"weights": "retention_s=2", "samples": 3})
    assert made == [whole]
    wrong = {"cursor": "AAAA"}, {"cursor": first["next_cursor"], "weights": "retention_s=1"}
    for given in (*wrong, {"fields": "ranks"}, {"sheet": "pdf", "limit": 1}):
        refused = api.problem(path, 422, **{**asked, **given})
        assert refused["parameter"] == next(iter(given))
    other = {"candidates": whole.candidates[::-1]}
    monkeypatch.setattr(suitability, "rank", lambda *a, **b: whole.model_copy(update=other))
    api.app.state.ranking_cache = QueryCache()
    assert "data have changed" in api.problem(path, 422, **rest)["detail"]


def test_a_cursor_leads_on_in_every_process():
    layer, names = conditions_of(LayerRequest()), ("bias_v", "dimensions")
    orders = (replace(layer, defaulted=each) for each in (names, names[::-1]))
    one, other = (rankings.question("devices", Options(), each) for each in orders)
    assert one == other


def test_a_decision_sheet_is_the_ranking_as_a_file(reading_api):
    path = "/api/v1/rankings/selector"
    asked = {"samples": 20, "weights": "threshold_voltage_v=1"}
    sheet = reading_api.get(path, sheet="json", **asked).json()
    ranking = reading_api.get(path, **asked).json()
    assert sheet["ranking"]["candidates"] == ranking["candidates"][:10]
    assert sheet["total"] == len(ranking["candidates"])
    assert sheet["ranking"]["criteria"] == ranking["criteria"]
    page = reading_api.get(path, sheet="html", **asked)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src" not in (policy := page.headers["content-security-policy"])
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert sheet["question"] in page.text
    pdf = reading_api.get(path, sheet="pdf", **asked)
    assert (pdf.headers["content-type"], pdf.content[:4]) == ("application/pdf", b"%PDF")
    reading_api.problem(path, 422, sheet="docx")


def screened(store: Store, energy: float) -> str:
    """End a screening of CsPbBr3 with this energy, in which CsPbI3 fell; return its source."""
    fall = Fall(stage="tolerance", kind="filter", reason="not tau < 4.18", detail="tau is 4.303")
    made = report(candidate("CsPbBr3", stability=stability(energy)), candidate("CsPbI3", fall=fall))
    counts = screening_runs.counts_of(made, computed=0)
    with store.session() as session:
        run = screening_runs.begin(
            session, "try", utc_now(), "a", lambda owner: True, scheduled=False
        )
        screening_runs.finish(session, run.id, "a", made.model_dump_json(), counts, None)
        return f"screening {run.id}, chgnet"


def test_the_newest_screening_is_known_wherever_stability_is_shown(api, store: Store):
    screened(store, 0.03)
    source = screened(store, 0.05)
    path = "/api/v1/rankings/selector"
    ranking = api.get(path, subject="materials", only_screening="true", samples=1).json()
    (entry,) = ranking["candidates"]
    (known,) = (e for e in entry["criteria"] if e["metric"] == "above_hull_ev_per_atom")
    assert (round(known["minimum"] + known["maximum"], 9), known["source"]) == (0.1, source)
    row = api.get("/api/v1/compositions/CsPbBr3").json()
    assert (row["above_hull_ev_per_atom"], row["above_hull_source"]) == (0.05, source)
    linked = f'<a href="/screenings/2">{source.partition(",")[0]}</a>'
    for address in ("/applications/selector?subject=materials", "/compositions/CsPbBr3"):
        page = api.request("GET", address, headers={"Accept": "text/html"})
        assert linked in page.text


def test_a_screening_that_rejected_a_composition_is_named_on_its_page(api, store: Store):
    screened(store, 0.03)

    def card(formula: str) -> str:
        page = api.request("GET", f"/compositions/{formula}", headers={"Accept": "text/html"})
        card = page.text.partition("Decomposition into prototypes, computed")[2]
        return card.partition("</li>")[0]

    rejected = '<a href="/screenings/1">screening 1</a> rejected it, τ is 4.18 or more (τ is'
    assert rejected in card("CsPbI3")
    assert "no screening has computed it" in card("MAPbI3")


def test_the_filter_by_family_offers_what_the_store_has(reading_api):
    def offered(subject: str) -> list[str]:
        address = f"/applications/selector?subject={subject}"
        page = reading_api.request("GET", address, headers={"Accept": "text/html"}).text
        options = page.partition('<select id="f-family"')[2].partition("</select>")[0]
        return re.findall(r'<option value="([^"]+)"', options)

    materials, devices = offered("materials"), offered("devices")
    assert "A3B2X9 dimer" in materials
    assert "ACI" not in materials
    assert set(devices) < set(materials)
    for family in devices:
        ranking = reading_api.get("/api/v1/rankings/selector", samples=1, family=family).json()
        assert ranking["candidates"] or ranking["not_rankable"], family


def test_a_profile_is_there_to_read(reading_api):
    profile = reading_api.get("/api/v1/rankings/selector/profile").json()
    (retention,) = (each for each in profile["devices"] if each["metric"] == "retention_s")
    assert (retention["bounds"]["at_most"], retention["source"]) == (10, "section 6")
    reading_api.problem("/api/v1/rankings/selectr/profile", 404)


def test_what_cannot_be_ranked_names_its_parameter(reading_api):
    path = "/api/v1/rankings/synaptic-training"
    for parameter, value, word in (
        ("weights", "retention_s=-1", "neither 0 nor from 0.001 to 1000"),
        ("weights", "tau=1", "no criterion 'tau'"),
        ("weights", "endurance_cycles=0,retention_s=0", "sum to zero"),
        ("reading", "years", "one reading only"),
        ("subject", "people", "devices"),
        ("samples", "0", "greater"),
        ("thickness_nm", "0", "thickness"),
        ("computed", "perhaps", "boolean"),
        ("family", "4D", "4D"),
        ("compositions", "stone", "stone"),
        ("lead_free", "maybe", "maybe"),
    ):
        problem = reading_api.problem(path, 422, **{parameter: value})
        assert problem["parameter"] == parameter
        assert word in problem["detail"]
    unknown = reading_api.problem("/api/v1/rankings/synaptic-traning", 404)
    assert "synaptic-training" in unknown["detail"]


def computed_again(*_, **__):
    raise AssertionError("it is kept, and is computed again")


def test_default_rankings_are_computed_beside_a_service(loaded_sqlite, tmp_path, monkeypatch):
    path = shutil.copy(loaded_sqlite, tmp_path / "kept.sqlite")
    for module in (rankings.suitability, side_by_side):
        monkeypatch.setattr(module, "shipped_profiles", lambda: ("selector",))
    monkeypatch.setattr(os, "nice", lambda steps: steps)
    rankings.keep_rankings(f"sqlite:///{path}")
    for module, name in ((rankings.suitability, "rank"), (side_by_side, "_all")):
        monkeypatch.setattr(module, name, computed_again)
    with contextmanager(serving)(f"sqlite:///{path}") as api:
        for subject in ("devices", "materials"):
            assert api.get("/api/v1/rankings/selector", subject=subject).json()["candidates"]
        assert api.get("/api/v1/compare", materials="CsPbBr3,MAPbI3").json()["applications"]
        assert "leader:" in api.request("GET", "/applications?leaders=shown").text


def test_a_list_may_be_as_long_as_its_description_says(reading_api):
    asked = {"subject": "materials", "compositions": ",".join(["CsPbBr3"] * 900), "limit": 1}
    found = reading_api.get("/api/v1/rankings/synaptic-training", **asked)
    assert found.is_success, found.text
    assert [each["id"] for each in found.json()["candidates"]] == ["CsPbBr3"]
