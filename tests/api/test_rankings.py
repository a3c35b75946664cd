"""Rankings and tolerance factors over HTTP."""

from __future__ import annotations

import pytest


def test_every_application_named_has_a_ranking(api):
    names = api.get("/api/v1/rankings").json()["data"]
    assert "synaptic-training" in names
    for name in names:
        ranking = api.get(f"/api/v1/rankings/{name}").json()
        assert ranking["application"] == name
        assert len(ranking["devices"]) == 28
        assert ranking["dataset_version"] == api.get("/healthz").json()["dataset_version"]


def test_an_unknown_application_is_answered_with_those_there_are(reading_api):
    problem = reading_api.problem("/api/v1/rankings/synaptic-traning", 404)
    assert "synaptic-training" in problem["detail"]


def test_goldschmidt_factor_of_caesium_lead_bromide(reading_api):
    """t = (r_A + r_X) / (√2 (r_B + r_X)) with Shannon's radii 1.88, 1.19 and 1.96 Å is 0.862."""
    row = reading_api.get("/api/v1/tolerance/CsPbBr3").json()
    assert row["t"] == pytest.approx(0.862, abs=5e-4)
    assert row["mu"] == pytest.approx(1.19 / 1.96)
    methylammonium = [
        reading_api.get(f"/api/v1/tolerance/{spelling}").json()
        for spelling in ("CH3NH3PbI3", "MAPbI₃")
    ]
    assert methylammonium[0] == methylammonium[1]


@pytest.mark.parametrize("formula", ["CsPbO3", "Cs2SnI6", "XxPbI3", "CsPbBr3 OR 1=1"])
def test_a_formula_without_a_tolerance_factor_is_refused(reading_api, formula):
    assert reading_api.problem(f"/api/v1/tolerance/{formula}", 422)["parameter"] == "formula"
