"""Ions, applications and the descriptive tables are asked like the collections."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import radii
from pvkdb.literature import read_curated
from pvkdb.store.collections.small import SMALL_TABLES

IONS = "/api/v1/ions"


def listed(api, path, **parameters):
    pages = list(api.pages(path, **parameters))
    found = [row for page in pages for row in page["data"]]
    assert pages[-1]["total"] == len(found)
    return found


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


def test_ions_are_found_by_symbol_name_charge_and_radius(reading_api):
    caesium = listed(reading_api, IONS, ion="Cs", coordination=12)
    assert [row["radius_ang"] for row in caesium] == [1.88]  # Shannon 1976
    assert {row["ion"] for row in listed(reading_api, IONS, q="METHYLAMMONIUM")} >= {"MA"}
    small = listed(reading_api, IONS, radius_ang_max=0.5, charge=4)
    known = [each for each in radii() if each.ion.charge == 4 and each.radius_ang <= 0.5]
    assert len(small) == len(known) > 0
    assert {row["ion"] for row in listed(reading_api, IONS, ion="Pb,Sn")} == {"Pb", "Sn"}
    assert len(listed(reading_api, IONS, radius_ang_min=1.5, radius_ang_max=1.4)) == 0


def test_a_row_named_by_one_column_can_be_got(reading_api):
    for name in ("conduction", "processing"):
        key = SMALL_TABLES[name].public_key
        for row in listed(reading_api, f"/api/v1/{name}"):
            assert reading_api.get(f"/api/v1/{name}/{row[key]}").json() == row
        assert "holds no 'nothing'" in reading_api.problem(f"/api/v1/{name}/nothing", 404)["detail"]
    assert reading_api.problem(f"{IONS}/Cs", 404)
