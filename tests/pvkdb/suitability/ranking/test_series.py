"""Series: devices of one paper that differ in one thing."""

from __future__ import annotations

import json
from math import log, sqrt
from pathlib import Path
from statistics import mean, stdev

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.literature.importing import import_files
from pvkdb.local import open_store
from pvkdb.schemas.tables.literature import SECONDARY
from pvkdb.schemas.tables.series import SeriesRequest
from pvkdb.store.collections import DEVICES
from pvkdb.store.curation.dataset import confirm_import
from pvkdb.store.database import Store
from pvkdb.suitability.ranking.series import series_in
from pvkdb_api.app import create_app


def test_devices_of_one_paper_that_differ_in_their_electrode_are_a_series(literature):
    """How 2019: ITO/MAPbI3/M sets at 4.5 V with Al, 4.7 V with Ag and 4.0 V with Au."""
    found = series_in(literature, SeriesRequest(changed="top electrode", metric="set_voltage_v"))
    pairs = {
        (row.first_has, row.second_has): (row.first_value, row.second_value)
        for row in found.pairs
        if row.reference == "web-how2019"
    }
    assert pairs == {("Ag", "Al"): (4.7, 4.5), ("Al", "Au"): (4.5, 4.0), ("Ag", "Au"): (4.7, 4.0)}


def test_of_a_halide_series_the_larger_ion_is_second_and_ends_of_tests_are_no_ratio(literature):
    """Kundar 2024: (TEA)2PbBr4 and (TEA)2PbI4, both with an on/off ratio of 10⁴ and 200 cycles."""
    found = series_in(literature, SeriesRequest(changed="halide"))
    rows = {row.metric: row for row in found.pairs if row.reference == "r106"}
    on_off, endurance = rows["on_off_ratio"], rows["endurance_cycles"]
    assert (on_off.first_has, on_off.second_has, on_off.ratio) == ("Br", "I", 1.0)
    assert (on_off.bound, endurance.bound) == (False, True)
    assert "endurance_cycles" not in {each.metric for each in found.changes}


def test_a_pair_differs_in_one_thing_and_is_of_one_paper_that_measured_it(literature):
    sources = {row.id: row.source for row in DEVICES.iterate(literature, {})}
    for row in series_in(literature, SeriesRequest()).pairs:
        assert (row.first_material == row.second_material) is (
            row.changed not in ("halide", "A site", "B site")
        )
        assert row.first_has != row.second_has
        assert not any(
            sources.get(name, "").startswith(SECONDARY) for name in (row.first, row.second)
        )


def test_halides_whose_shares_nobody_gives_are_a_pair_without_a_mean_radius(
    sqlite_store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "two.csv"
    rows = ("ITO/MAPbI3-xClx/Ag,MAPbI3-xClx,10,r36,a", "ITO/MAPbI3-xBrx/Ag,MAPbI3-xBrx,20,r36,b")
    head = "structure,absorber,on_off_ratio,references,source"
    file.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    with sqlite_store.session() as session:
        confirm_import(session, import_files(session, [file]).dataset_version, "Ada")
        (pair,) = (
            row
            for row in series_in(session, SeriesRequest(changed="halide")).pairs
            if {row.first_material, row.second_material} == {"MAPbI3-xClx", "MAPbI3-xBrx"}
        )
    assert (pair.first_value, pair.second_value) == (20, 10)  # in the order of their words


def test_each_paper_counts_once_and_the_interval_is_over_papers(literature):
    found = series_in(literature, SeriesRequest(changed="top electrode", metric="set_voltage_v"))
    (change,) = [each for each in found.changes if each.step == "from Ag to Au"]
    ratios: dict[str, float] = {
        row.reference: log(row.second_value / row.first_value)
        for row in found.pairs
        if (row.first_has, row.second_has) == ("Ag", "Au")
    }
    assert change.papers == len(ratios) == 2
    half = 12.706 * stdev(ratios.values()) / sqrt(2)  # Student's t of one degree of freedom
    assert log(change.ratio_high or 0.0) == pytest.approx(mean(ratios.values()) + half, rel=1e-4)


def test_command_client_route_page_and_table_give_the_same(loaded_sqlite: Path) -> None:
    url = f"sqlite:///{loaded_sqlite}"
    ran = CliRunner().invoke(app, ["series", "--changed", "halide", "--json", "--database", url])
    with open_store(url) as local:
        found = local.series(changed="halide")
    service = create_app(url)
    web = TestClient(service)
    asked = {"changed": "halide"}
    assert json.loads(ran.stdout) == web.get("/api/v1/series", params=asked).json()
    assert found.model_dump(mode="json") == json.loads(ran.stdout)
    assert f'<p class="lead">{found.answer}.' in web.get("/series", params=asked).text
    assert web.get("/series?changed=colour").status_code == 422
    table = web.get("/api/v1/export/series?format=json").json()
    halides = [row for row in table if row["changed"] == "halide"]
    assert halides == [row.model_dump(mode="json") for row in found.pairs]
    service.state.served.store.close()
