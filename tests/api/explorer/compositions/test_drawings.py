"""Geometry of the drawings of a material: what is drawn is what the numbers say."""

from __future__ import annotations

import gzip
import itertools
import json
import re

import numpy as np
import pytest

from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.reliability import barrier_error
from pvkdb.schemas.tables import EnergeticsRow
from pvkdb.store.runs.report.page import formula_markup
from pvkdb_api.explorer.compositions.drawings import axis_over, graph_of, profile_of
from pvkdb_api.explorer.compositions.energies import strips, value_text
from pvkdb_api.explorer.compositions.identity import identity_of
from pvkdb_api.explorer.site.markup import interval
from pvkdb_pipelines.migration.plots.energy_profile import interpolated_profile

from ..data.make import PLACE


@pytest.fixture(scope="module")
def result() -> NebResult:
    found = json.loads(gzip.decompress(PLACE.read_bytes()))
    return NebResult.model_validate(found["calculation"]["result"])


def statement(name: str, low: float | None, high: float | None, **other) -> EnergeticsRow:
    fields = {
        "material": "MAPbI3", "family": "3D", "defect": "V_I", "species": "I", "quantity": "E_A",
        "scope": "reported", "approximate": False, "method": "DFT", "references": "r36",
        "source": "Table 1 row 1",
    }  # fmt: skip
    return EnergeticsRow(id=name, value_min_ev=low, value_max_ev=high, **{**fields, **other})


def test_only_computed_energies_lose_the_digits_that_their_error_does_not_leave() -> None:
    reported = statement("e-1", 0.21738, 0.34129)
    computed = statement("e-2", 0.21738, 0.34129, source="calculation 0bc7407ac81c")
    assert value_text(reported) == "0.2174 to 0.3413 eV"
    assert value_text(computed) == "0.22 to 0.34 eV"
    assert ">0.22<" in str(interval(0.21738, None, "eV", computed=True))


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.137, 0.1427], [-0.65, 2.45], [0.3, 0.3]])
def test_an_axis_holds_its_values_and_marks_round_ones(values):
    axis = axis_over(values, 0.0, 100.0)
    assert all(0 <= axis.at(value) <= 100 for value in values)
    assert len(axis.ticks()) >= 2
    assert axis.ticks()[0].at == pytest.approx(0, abs=0.01)


def test_the_profile_is_the_spline_of_the_barrier(result):
    for barrier in result.hops:
        profile = profile_of(barrier)
        lengths, energies = interpolated_profile(barrier, 2001)
        numbers = [float(each) for each in re.findall(r"-?\d+\.?\d*", profile["curve"])]
        points = np.array(numbers).reshape(-1, 2)
        first, last = profile["images"][0], profile["images"][-1]
        per_ang = (last["x"] - first["x"]) / (last["length_ang"] - first["length_ang"])
        per_ev = (profile["images"][profile["saddle"]]["y"] - profile["zero"]) / max(
            barrier.image_energies_ev
        )
        for piece in range(len(profile["images"]) - 1):
            a, b, c, d = points[3 * piece : 3 * piece + 4]
            middle = (a + 3 * b + 3 * c + d) / 8  # of a Bézier curve at one half
            at = (middle[0] - first["x"]) / per_ang
            drawn = (middle[1] - profile["zero"]) / per_ev
            assert drawn == pytest.approx(np.interp(at, lengths, energies), abs=2e-4)


def test_the_graph_marks_the_easiest_path(result):
    graph = graph_of(result, 7)
    assert {node.site.name for node in graph["nodes"]} == {site.name for site in result.sites}
    path = {edge.number for edge in graph["edges"] if edge.kind == "path"}
    assert path == {
        number for number, hop in enumerate(result.hops, 1) if hop.saddle_ev <= result.e_a_ev
    }
    assert [edge.number for edge in graph["edges"] if edge.limiting] == [19]
    assert [edge.number for edge in graph["edges"] if edge.chosen] == [7]
    lowest = min(graph["edges"], key=lambda edge: edge.barrier.saddle_ev)
    assert lowest.width == max(edge.width for edge in graph["edges"])
    assert len({edge.curve for edge in graph["edges"]}) == len(result.hops)  # none hides another


