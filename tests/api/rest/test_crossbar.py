"""Crossbar arrays over HTTP and from the client."""

from __future__ import annotations

import pytest


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
    assert page["total"] == len(page["data"]) == 28
    for array in page["data"]:
        assert (array["size"] is None) == (array["reason"] is not None)


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({}, 422, "either an on_off_ratio or a device"),
        ({"on_off_ratio": 10, "device": "d-t4-r01"}, 422, "either"),
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
def test_what_cannot_be_answered_is_a_problem(reading_api, parameters, status, words):
    assert words in reading_api.problem("/api/v1/crossbar", status, **parameters)["detail"]
