"""Lists of formulas over HTTP; compressed answers."""

from __future__ import annotations

import pytest

TOLERANCE = "/api/v1/tolerance"


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
