"""Lists, pages, fields, relations and refusals, as the specification asks, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from pvkdb.store.curation.dataset import REVIEW
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.references import DatasetVersion
from pvkdb_api import optimade
from pvkdb_api.app import create_app
from pvkdb_api.listing.cursors import write_cursor
from pvkdb_api.optimade.entries import search
from pvkdb_api.optimade.entries.search import entries_of
from pvkdb_api.optimade.entries.structures import STRUCTURES

from ....statements import energy_row
from ...conftest import Api
from ..conftest import FIRST, PROTOTYPES, VACANCY

ALL = {*(key for _, _, key in PROTOTYPES), VACANCY}
BASE = "/optimade/v1"


class Service(Api):
    """Sends requests straight into the application."""

    def __init__(self, url: str) -> None:
        super().__init__(create_app(url), "http://test")

    def data(self, path: str, **parameters: Any) -> Any:
        answer = self.get(f"{BASE}{path}", **parameters)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/vnd.api+json"
        return answer.json()

    def refused(self, path: str, status: int, **parameters: Any) -> dict[str, Any]:
        answer = self.get(f"{BASE}{path}", **parameters)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/vnd.api+json"
        body = answer.json()
        assert "data" not in body
        assert body["meta"]["api_version"] == "1.2.0"
        (error,) = body["errors"]
        assert error["status"] == str(status)
        assert error["detail"]
        return error

    def linked(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page, by its links; ends also where they do not."""
        link = f"http://test{BASE}{path}?{httpx.QueryParams(parameters)}"
        for _ in range(50):
            page = self.get(link).json()
            yield page
            link = page["links"]["next"]
            if link is None:
                return
        pytest.fail(f"{path} does not end")


@pytest.fixture(scope="package")
def service(filled) -> Iterator[Service]:
    made = Service(filled.url.render_as_string(hide_password=False))
    yield made
    made.app.state.served.close()


@pytest.mark.parametrize(
    "sort",
    ["", "id", "-id", "nelements", "-nsites,chemical_formula_reduced", "_pvkdb_tau",
     "-_pvkdb_tau,-id", "last_modified", "-last_modified", "_pvkdb_lead_free,-nsites",
     "-_pvkdb_lead_free", "_pvkdb_space_group", "-_pvkdb_e_a_reported_min_ev,_pvkdb_energy_ev"],
)  # fmt: skip
def test_pages_of_any_order_give_every_structure_once(service, sort):
    parameters = {"sort": sort} if sort else {}
    whole = [entry["id"] for entry in service.data("/structures", **parameters)["data"]]
    assert set(whole) == ALL
    assert len(whole) == len(ALL)
    pages = list(service.linked("/structures", page_limit=2, **parameters))
    assert [entry["id"] for page in pages for entry in page["data"]] == whole
    assert {page["meta"]["data_returned"] for page in pages} == {len(ALL)}
    assert [page["meta"]["more_data_available"] for page in pages] == [True] * 5 + [False]


def test_of_more_entries_than_are_counted_the_number_is_left_out(service, monkeypatch):
    monkeypatch.setattr(search, "MOST_COUNTED", 3)
    few = service.data("/structures", filter='elements HAS "Ag"')["meta"]
    many = service.data("/structures", filter="nelements > 1", page_limit=2)["meta"]
    assert few["data_returned"] <= 3
    assert "data_returned" not in many
    assert many["more_data_available"]
    assert {few["data_available"], many["data_available"]} == {len(ALL)}


def test_an_order_is_that_of_the_values_and_what_has_none_comes_last(service):
    for sort, descending in (("_pvkdb_tau", False), ("-_pvkdb_tau", True)):
        listed = service.data("/structures", sort=sort, response_fields="_pvkdb_tau")["data"]
        values = [entry["attributes"]["_pvkdb_tau"] for entry in listed]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=descending)
        assert values[len(known) :] == [None] * 3


def test_pages_by_number_and_by_offset(service):
    whole = [entry["id"] for entry in service.data("/structures")["data"]]
    second = service.data("/structures", page_limit=3, page_number=2)["data"]
    assert [entry["id"] for entry in second] == whole[3:6]
    behind = service.data("/structures", page_limit=3, page_offset=9)
    assert [entry["id"] for entry in behind["data"]] == whole[9:]
    assert behind["links"]["next"] is None


