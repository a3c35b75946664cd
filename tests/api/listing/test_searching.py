"""Lists of values, bounds, orders, facets, fields, words, places of pages, conditional requests."""

from __future__ import annotations

import io
import json
import math
import re

import pyarrow.parquet as pq
import pytest

from pvkdb.store.collections import COLLECTIONS, DEVICES
from pvkdb.store.models.devices import Device
from pvkdb_api.listing.parameters import split_values

DEVICES_PATH = "/api/v1/devices"


def rows(api, path, **parameters):
    answer = api.get(path, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_the_question_of_the_readme_is_answered(api):
    """3D, with or without lead, an activation energy that reaches down to 0.4 eV."""
    wanted = {"family": "3D", "lead_free": "false", "e_a_max": 0.4}
    found = rows(api, "/api/v1/materials", **wanted)
    assert found
    assert all(row["family"] == "3D" and not row["lead_free"] for row in found)
    statements = rows(api, "/api/v1/energetics", limit=500, **wanted)
    assert {row["quantity"] for row in statements} == {"E_A"}
    assert all(row["value_min_ev"] is None or row["value_min_ev"] <= 0.4 for row in statements)
    assert {row["material"] for row in statements} == {row["formula"] for row in found}
    assert rows(api, "/api/v1/materials", **{**wanted, "e_a_max": 0.001}) == []


def test_a_list_gives_what_its_values_give_one_by_one(api):
    one, other = (rows(api, DEVICES_PATH, absorber=name) for name in ("MAPbI3", "CsPbBr3"))
    both = rows(api, DEVICES_PATH, absorber="CH3NH3PbI3, CsPbBr3")
    assert one
    assert other
    assert {row["id"] for row in both} == {row["id"] for row in (*one, *other)}
    families = rows(api, "/api/v1/materials", family="3D,RP", limit=500)
    assert {row["family"] for row in families} == {"3D", "RP"}
    keys = [row["key"] for row in rows(api, "/api/v1/references", limit=300)]
    assert api.get("/api/v1/references", key=",".join(keys), limit=0).json()["total"] == 300


def test_materials_are_found_by_halide_dimensions_and_phase(api):
    every = rows(api, "/api/v1/materials", limit=500)
    for halide in ("Cl", "Br", "I"):
        found = rows(api, "/api/v1/materials", halide=halide, limit=500)
        pattern = re.compile(rf"(^| ){halide}([\d.(]|$| )")
        assert {row["id"] for row in found} == {
            row["id"] for row in every if pattern.search(row["x_site"])
        }
        assert found
    both = rows(api, "/api/v1/materials", halide="Cl,I", dimensionality="2,0", limit=500)
    assert both
    assert {row["dimensionality"] for row in both} <= {0, 2}
    delta = rows(api, "/api/v1/materials", phase="δ")
    assert {row["phase"] for row in delta} == {"δ"}
    statements = rows(api, "/api/v1/energetics", halide="Br", dimensionality="3", limit=500)
    assert statements
    assert all("Br" in row["material"] for row in statements)


def test_what_is_known_of_a_material_must_all_be_known(api):
    def having(*names):
        found = rows(api, "/api/v1/materials", has=",".join(names), limit=500)
        return {row["id"] for row in found}

    statements = rows(api, "/api/v1/energetics", limit=500)
    for name, quantity in (("e_a", "E_A"), ("dfe", "DFE")):
        formulas = {row["material"] for row in statements if row["quantity"] == quantity}
        # A formula may have a minus sign, as before a phase: Cs1-xFAxPbI3.
        of_materials = {
            max((each for each in formulas if f"{entry}-".startswith(f"{each}-")), key=len)
            for entry in having(name)
        }
        assert of_materials == formulas
    assert having("e_a", "dfe") == having("e_a") & having("dfe") != set()
    made_into_devices = rows(api, "/api/v1/materials", sort="-devices_count", limit=500)
    assert having("devices") == {row["id"] for row in made_into_devices if row["devices_count"]}
    assert having("computed") == having("structures") == set()
    assert api.problem("/api/v1/materials", 422, has="barrier")["parameter"] == "has"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A", ("A",)),
        ("A, B ,A", ("A", "B")),
        ("(FA,Cs)PbI3,MAPbI3", ("(FA,Cs)PbI3", "MAPbI3")),
        ('"a, b",c', ("a, b", "c")),
        (",", ()),
        ("a),(b,c)", ("a)", "(b,c)")),
    ],
)
def test_commas_part_values_outside_brackets_and_quotes(text, values):
    assert split_values(text) == values


def test_rows_come_in_the_order_asked_for_and_those_without_a_value_last(api):
    for sort, sign in (("on_off_ratio", 1), ("-on_off_ratio", -1)):
        ratios = [row["on_off_ratio"] for row in rows(api, DEVICES_PATH, sort=sort)]
        known = [ratio for ratio in ratios if ratio is not None]
        assert known == sorted(known, key=lambda ratio: sign * ratio)
        assert len(known) > 10
        assert ratios[len(known) :] == [None] * (len(ratios) - len(known)) != []
    grouped = rows(api, DEVICES_PATH, sort="group,-retention_s", fields="group,retention_s")
    keys = [
        (row["group"], -row["retention_s"] if row["retention_s"] is not None else math.inf)
        for row in grouped
    ]
    for group in {key[0] for key in keys}:
        within = [key[1] for key in keys if key[0] == group]
        assert within == sorted(within)


