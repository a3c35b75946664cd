"""Every collection lists, pages, filters and gets; what cannot be used is refused with a reason."""

from __future__ import annotations

from math import inf
from urllib.parse import quote

import pytest
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.literature import read_curated
from pvkdb.schemas.calculations import PotentialName
from pvkdb.store.collections import COLLECTIONS, COMPOSITIONS
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb_api.listing import queries

from ...structures import structure_row

#: What the curated files hold.
COUNTS = {name: len(read_curated(name)) for name in ("energetics", "devices", "references")}


@pytest.fixture
def filled(store: Store, api):
    """The literature, and some structures and queued calculations beside it."""
    for formula in ("CsPbBr3", "CsPbI3", "CsPbCl3", "RbPbI3", "CsSnI3"):
        for potential in PotentialName:
            sent = {"formula": formula, "potential": potential.value}
            assert api.post("/api/v1/calculations", json=sent).status_code == 202
    with store.session() as session:
        for number in range(9):
            atoms = Atoms("CsBr", [[0, 0, 0], [3, 3, 0.1 * number]], cell=[6, 6, 6.5])
            of = {"material_id": "CsPbBr3-Pnma", "role": f"image {number}", "origin": "neb"}
            session.add(structure_row(f"s{number}", atoms, **of))
    return api


def test_pages_give_every_row_once(filled):
    for name, collection in COLLECTIONS.items():
        every = [*filled.pages(f"/api/v1/{name}", limit=500)]
        whole = {
            "total": every[0]["total"],
            "data": [row for page in every for row in page["data"]],
        }
        assert whole["total"] == len(whole["data"]) == COUNTS.get(name, whole["total"]) > 7
        assert every[-1]["next_cursor"] is None

        got = list(filled.pages(f"/api/v1/{name}", limit=7))
        assert {page["total"] for page in got} == {whole["total"]}
        assert {len(page["data"]) for page in got[:-1]} == {7}
        rows = [row for page in got for row in page["data"]]
        assert rows == whole["data"]
        keys = [row[collection.key.key] for row in rows]
        assert len(set(keys)) == len(keys)
        assert list(rows[0]) == collection.row.columns()


def test_every_listed_key_can_be_got(filled):
    for name, collection in COLLECTIONS.items():
        for row in filled.get(f"/api/v1/{name}", limit=12).json()["data"]:
            one = filled.get(f"/api/v1/{name}/{row[collection.key.key]}")
            assert one.status_code == 200, one.text
            got = one.json()
            assert {**got, **{k: v for k, v in row.items() if k in got}} == got
        problem = filled.problem(f"/api/v1/{name}/no-such-key", 404)
        assert problem["detail"] == f"{name} holds no 'no-such-key'"


def test_one_structure_comes_with_coordinates_and_one_calculation_with_settings(filled):
    structure = filled.get("/api/v1/structures/s3").json()
    assert structure["positions_ang"][1] == pytest.approx([3, 3, 0.3])
    assert structure["symbols"] == ["Cs", "Br"]
    for spelling in ("CsPbBr3", "CsPbBr₃", "PbCsBr3", "CsPbBr3-Pnma"):
        assert filled.get("/api/v1/structures", material=spelling).json()["total"] == 9
    listed = filled.get("/api/v1/calculations", limit=1).json()["data"][0]
    calculation = filled.get(f"/api/v1/calculations/{listed['id']}").json()
    assert calculation["parameters"]["settings"]["distance_ang"] == 10.0
    assert calculation["result"] is None


def test_a_composition_in_any_spelling_and_a_list_of_those_most_known(api, monkeypatch):
    one = api.get("/api/v1/compositions/CH3NH3PbI3").json()
    assert (one["formula"], one["a_site"], one["devices_count"]) == ("MAPbI3", "MA", 15)
    assert one["e_a_literature_min_ev"] < one["e_a_literature_max_ev"]
    page = api.get("/api/v1/compositions", limit=3).json()
    assert [row["known"] for row in page["data"]] == [40, 40, 40]
    assert (page["more_than_total"], page["total"] > 30) == (False, True)
    with monkeypatch.context() as patch:
        patch.setitem(COMPOSITIONS.__dict__, "most_counted", 4)
        some = api.get("/api/v1/compositions", halide="I,X", facets="lead_free").json()
        every = api.get("/api/v1/compositions", halide="I,X", limit=0).json()
    assert (some["total"], some["more_than_total"], len(some["data"])) == (4, True, every["total"])
    assert sum(each["count"] for each in some["facets"]["lead_free"]) == 4
    assert (every["total"] > 4, every["more_than_total"]) == (True, False)