def test_a_structure_is_complete(service, filled):
    entry = service.data("/structures/cspbi3-gamma")["data"]
    assert (entry["type"], entry["id"]) == ("structures", "cspbi3-gamma")
    attributes = entry["attributes"]
    assert set(attributes) == set(STRUCTURES.properties) - {"id", "type"}
    assert attributes["elements"] == ["Cs", "I", "Pb"]
    assert attributes["elements_ratios"] == pytest.approx([0.2, 0.6, 0.2])
    assert attributes["chemical_formula_reduced"] == "CsI3Pb"
    assert attributes["chemical_formula_anonymous"] == "A3BC"
    assert attributes["chemical_formula_hill"] == "Cs4I12Pb4"
    assert attributes["nsites"] == len(attributes["cartesian_site_positions"]) == 20
    assert len(attributes["species_at_sites"]) == 20
    assert [species["name"] for species in attributes["species"]] == ["Cs", "I", "Pb"]
    assert attributes["last_modified"] == "2026-05-01T12:00:00Z"
    assert attributes["_pvkdb_material"] == "CsPbI3-Pnma"
    assert attributes["_pvkdb_space_group"] == "Pnma"
    # Shannon's radii 1.88, 1.19 and 2.20 Å: t = (1.88 + 2.20) / (√2 (1.19 + 2.20)) = 0.851.
    assert attributes["_pvkdb_t"] == pytest.approx(0.851, abs=5e-4)
    vacancy = service.data(f"/structures/{VACANCY}")["data"]["attributes"]
    assert vacancy["chemical_formula_reduced"] == "Cs4I11Pb4"
    assert vacancy["_pvkdb_formula"] == "CsPbI3"


def test_energies_are_those_of_the_literature_on_the_composition(service, filled):
    """Table 1 of the review: 0.33 eV for a vacancy, 0.348 eV for silver in Cs2AgBiBr6."""
    attributes = service.data("/structures/cs2agbibr6")["data"]["attributes"]
    assert attributes["_pvkdb_e_a_reported_min_ev"] == 0.33
    assert attributes["_pvkdb_e_a_reported_max_ev"] == 0.348
    assert attributes["_pvkdb_e_a_percolation_min_ev"] is None
    gamma = service.data("/structures/cspbi3-gamma")["data"]["attributes"]
    delta = service.data("/structures/cspbi3-delta")["data"]["attributes"]
    assert gamma["_pvkdb_e_a_reported_min_ev"] == delta["_pvkdb_e_a_reported_min_ev"]


def test_a_structure_is_modified_when_an_energy_of_its_composition_comes_or_counts(filled):
    def modified(key: str) -> str:
        (found,) = entries_of(session, STRUCTURES, ["last_modified"], [key])
        return found["attributes"]["last_modified"]

    with filled.session() as session:
        before = modified("cs2agbibr6")
        assert modified("cspbi3-delta") == "2026-05-01T12:01:00Z"
        at = [FIRST + timedelta(days=day) for day in (1, 2, 3)]
        session.add(DatasetVersion(version="new", loaded_at=at[0], description="import of x"))
        done = {"kind": "neb", "state": "done", "parameters": {}, "finished_at": at[2]}
        session.add(Calculation(id="c", key="c", **done))
        session.flush()
        reported = {"calculation_id": None, "recorded_in": "new", "scope": "reported"}
        session.add(energy_row("imported", "CsPbI3", 0.5, **reported))
        session.flush()
        assert modified("cspbi3-delta") == "2026-05-02T12:00:00Z"
        session.add(AuditEntry(at=at[1], caller="B", action=REVIEW, subject="new"))
        session.flush()
        assert modified("cspbi3-delta") == "2026-05-03T12:00:00Z"
        session.add(energy_row("computed", "CsPbI3-Pnma", 0.3))
        session.flush()
        assert modified("cspbi3-delta") == "2026-05-04T12:00:00Z"
        assert modified("cs2agbibr6") == before
        session.rollback()


def test_references_come_with_the_structures_that_they_are_about(service):
    found = service.data("/structures", filter='id="cspbi3-gamma" OR id="cspbi3-delta"')
    for entry in found["data"]:
        linked = {
            (item["type"], item["id"]) for item in entry["relationships"]["references"]["data"]
        }
        assert ("references", "r41") in linked
    keys = [entry["id"] for entry in found["included"]]
    assert len(set(keys)) == len(keys)
    assert "r41" in keys
    without = service.data("/structures/cspbi3-gamma", include="")
    assert without["included"] == []
    assert without["data"]["relationships"] == found["data"][1]["relationships"]
    assert "relationships" not in service.data("/structures/rbgecl3")["data"]


def test_a_measured_perovskite_has_the_probability_one_as_in_other_answers(service):
    name, found = "_pvkdb_p_perovskite", {}
    for entry in service.data("/structures", response_fields=f"{name},_pvkdb_formula")["data"]:
        found[entry["attributes"]["_pvkdb_formula"]] = entry["attributes"][name]
    assert found["CsPbI3"] == 1
    assert 0 < found["RbGeCl3"] < 1  # tau alone
    listed = service.data("/structures", filter=f"{name} >= 1", response_fields="id")["data"]
    assert "cspbi3-gamma" in {entry["id"] for entry in listed}
    assert "rbgecl3" not in {entry["id"] for entry in listed}