def test_a_crystal_with_one_kind_of_site_is_drawn_as_loops(result):
    site = result.sites[0]
    hops = [
        each.model_copy(update={"hop": each.hop.model_copy(update={"start": "Br1", "end": "Br1"})})
        for each in result.hops[:3]
    ]
    threshold = result.percolation[-1].model_copy(update={"hop": 0})
    alone = result.model_copy(update={"sites": [site], "hops": hops, "percolation": [threshold]})
    curves = {edge.curve for edge in graph_of(alone, 1)["edges"]}
    assert len(curves) == 3
    assert all("C" in curve for curve in curves)


def test_a_hop_to_a_site_that_is_none_is_not_drawn(result):
    # As in Cs3In2I9, whose iodine between the layers leaves for the other site.
    hop = result.hops[0].hop.model_copy(update={"end": "Br9"})
    failed = result.hops[0].model_copy(update={"hop": hop, "outcome": "failed", "saddle_ev": None})
    graph = graph_of(result.model_copy(update={"hops": [*result.hops[:-1], failed]}), 1)
    assert len(result.hops) not in {edge.number for edge in graph["edges"]}
    assert len(graph["edges"]) == len(result.hops) - 1


def test_bounds_are_arrows_that_leave_their_side_open():
    rows = [
        statement("a", 1.2, None, bound="lower"),
        statement("b", None, 0.5, bound="upper"),
        statement("c", 0.1, 0.3),
        statement("d", 0.4, 0.4, source="calculation abc", references="", method="MLIP"),
    ]
    (strip,) = strips(rows, {"I"})
    shapes = {
        band["kind"]: sorted(mark["shape"] for mark in band["marks"]) for band in strip["bands"]
    }
    assert shapes == {"literature": ["interval", "lower", "upper"], "computed": ["point"]}
    lower = next(m for band in strip["bands"] for m in band["marks"] if m["shape"] == "lower")
    assert lower["right"] > lower["left"]
    assert "at least 1.2 eV" in lower["text"]
    addresses = {mark["address"] for band in strip["bands"] for mark in band["marks"]}
    assert addresses == {"/references/r36", "/jobs/abc"}


def test_a_computed_barrier_has_one_mark_of_its_potential():
    def computed(name, low, scope, calculation, potential):
        return statement(
            name, low, low, scope=scope, source=f"calculation {calculation}", references="",
            method="MLIP", functional=potential,
        )  # fmt: skip

    rows = [
        computed("a", 0.31, "percolation", "one", "sevennet-0"),
        computed("b", 0.30, "percolation", "one", "sevennet-0"),
        computed("c", 0.10, "hop", "one", "sevennet-0"),
        computed("d", 0.14, "percolation", "two", "chgnet"),
        computed("e", 0.90, "hop", "dft", "PBE"),
    ]
    (strip,) = strips(rows, {"I"})
    (band,) = strip["bands"]
    marks = {mark["address"]: mark for mark in band["marks"]}
    assert len(band["marks"]) == len(marks) == 3
    assert f"0.31 eV, error {barrier_error('sevennet-0')}" in marks["/jobs/one"]["text"]
    assert len({mark["marker"] for mark in band["marks"]}) == 3
    assert "error" not in marks["/jobs/dft"]["text"]


def test_marks_of_a_lane_do_not_touch():
    rows = [statement(f"s{n}", n / 50, n / 50 + 0.2) for n in range(30)]
    (strip,) = strips(rows, {"I"})
    (band,) = strip["bands"]
    lanes: dict[float, list[tuple[float, float]]] = {}
    for mark in band["marks"]:
        lanes.setdefault(mark["height"], []).append((mark["left"], mark["right"]))
    for marks in lanes.values():
        marks.sort()
        assert all(one[1] < two[0] for one, two in itertools.pairwise(marks))
    assert all(band["top"] < height < band["bottom"] for height in lanes)


@pytest.mark.parametrize(
    ("formula", "lowered"),
    [
        ("CsPbBr3", ["3"]),
        ("Cs2AgBiBr6", ["2", "6"]),
        ("(3-AMP)MAn-1PbnX3n+1", ["3n+1"]),
        ("Cs0.17FA0.83PbI3", ["0.17", "0.83", "3"]),
    ],
)
def test_copied_formulas_are_plain(formula, lowered):
    markup = str(formula_markup(formula))
    assert re.findall(r"<sub>(.*?)</sub>", markup) == lowered
    assert re.sub(r"</?sub>", "", markup) == formula


def test_other_spellings_are_read_as_the_same():
    assert "CH3NH3PbI3" in identity_of("MAPbI3").spellings
    assert identity_of("CsPbBr3").spellings == []
