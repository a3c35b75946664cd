"""Crossbar arrays, kinetics and tolerance factors over HTTP; compressed answers."""

from __future__ import annotations

import pytest

from ...curated import DEVICES

KINETICS = "/api/v1/kinetics"
TOLERANCE = "/api/v1/tolerance"


def test_the_sizes_of_the_review(reading_api):
    document = reading_api.get("/api/v1/crossbar", on_off_ratio=1e3, selectivity=514).json()
    sizes = {(limit["cell"], limit["read"]): limit["size"] for limit in document["limits"]}
    assert sizes["1S1R", "floating"] == pytest.approx(1747, abs=3)
    assert sizes["self-rectifying", "floating"] == 32
    assert document["exact"] == []
    assert document["smallest_spacing_m"] is None
    layer = reading_api.get("/api/v1/crossbar", on_off_ratio=1e3, thickness_nm=60).json()
    assert layer["smallest_spacing_m"] == pytest.approx(6e-6)
    bare = reading_api.get("/api/v1/crossbar", on_off_ratio="inf").json()
    assert bare["on_off_ratio"] is None
    assert bare["limits"][0]["size_best_pull_up"] == 5


def test_a_device_with_line_resistance(reading_api):
    document = reading_api.get(
        "/api/v1/crossbar", device="d-t4-r01", r_lrs_ohm=1e4, line_resistance_ohm=10, size=16
    ).json()
    assert document["device"] == "d-t4-r01"
    for read in document["exact"]:
        assert read["margin_far"] < read["margin_near"]


def test_every_device_has_a_size_or_a_reason(reading_api):
    page = reading_api.get("/api/v1/crossbar/devices").json()
    assert page["total"] == len(page["data"]) == DEVICES
    for array in page["data"]:
        assert (array["size"] is None) == (array["reason"] is not None)


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({}, 422, "one of on_off_ratio and device"),
        ({"on_off_ratio": 10, "device": "d-t4-r01"}, 422, "one of"),
        ({"on_off_ratio": 0.5}, 422, "below 1"),
        ({"on_off_ratio": "nan"}, 422, "not a number"),
        ({"on_off_ratio": 10, "r_lrs_ohm": -1}, 422, "not a resistance"),
        ({"on_off_ratio": 10, "r_lrs_ohm": "nan"}, 422, "finite"),
        ({"on_off_ratio": 10, "size": 129}, 422, "128"),
        ({"on_off_ratio": 10, "margin": 1}, 422, "less than 1"),
        ({"on_off_ratio": 10, "thickness_nm": 0}, 422, "must be positive"),
        ({"device": "d-t4-r15"}, 422, "no on/off ratio"),
        ({"device": "nope"}, 404, "no device 'nope'"),
        ({"on_off": 10}, 422, "did you mean 'on_off_ratio'"),
    ],
)
def test_bad_questions_about_arrays_are_refused(reading_api, parameters, status, words):
    assert words in reading_api.problem("/api/v1/crossbar", status, **parameters)["detail"]


def quantities(ion):
    return {each["name"]: each for each in ion["document"]["quantities"]}


def test_a_barrier_with_its_equations_and_sources(reading_api):
    layer = {"thickness_nm": "300", "bias_v": "1"}
    (ion,) = reading_api.get(KINETICS, e_a_ev="0.58", **layer).json()["ions"]
    time = quantities(ion)["switching time"]
    assert time["minimum"] == pytest.approx(5.5, rel=0.02)
    assert time["maximum"] == pytest.approx(55, rel=0.02)
    assert time["missing"] is None
    (wide,) = reading_api.get(KINETICS, e_a_ev="0.08:0.58", **layer).json()["ions"]
    hidden = quantities(wide)["switching time"]
    assert (hidden["minimum"], hidden["maximum"]) == (None, None)
    assert hidden["missing"].startswith("the window spans 9.5 decades; missing: closer values of")
    assert time["equation"] == "L / v"
    assumed = {each["name"]: each for each in ion["document"]["assumptions"]}
    assert not assumed["bias_v"]["default"]
    assert assumed["write_time_s"]["default"]
    assert "section 5.1.3" in assumed["write_time_s"]["source"]


