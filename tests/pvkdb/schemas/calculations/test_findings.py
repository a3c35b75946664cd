"""Findings are typed in the program and one line of text in JSON."""

from __future__ import annotations

from pvkdb.schemas.calculations.findings import Finding, Flaw
from pvkdb.schemas.screening import PhaseEnergy

STORED = {
    "phase": "Pnma",
    "calculation": "0123456789ab",
    "energy_ev_per_formula": -15.0,
    "space_group": "Pnma",
    "volume_ang3_per_formula": 210.0,
    "findings": ["symmetry changed: Pnma, not Pm-3m: as built", "melted: at 600 K"],
    "failure_kind": None,
    "failure": None,
}


def test_stored_findings_are_read_and_written_as_the_same_text() -> None:
    phase = PhaseEnergy.model_validate(STORED)
    known, unknown = phase.findings
    assert known == Finding(Flaw.SYMMETRY_CHANGED, "Pnma, not Pm-3m: as built")
    assert (known.flaw, known.remark) == (Flaw.SYMMETRY_CHANGED, True)
    assert (unknown.flaw, unknown.remark) == (None, False)
    assert phase.model_dump(mode="json") == STORED


def test_the_schema_of_a_finding_is_text() -> None:
    for mode in ("validation", "serialization"):
        schema = PhaseEnergy.model_json_schema(mode=mode)
        assert schema["properties"]["findings"]["items"] == {"type": "string"}
