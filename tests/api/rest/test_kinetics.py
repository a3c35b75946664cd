"""Kinetics over HTTP, and the layer of predictions in rankings."""

from __future__ import annotations

import pytest

PATH = "/api/v1/kinetics"


def quantities(ion):
    return {each["name"]: each for each in ion["document"]["quantities"]}


def test_a_barrier_with_its_equations_and_sources(reading_api):
    """The nine decades of docs/kinetics.md: 0.08 to 0.58 eV, 300 nm, 1 V."""
    answer = reading_api.get(PATH, e_a_ev="0.08:0.58", thickness_nm="300", bias_v="1").json()
    (ion,) = answer["ions"]
    time = quantities(ion)["switching time"]
    assert time["minimum"] == pytest.approx(1.95e-8, rel=0.005)
    assert time["maximum"] == pytest.approx(55, rel=0.02)
    assert time["equation"] == "L / v"
    assumed = {each["name"]: each for each in ion["document"]["assumptions"]}
    assert not assumed["bias_v"]["default"]
    assert assumed["write_time_s"]["default"]
    assert "section 5.1.3" in assumed["write_time_s"]["source"]


def test_materials_and_devices_of_the_store(reading_api):
    answer = reading_api.get(PATH, formula="CH3NH3PbI3").json()
    assert [(ion["ion"], ion["basis"]) for ion in answer["ions"]] == [
        ("halide", "literature"),
        ("Ag", "electrode"),
        ("Cu", "electrode"),
        ("Ni", "electrode"),
    ]
    assert answer["ions"][1]["barrier_min_ev"] == 0.27
    device = reading_api.get(PATH, device="d-t4-r09").json()
    assert device["missing"] == ["no activation energy of Ag in CsPbBr3 is in the store"]


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({}, 422, "one of formula, device and e_a_ev"),
        ({"formula": "CsPbBr3", "e_a_ev": "1"}, 422, "one of"),
        ({"formula": "CsPbBr3", "dfe_ev": "1"}, 422, "dfe_ev goes with e_a_ev"),
        ({"e_a_ev": "1", "thickness_nm": "-3"}, 422, "thickness_m = -3e-09 is out of range"),
        ({"e_a_ev": "-1"}, 422, "barrier_ev = -1"),
        ({"e_a_ev": "x"}, 422, "neither a number nor a range"),
        ({"formula": "CsPbF3"}, 404, "no activation energy of the halide"),
        ({"formula": "Xx9"}, 422, "Xx"),
        ({"device": "nope"}, 404, "no device 'nope'"),
        ({"e_a": "1"}, 422, "did you mean 'e_a_ev'"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(reading_api, parameters, status, words):
    problem = reading_api.problem(PATH, status, **parameters)
    assert words in problem["detail"]


def test_a_problem_names_its_parameter(reading_api):
    for name in ("thickness_nm", "bias_v", "temperature_k", "write_time_s", "e_a_ev"):
        parameters = {"e_a_ev": "1", name: "nan"}
        assert reading_api.problem(PATH, 422, **parameters)["parameter"] == name


def test_rankings_predict_for_the_layer_that_is_asked_for(reading_api):
    path = "/api/v1/rankings/synaptic-training"
    common = {"subject": "materials", "samples": 20}
    default = reading_api.get(path, **common).json()
    thin = reading_api.get(path, **common, thickness_nm="60", bias_v="4.8").json()
    found = [
        next(each for each in ranking["candidates"] if each["id"] == "CsPbBr3")
        for ranking in (default, thin)
    ]
    assert "too wide to decide" in found[0]["prediction"]
    assert "fast enough" in found[1]["prediction"]
    assumed = {each["name"]: each for each in thin["assumptions"]}
    assert (assumed["thickness_m"]["value"], assumed["thickness_m"]["default"]) == ("6e-08", False)
    assert any("docs/validation/prediction.md" in note for note in default["notes"])
    modelled = [each for each in found[0]["criteria"] if each["metric"].startswith("modelled")]
    assert [each["weight"] for each in modelled] == [0, 0]
    problem = reading_api.problem(path, 422, thickness_nm="0")
    assert problem["parameter"] == "thickness_nm"