@pytest.mark.parametrize(
    ("path", "parameters", "parameter", "said"),
    [
        ("devices", {"absorbr": "MAPbI3"}, "absorbr", "did you mean 'absorber'?"),
        ("devices", {"retention_max": 1}, "retention_max", "did you mean 'retention_s_max'?"),
        ("devices/d-t4-r01", {"fields": "id"}, "fields", "takes none"),
        ("tolerance/CsPbBr3", {"x": 1}, "x", "takes none"),
        ("devices", {"limit": -1}, "limit", "greater than or equal to 0"),
        ("devices", {"limit": 501}, "limit", "less than or equal to 500"),
        ("devices", {"limit": "many"}, "limit", "'many'"),
        ("devices", {"limit": [1, 2]}, "limit", "more than once"),
        ("devices", {"retention_s_min": "nan"}, "retention_s_min", "finite"),
        ("devices", {"absorber": ""}, "absorber", "at least 1 character"),
        ("devices", {"absorber": "a\0b"}, "absorber", "\\x00"),
        ("references", {"year_min": 10**30}, "year_min", "year_min"),
        ("materials", {"formula": "CsPbO3"}, "formula", "no halide"),
        ("materials", {"lead_free": "maybe"}, "lead_free", "boolean"),
        ("calculations", {"state": "finished"}, "state", "known: cancelled, done"),
        ("devices", {"cursor": "!"}, "cursor", "cannot be read"),
        ("devices", {"cursor": "é"}, "cursor", "cannot be read"),
        ("devices", {"cursor": "MTIz"}, "cursor", "cannot be read"),
        ("devices", {"fields": "id,on_of_ratio"}, "fields", "did you mean 'on_off_ratio'?"),
        ("devices", {"sort": "-retention"}, "sort", "did you mean 'retention_s'?"),
        ("devices", {"facets": "famly"}, "facets", "did you mean 'family'?"),
        ("devices", {"family": "3D,4D"}, "family", "there is no family among devices '4D'"),
        ("devices", {"volatility": "volatil"}, "volatility", "did you mean 'volatile'?"),
    ],
)
def test_a_refusal_names_parameter_and_reason(reading_api, path, parameters, parameter, said):
    problem = reading_api.problem(f"/api/v1/{path}", 422, **parameters)
    assert problem["parameter"] == parameter
    assert said in problem["detail"]


def test_summaries_count_every_energy_that_is_found(reading_api):
    asked = {"material": "MAPbI3,CsPbBr3", "quantity": "E_A"}
    found = reading_api.get("/api/v1/energetics/summary", **asked).json()["data"]
    rows = reading_api.get("/api/v1/energetics", limit=500, **asked).json()["data"]
    assert sum(each["statements"] for each in found) == len(rows) > len(found)
    lowest = min(row["value_min_ev"] for row in rows if row["value_min_ev"] is not None)
    assert min(each["minimum_ev"] for each in found if each["minimum_ev"]) == lowest


def test_a_cursor_belongs_to_its_query(reading_api):
    cursor = reading_api.get("/api/v1/devices", limit=3).json()["next_cursor"]
    for path, filters in (("devices", {"family": "3D"}), ("references", {})):
        problem = reading_api.problem(f"/api/v1/{path}", 422, cursor=cursor, **filters)
        assert "another query" in problem["detail"]
    assert reading_api.get("/api/v1/devices", limit=9, cursor=cursor).status_code == 200
    nothing = reading_api.get("/api/v1/devices", group="none such").json()
    assert (nothing["data"], nothing["total"], nothing["next_cursor"]) == ([], 0, None)


ODD_PHASES = (
    *("a/b", "ab", "β'", "50 % δ?", "a#b&c=d", "../x", "~", "<b>"),
    *("(I), 'II'", "1 1", 'a"b\\'),
)


def test_a_material_of_any_phase_has_a_page_a_resource_and_an_entry(store: Store, api) -> None:
    composition = parse_composition("Cs2SnI6")
    with store.session() as session:
        ids = {phase: register_material(session, composition, phase).id for phase in ODD_PHASES}
        for number, name in enumerate(ids.values()):
            session.add(structure_row(f"odd-{number}", material_id=name, origin="user"))
    assert len(set(ids.values())) == len(ODD_PHASES)
    listed = {row["id"] for row in api.get("/api/v1/materials", limit=500).json()["data"]}
    for number, (phase, name) in enumerate(ids.items()):
        assert name in listed
        row = api.get(f"/api/v1/materials/{quote(name, safe='')}")
        assert (row.status_code, row.json()["phase"]) == (200, phase), name
        there = api.get(f"/compositions/{quote(name, safe='')}").headers["location"]
        page = api.get(there)
        assert (page.status_code, page.url.params["phase"]) == (200, phase), name
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        entries = api.get("/optimade/v1/structures", filter=f'_pvkdb_material="{quoted}"')
        assert [entry["id"] for entry in entries.json()["data"]] == [f"odd-{number}"], name


def test_a_page_is_found_by_other_spellings_and_by_earlier_names(store: Store, api) -> None:
    composition = parse_composition("Cs2SnI6")
    with store.session() as session:
        register_material(session, composition, "P4/mnc")
        register_material(session, composition, "a/b").id = "Cs2SnI6-ab"
    for name, phase in (("P4/mnc", "P4/mnc"), ("P4mnc", "P4/mnc"), ("a~-b", "a/b"), ("ab", "a/b")):
        answer = api.get(f"/compositions/{quote(f'Cs2SnI6-{name}')}")
        there = f"/compositions/Cs2SnI6?phase={quote(phase, safe='')}"
        assert (answer.status_code, answer.headers["location"]) == (307, there)
    assert api.get("/compositions/Cs2SnI6-P4nmm").status_code == 404


def test_a_page_is_made_once_while_the_data_are_the_same(api, store, monkeypatch):
    made, page = [], queries._page
    monkeypatch.setattr(queries, "_page", lambda *given: made.append(1) or page(*given))
    monkeypatch.setattr(queries, "KEPT_S", inf)  # for ever, as far as time goes

    def total(**parameters):
        return api.get("/api/v1/devices", limit=1, **parameters).json()["total"]

    before = total()
    assert total() == before
    assert len(made) == 1
    assert total(q="Cs") < before
    with store.session() as session:
        session.delete(session.get_one(Device, "d-t4-r01"))
    assert total() == before - 1
    assert len(made) == 3
