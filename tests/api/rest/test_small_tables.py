"""Ions, applications and the descriptive tables are asked like the collections."""

from __future__ import annotations

import json

import pytest

from pvkdb.chemistry import radii
from pvkdb.literature import read_curated
from pvkdb.store.collections.small import SMALL_TABLES
from pvkdb_api.listing.cursors import write_cursor

IONS = "/api/v1/ions"
APPLICATIONS = "/api/v1/applications"


def listed(api, path, **parameters):
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = api.get(path, **parameters, **more).json()
        found += page["data"]
        if not page["next_cursor"]:
            assert page["total"] == len(found)
            return found
        cursor = page["next_cursor"]


@pytest.mark.parametrize("name", SMALL_TABLES)
def test_a_list_holds_what_the_export_holds_in_its_order(api, name):
    exported = api.get(f"/api/v1/export/{name}", format="json").json()
    rows = exported if isinstance(exported, list) else exported["data"]
    assert listed(api, f"/api/v1/{name}", limit=500) == rows
    assert len(rows) > 0
    if name != "ions":
        assert len(rows) == len(read_curated(name))
    table = SMALL_TABLES[name]
    assert len({tuple(row[key] for key in table.row.primary_key) for row in rows}) == len(rows)


def test_pages_of_every_order_give_every_row_once(reading_api):
    whole = listed(reading_api, IONS, limit=500)
    for sort in ("radius_ang", "-radius_ang", "-spin,coordination"):
        found = listed(reading_api, IONS, sort=sort, limit=190)
        assert len(found) == len(whole)
        assert sorted(map(str, found)) == sorted(map(str, whole))
        values = [row[sort.split(",")[0].lstrip("-")] for row in found]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert values[len(known) :] == [None] * (len(values) - len(known))


def test_ions_are_found_by_symbol_name_charge_and_radius(reading_api):
    caesium = listed(reading_api, IONS, ion="Cs", coordination=12)
    assert [row["radius_ang"] for row in caesium] == [1.88]  # Shannon 1976
    assert {row["ion"] for row in listed(reading_api, IONS, q="METHYLAMMONIUM")} >= {"MA"}
    small = listed(reading_api, IONS, radius_ang_max=0.5, charge=4)
    assert (
        0
        < len(small)
        == sum(1 for each in radii() if each.ion.charge == 4 and each.radius_ang <= 0.5)
    )
    assert {row["ion"] for row in listed(reading_api, IONS, ion="Pb,Sn")} == {"Pb", "Sn"}
    assert len(listed(reading_api, IONS, radius_ang_min=1.5, radius_ang_max=1.4)) == 0


def test_requirements_are_filtered_counted_and_exported_alike(reading_api):
    found = listed(reading_api, APPLICATIONS, metric="retention_s", fields="application,value")
    assert {tuple(row) for row in found} == {("application", "value")}
    page = reading_api.get(APPLICATIONS, facets="application,basis", limit=0).json()
    for name in ("application", "basis"):
        assert sum(each["count"] for each in page["facets"][name]) == page["total"] > 0
    first = page["facets"]["application"][0]
    assert len(listed(reading_api, APPLICATIONS, application=first["value"])) == first["count"]
    lines = reading_api.get(
        "/api/v1/export/applications", format="jsonl", metric="retention_s", sort="-value"
    ).text.splitlines()
    values = [json.loads(line)["value"] for line in lines]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(found)


def test_a_row_named_by_one_column_can_be_got(reading_api):
    for name in ("conduction", "processing"):
        key = SMALL_TABLES[name].public_key
        for row in listed(reading_api, f"/api/v1/{name}"):
            assert reading_api.get(f"/api/v1/{name}/{row[key]}").json() == row
        assert "holds no 'nothing'" in reading_api.problem(f"/api/v1/{name}/nothing", 404)["detail"]
    assert reading_api.problem(f"{IONS}/Cs", 404)


@pytest.mark.parametrize(
    ("parameters", "parameter", "said"),
    [
        ({"knd": "x"}, "knd", "did you mean 'kind'?"),
        ({"kind": "ionic"}, "kind", "did you mean 'effective ionic'?"),
        ({"sort": "radius"}, "sort", "did you mean 'radius_ang'?"),
        ({"facets": "radius_ang"}, "facets", "there is no facet"),
        ({"fields": "radius"}, "fields", "did you mean 'radius_ang'?"),
        ({"charge": "two"}, "charge", "integer"),
        ({"radius_ang_max": "nan"}, "radius_ang_max", "finite"),
        ({"cursor": "x"}, "cursor", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(reading_api, parameters, parameter, said):
    problem = reading_api.problem(IONS, 422, **parameters)
    assert problem["parameter"] == parameter
    assert said in problem["detail"]


@pytest.mark.parametrize("place", [[1], ["a", 1], [None, "x"], [True], {}, [[], 1], [1.5, None]])
def test_a_forged_cursor_is_refused(reading_api, place):
    bound = {"filters": {}, "sort": SMALL_TABLES["ions"].sorting("radius_ang")}
    cursor = write_cursor("ions", bound, place)
    problem = reading_api.problem(IONS, 422, sort="radius_ang", cursor=cursor)
    assert problem["parameter"] == "cursor"
