"""Tolerance factors of many formulas at once, and answers that travel compressed."""

from __future__ import annotations

import pytest

PATH = "/api/v1/tolerance"


def test_many_formulas_are_answered_in_their_order(reading_api):
    formulas = ["CsPbI3", "CH3NH3PbI3", "Cs2SnI6", "nonsense", "CsPbI3"]
    answer = reading_api.post(PATH, json={"formulas": formulas})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert [entry["formula"] for entry in data] == formulas
    for entry in data:
        assert (entry["factors"] is None) != (entry["problem"] is None)
    assert data[0] == data[4]
    for entry in data[:2]:
        assert reading_api.get(f"{PATH}/{entry['formula']}").json() == entry["factors"]
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
def test_bad_requests_are_refused(reading_api, body, parameter):
    answer = reading_api.post(PATH, json=body)
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