def test_only_the_fields_asked_for_are_given(service):
    found = service.data("/structures", response_fields="nsites,_pvkdb_tau,_exmpl_gap,id")
    for entry in found["data"]:
        assert set(entry["attributes"]) == {"nsites", "_pvkdb_tau", "_exmpl_gap"}
        assert entry["attributes"]["_exmpl_gap"] is None
    (warning,) = found["meta"]["warnings"]
    assert warning["type"] == "warning"
    assert "_exmpl_gap" in warning["detail"]


def test_what_is_not_there_is_null(service):
    found = service.data("/structures/none")
    assert found["data"] is None
    assert found["meta"]["data_returned"] == 0
    nothing = service.data("/structures", filter="nsites=1")
    assert nothing["data"] == []
    assert nothing["meta"]["data_available"] == len(ALL)


def test_every_response_says_where_it_is_from(service):
    for path in ("/info", "/info/structures", "/links", "/structures", "/references/r36"):
        meta = service.data(path)["meta"]
        assert meta["provider"]["prefix"] == "pvkdb"
        assert meta["implementation"]["name"] == "pvkdb"
        assert meta["query"]["representation"] == path
        assert service.get(meta["schema"]).json()["openapi"].startswith("3.")
    assert service.data("/structures")["meta"]["_pvkdb_dataset_version"].startswith("review2026-")


def test_info_describes_every_property_that_has_values(service):
    described = service.data("/info/structures")["data"]["properties"]
    values = service.data("/structures")["data"]
    given = {
        name for entry in values for name, value in entry["attributes"].items() if value is not None
    }
    assert given <= set(described)
    own = {name: facts for name, facts in described.items() if name.startswith("_pvkdb_")}
    assert len(own) == 26
    for facts in described.values():
        assert facts["description"]
        assert facts["type"] in ("string", "integer", "float", "boolean", "timestamp", "list")
    assert own["_pvkdb_e_a_reported_min_ev"]["unit"] == "eV"
    assert described["lattice_vectors"]["unit"] == "Å"
    assert set(service.data("/info/references")["data"]["properties"]) >= {"id", "title", "doi"}


@pytest.mark.parametrize(
    ("path", "parameters", "status", "parameter", "said"),
    [
        ("/structures", {"filter": "nelement=3"}, 400, "filter", "did you mean 'nelements'?"),
        ("/structures", {"filter": 'species HAS "x"'}, 501, "filter", "species"),
        ("/structures", {"sort": "elements"}, 400, "sort", "to sort by"),
        ("/structures", {"response_fields": "nsite"}, 400, "response_fields", "'nsites'"),
        ("/structures", {"response_fields": "_pvkdb_x"}, 400, "response_fields", "_pvkdb_x"),
        ("/structures", {"response_format": "xml"}, 400, "response_format", "json"),
        ("/structures", {"include": "calculations"}, 400, "include", "references"),
        ("/structures", {"page_limit": 501}, 403, "page_limit", "500"),
        ("/structures", {"page_limit": -1}, 400, "page_limit", "greater"),
        ("/structures", {"page_limit": "many"}, 400, "page_limit", "integer"),
        ("/structures", {"page_number": 0}, 400, "page_number", "greater"),
        ("/structures", {"page_offset": 10**30}, 400, "page_offset", "less"),
        ("/structures", {"page_cursor": "x"}, 400, "page_cursor", "links.next"),
        ("/structures", {"page_above": "x"}, 400, "page_above", "did you mean"),
        ("/structures", {"fliter": "x"}, 400, "fliter", "did you mean 'filter'?"),
        ("/structures", {"_pvkdb_x": "x"}, 400, "_pvkdb_x", "query parameter"),
        ("/structures", {"api_hint": "v2"}, 553, "api_hint", "version 1"),
        ("/structures", {"api_hint": "2"}, 400, "api_hint", "v1.2"),
        ("/structures", {"sort": ["id", "nsites"]}, 400, "sort", "more than once"),
        ("/info/structure", {}, 404, None, "did you mean 'structures'?"),
        ("/calculations", {}, 404, None, "/info"),
        ("/versions", {}, 404, None, "/info"),
        ("/structures/cs2sni6", {"filter": "nsites=3"}, 400, "filter", "query parameter"),
    ],
)
def test_what_cannot_be_answered_is_refused(service, path, parameters, status, parameter, said):
    error = service.refused(path, status, **parameters)
    assert said in error["detail"]
    assert error.get("source", {}).get("parameter") == parameter


