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


def test_a_range_of_one_kind_of_evidence_is_not_what_rankings_use(reading_api):
    """Predictions take 0.16 to 0.39 eV, of experiments; rankings join all sources, 0.08 to 0.58."""
    headers = {"Accept": "text/html"}
    page = reading_api.request("GET", "/devices/d-t4-r01", headers=headers).text
    energy = page.partition("Activation energy E_A of a halide")[2].partition("</dd>")[0]
    assert "0.16" in energy
    assert "0.39" in energy
    assert "as predictions use it; rankings join all sources" in energy
    formation = page.partition("Formation energy of a halide vacancy")[2].partition("</dd>")[0]
    assert "of the best kind in the literature, as used in rankings" in formation
