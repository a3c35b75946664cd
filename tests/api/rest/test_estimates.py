"""Predictions of rankings, and lists of formulas over HTTP; compressed answers."""

from __future__ import annotations

import pytest

TOLERANCE = "/api/v1/tolerance"


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


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"formulas": ["CsPbI3"] * 1001}, "formulas"),
        ({"formulas": ["CsPbI3", "a\0"]}, "formulas.1"),
        ({"formula": ["CsPbI3"]}, "formulas"),
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