def test_another_method_is_refused_with_those_that_there_are(service):
    answer = TestClient(service.app).post(f"{BASE}/structures")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_parameters_of_other_providers_are_told_and_ignored(service):
    found = service.data("/structures", _exmpl_mode="x", email_address="a@example.org")
    assert len(found["data"]) == len(ALL)
    assert "_exmpl_mode" in found["meta"]["warnings"][0]["detail"]


def test_a_cursor_holds_for_its_query_only(service):
    first = service.data("/structures", sort="nsites", page_limit=2)
    (cursor,) = parse_qs(urlsplit(first["links"]["next"]).query)["page_cursor"]
    service.refused("/structures", 400, sort="-nsites", page_cursor=cursor)
    service.refused("/structures", 400, sort="nsites", filter="nsites=5", page_cursor=cursor)


@pytest.mark.parametrize(
    ("sort", "place"),
    [
        ("nsites", '["x", "a"]'),
        ("nsites", "[null, null]"),
        ("nsites", "[5]"),
        ("nsites", '{"a": 1}'),
        ("nsites", "5"),
        ("nsites", '[[], "a"]'),
        ("last_modified", '["yesterday", "a"]'),
        ("last_modified", '["2026-05-01T12:00:00", "a"]'),
        ("_pvkdb_tau", '["a", "a"]'),
        ("_pvkdb_tau", "[NaN, 7]"),
        ("_pvkdb_lead_free", '["a", "a"]'),
        ("_pvkdb_phase", '[7, "a"]'),
        ("_pvkdb_phase", '["\\u0000", "a"]'),
    ],
)
def test_a_cursor_that_somebody_wrote_is_refused(service, sort, place):
    forged = write_cursor("structures", {"filter": "", "sort": sort}, json.loads(place))
    service.refused("/structures", 400, sort=sort, page_cursor=forged)


def test_other_versions_are_told_apart_from_other_paths(service):
    assert service.get("/optimade/versions").text == "version\n1\n"
    assert service.get("/optimade/versions").headers["content-type"] == "text/csv; header=present"
    assert service.get("/optimade/v2/structures").status_code == 553
    assert service.get("/optimade/v0.10/info").status_code == 553
    assert service.get("/optimade/nothing").status_code == 404


@pytest.mark.parametrize(
    "path", ["/structures", "/references", "/info", "/info/structures", "/links"]
)
def test_the_unversioned_base_url_serves_the_current_version(service, path):
    versioned, plain = (service.get(f"{base}{path}").json() for base in (BASE, "/optimade"))
    assert plain["data"] == versioned["data"]
    assert plain["meta"]["query"] == versioned["meta"]["query"] == {"representation": path}
    assert service.get("/optimade").headers["location"] == "/optimade/info"
    for base in ("/optimade/", BASE, f"{BASE}/"):
        assert service.get(base).json()["data"]["type"] == "info"


def test_the_front_page_leads_to_optimade(service):
    assert 'href="/optimade/v1/info"' in service.get("/").text


def test_without_the_extra_the_service_runs_and_says_so(filled, monkeypatch):
    monkeypatch.setattr(optimade, "available", lambda: False)
    bare = Service(filled.url.render_as_string(hide_password=False))
    assert "pip install 'pvkdb[optimade]'" in bare.get("/docs").text.replace("&#39;", "'")
    answer = bare.get("/optimade/v1/structures")
    assert answer.status_code == 404
    assert "pip install 'pvkdb[optimade]'" in answer.json()["detail"]
    assert bare.get("/api/v1/structures").json()["total"] == len(ALL)
    bare.app.state.served.close()


def test_a_database_that_cannot_be_reached_is_a_503_that_says_no_secret():
    away = Service("postgresql://alice:secret@127.0.0.1:9/pvkdb?connect_timeout=1")
    answer = away.get(f"{BASE}/structures")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/vnd.api+json"
    assert not {"alice", "secret", "127.0.0.1"} & set(answer.json()["errors"][0]["detail"].split())


def test_ranges_of_energies_are_read_by_material(sqlite_store):
    """Else SQLite goes through all energies of a kind for each structure: 15 s a page at 10⁵."""
    for name in ("e_a_reported_min_ev", "dfe_reported_max_ev", "e_a_percolation_max_ev"):
        (column,) = STRUCTURES.properties[f"_pvkdb_{name}"].columns.values()
        statement = STRUCTURES.source.add_columns(column)
        with sqlite_store.session(read_only=True) as session:
            compiled = statement.compile(
                sqlite_store.engine, compile_kwargs={"literal_binds": True}
            )
            rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
            plan = [row[-1] for row in rows]
        assert any("ix_energetics_material (material_id=? AND quantity=?)" in each for each in plan)
        assert not any("ix_energetics_value" in each for each in plan)