def test_materials_and_devices_of_the_store(reading_api):
    answer = reading_api.get(KINETICS, formula="CH3NH3PbI3").json()
    assert [(ion["ion"], ion["basis"]) for ion in answer["ions"]] == [
        ("halide", "literature"),
        ("Ag", "electrode"),
        ("Cu", "electrode"),
        ("Ni", "electrode"),
    ]
    assert answer["ions"][1]["barrier_min_ev"] == 0.27
    device = reading_api.get(KINETICS, device="d-t4-r09").json()
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
def test_bad_questions_about_kinetics_are_refused(reading_api, parameters, status, words):
    problem = reading_api.problem(KINETICS, status, **parameters)
    assert words in problem["detail"]


def test_a_problem_names_its_parameter(reading_api):
    for name in ("thickness_nm", "bias_v", "temperature_k", "write_time_s", "e_a_ev"):
        parameters = {"e_a_ev": "1", name: "nan"}
        assert reading_api.problem(KINETICS, 422, **parameters)["parameter"] == name


def test_rankings_predict_for_the_layer_of_the_request(reading_api):
    path = "/api/v1/rankings/synaptic-training"
    common = {"subject": "materials", "samples": 20}
    default = reading_api.get(path, **common).json()
    thin = reading_api.get(path, **common, thickness_nm="60", bias_v="4.8").json()
    found = [
        next(each for each in ranking["candidates"] if each["id"] == "CsPbBr3")
        for ranking in (default, thin)
    ]
    assert "closer values of thickness (60 nm to 1 μm)" in found[0]["prediction"]
    assert "fast enough" in found[1]["prediction"]
    assumed = {each["name"]: each for each in thin["assumptions"]}
    assert (assumed["thickness_m"]["value"], assumed["thickness_m"]["default"]) == ("6e-08", False)
    assert any("docs/validation/prediction.md" in note for note in default["notes"])
    modelled = [each for each in found[0]["criteria"] if each["metric"].startswith("modelled")]
    assert [each["weight"] for each in modelled] == [0, 0]
    problem = reading_api.problem(path, 422, thickness_nm="0")
    assert problem["parameter"] == "thickness_nm"


def test_many_formulas_are_answered_in_their_order(reading_api):
    formulas = ["CsPbI3", "CH3NH3PbI3", "Cs2SnI6", "nonsense", "CsPbI3"]
    answer = reading_api.post(TOLERANCE, json={"formulas": formulas})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert [entry["formula"] for entry in data] == formulas
    for entry in data:
        assert (entry["factors"] is None) != (entry["problem"] is None)
    assert data[0] == data[4]
    for entry in data[:2]:
        assert reading_api.get(f"{TOLERANCE}/{entry['formula']}").json() == entry["factors"]
    assert "half of the B sites" in data[2]["problem"]
    assert data[3]["problem"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"formulas": []}, "formulas"),
        ({"formulas": ["CsPbI3"] * 1001}, "formulas"),
        ({"formulas": ["CsPbI3", "a\0"]}, "formulas.1"),
        ({"formulas": "CsPbI3"}, "formulas"),
        ({"formula": ["CsPbI3"]}, "formulas"),
        ({}, "formulas"),
    ],
)
def test_bad_lists_of_formulas_are_refused(reading_api, body, parameter):
    answer = reading_api.post(TOLERANCE, json=body)
    assert answer.status_code == 422
    assert answer.json()["parameter"] == parameter


@pytest.mark.parametrize("path", ["/api/v1/references", "/api/v1/export/ions", "/openapi.json"])
def test_long_answers_travel_compressed_where_that_is_understood(reading_api, path):
    packed = reading_api.request("GET", path, headers={"Accept-Encoding": "gzip"})
    plain = reading_api.request("GET", path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # httpx has unpacked it
    if "content-length" in packed.headers:  # a file that is sent while it is made has none
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "accept-encoding" in packed.headers["vary"].lower()


def test_short_answers_travel_as_they_are(reading_api):
    answer = reading_api.request("GET", "/healthz", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