@pytest.mark.parametrize("name", ["devices", "energetics", "materials", "references"])
def test_pages_of_every_order_give_every_row_once(reading_api, name):
    collection = COLLECTIONS[name]
    every = reading_api.pages(f"/api/v1/{name}", limit=500)
    whole = {row[collection.key.key] for page in every for row in page["data"]}
    for field in collection.sortable:
        for sort in (field, f"-{field}"):
            asked = {"sort": sort, "limit": 120, "fields": collection.key.key}
            pages = reading_api.pages(f"/api/v1/{name}", **asked)
            got = [row[collection.key.key] for page in pages for row in page["data"]]
            assert len(got) == len(whole), sort
            assert set(got) == whole, sort


def test_a_cursor_survives_rows_that_come_and_go(api, store):
    first = api.get(DEVICES_PATH, sort="id", limit=5).json()
    with store.session() as session:
        last = session.get_one(Device, first["data"][-1]["id"])
        session.delete(last)
    second = api.get(DEVICES_PATH, sort="id", limit=5, cursor=first["next_cursor"]).json()
    assert second["data"][0]["id"] > first["data"][-1]["id"]
    assert second["total"] == first["total"] - 1  # counted anew: the data changed


@pytest.mark.parametrize("place", [["a"], [None, None], [math.nan, "x"], [10**400, "x"], [{}, []]])
def test_a_forged_cursor_is_refused(reading_api, place):
    from pvkdb_api.listing.cursors import write_cursor

    bound = {"filters": {}, "sort": DEVICES.sorting("-on_off_ratio")}
    cursor = write_cursor("devices", bound, place)
    problem = reading_api.problem(DEVICES_PATH, 422, sort="-on_off_ratio", cursor=cursor)
    assert problem["parameter"] == "cursor"


def test_facets_count_what_the_filters_leave(api):
    page = api.get(DEVICES_PATH, facets="family,mechanism", retention_s_min=1e3, limit=0).json()
    assert page["data"] == []
    for name in ("family", "mechanism"):
        assert sum(each["count"] for each in page["facets"][name]) == page["total"] > 0
    for each in page["facets"]["family"]:
        if each["value"] is not None:
            asked = {"family": each["value"], "retention_s_min": 1e3, "limit": 0}
            assert api.get(DEVICES_PATH, **asked).json()["total"] == each["count"]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_fields_and_filters_can_be_discovered_and_used(reading_api, name):
    told = reading_api.get(f"/api/v1/{name}/fields").json()
    assert [field["name"] for field in told["fields"]] == COLLECTIONS[name].row.columns()
    assert {entry["name"] for entry in told["filters"]} == set(COLLECTIONS[name].filters)
    for field in told["fields"]:
        if field["sortable"]:
            rows(reading_api, f"/api/v1/{name}", sort=field["name"])
        if field["facet"]:
            rows(reading_api, f"/api/v1/{name}", facets=field["name"])
    for entry in told["filters"]:
        if entry["example"] is not None:
            value = entry["example"]
            value = str(value).lower() if entry["type"] == "boolean" else value
            rows(reading_api, f"/api/v1/{name}", **{entry["name"]: value, "limit": 1})


def test_words_are_found_in_any_column_and_order(api):
    found = rows(api, "/api/v1/references", q="MEMRISTOR halide")
    assert found
    for row in found:
        text = " ".join(str(row[name]) for name in ("title", "authors", "journal")).lower()
        assert "memristor" in text
        assert "halide" in text
    named = rows(api, "/api/v1/materials", q="methylammonium", limit=500)
    assert {"MAPbI3", "MAPbBr3"} <= {row["id"] for row in named}
    assert rows(api, "/api/v1/references", q="100%_of nothing") == []


def test_an_answer_that_the_reader_has_is_not_sent_again(reading_api):
    for path in (DEVICES_PATH, f"{DEVICES_PATH}/d-t4-r01", "/api/v1/export/references"):
        first = reading_api.get(path)
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        again = reading_api.request("GET", path, headers={"If-None-Match": f'"x", {tag}'})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["x-dataset-version"] == first.headers["x-dataset-version"]
        other = reading_api.request("GET", path, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


def test_a_file_holds_what_filters_fields_and_order_leave(reading_api):
    asked = {"family": "3D", "fields": "id,on_off_ratio", "sort": "-on_off_ratio"}
    listed = rows(reading_api, DEVICES_PATH, **asked)
    for kind in ("json", "jsonl", "parquet"):
        content = reading_api.get("/api/v1/export/devices", format=kind, **asked).content
        if kind == "parquet":
            table = pq.read_table(io.BytesIO(content))
            assert table.schema.field("on_off_ratio").metadata[b"unit"] == b"1"
            assert table.to_pylist() == listed
        elif kind == "jsonl":
            assert [json.loads(line) for line in content.splitlines()] == listed
        else:
            assert json.loads(content) == listed


def test_the_table_of_ions_leads_to_compositions_with_each_anion(reading_api):
    """SCN too, which is no halide."""
    page = reading_api.request("GET", "/compositions", headers={"Accept": "text/html"}).text
    links = re.findall(r'href="(/compositions\?halide=(\w+))#elements"', page)
    assert {"Br", "I", "SCN", "X"} <= {anion for _, anion in links}
    for link, anion in links:
        assert reading_api.request("GET", link).status_code == 200, link
        assert rows(reading_api, "/api/v1/compositions", halide=anion), anion
