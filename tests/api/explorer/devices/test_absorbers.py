"""What the page of a device reads of its absorber."""

from __future__ import annotations

from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb_api.explorer.devices import plot


def test_a_page_builds_the_evidence_of_its_own_absorber_only(reading_api, monkeypatch):
    built: list[str] = []

    def build(*given):
        found = phase_candidates(*given)
        built.extend(each.id for each in found)
        return found

    monkeypatch.setattr(plot, "phase_candidates", build)
    device = reading_api.get("/api/v1/devices", absorber="MAPbI3", limit=1).json()["data"][0]
    page = reading_api.request("GET", f"/devices/{device['id']}", headers={"Accept": "text/html"})
    assert "Activation energy E_A of a halide" in page.text
    assert {name.partition("-")[0] for name in built} == {"MAPbI3"}
