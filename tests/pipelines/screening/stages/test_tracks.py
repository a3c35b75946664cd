"""Why candidates fall: by the phases of their own type, with the gravest reason."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.findings import Flaw
from pvkdb.schemas.screening import Fall, PhaseEnergy
from pvkdb_pipelines.prototypes import competitors, compound_of
from pvkdb_pipelines.screening.plan.enumeration import EnumeratedCandidate
from pvkdb_pipelines.screening.stages.stability import assess
from pvkdb_pipelines.screening.stages.tracks import Track, failed, judge_stability

from ....screened import phase

CSPBI3 = parse_composition("CsPbI3")


def fall_of(*phases: PhaseEnergy, lacking: str = "") -> Fall | None:
    """The fall of CsPbI3 with these phases, and competitors with made-up energies but one."""
    compound = compound_of(CSPBI3)
    energies = {"CsI": -6.0, "PbI2": -8.5, "Cs4PbI6": -30.0, "Cs2PbI4": -19.0, "CsPb2I5": -22.0}
    others = {
        other: [phase("any", None if other.formula == lacking else energies[other.formula])]
        for other in competitors(compound)
    }
    track = Track(EnumeratedCandidate("ABX3", CSPBI3), compound=compound)
    track.stability = assess(compound, phases, others)
    judge_stability(track)
    return track.fall


def test_a_healthy_perovskite_stays() -> None:
    assert fall_of(phase("Pnma", -15.0, Flaw.SYMMETRY_CHANGED)) is None


def test_a_failed_perovskite_is_numerical_whatever_its_competitors_are() -> None:
    kind = "relaxation not converged"
    for delta in (phase("delta", -15.1), phase("delta", -15.1, Flaw.CONNECTIVITY_CHANGED)):
        fall = fall_of(phase("Pnma", None, failure=kind), delta)
        assert (fall.kind, fall.reason) == ("numerical", kind)
        assert "delta" not in fall.detail


def test_the_gravest_flaw_of_the_lowest_perovskite_is_the_reason() -> None:
    fall = fall_of(
        phase("Pnma", -15.2, Flaw.BONDS_UNEVEN, Flaw.COORDINATION_CHANGED, Flaw.SYMMETRY_CHANGED),
        phase("R3m", -15.0, Flaw.CONNECTIVITY_CHANGED),
        phase("delta", -15.4, Flaw.VOLUME_OUT_OF_RANGE),
    )
    assert (fall.kind, fall.reason) == ("physical", Flaw.COORDINATION_CHANGED)
    assert "R3m: connectivity changed" in fall.detail


def test_a_missing_binary_leaves_the_decomposition_unknown() -> None:
    fall = fall_of(phase("Pnma", -15.0), lacking="PbI2")
    assert (fall.kind, fall.reason) == ("numerical", "what it decomposes into has no energy")
    assert "PbI2" in fall.detail


def test_another_missing_competitor_is_told_and_nobody_falls_for_it() -> None:
    compound = compound_of(CSPBI3)
    others = {
        other: [phase("any", None if other.formula == "CsPb2I5" else -8.0)]
        for other in competitors(compound)
    }
    found = assess(compound, [phase("Pnma", -15.0)], others)
    assert found.without_energy == ["CsPb2I5"]
    assert found.above_hull_ev_per_atom is not None
    assert fall_of(phase("Pnma", -15.0), lacking="CsPb2I5") is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relaxation not converged", "numerical"),
        ("NEB not converged", "numerical"),
        ("crashed", "numerical"),
        ("unstable host", "physical"),  # a host that is no minimum is a result
        ("symmetry changed", "physical"),
        ("unsupported element", "not defined"),
        ("unsupported composition", "not defined"),
    ],
)
def test_what_a_potential_cannot_do_is_no_failed_calculation(kind: str, expected: str) -> None:
    track, why = Track(EnumeratedCandidate("ABX3", CSPBI3)), "CsPbI3 Pnma: why"
    failed(track, "vacancy", kind, why)
    assert track.fall == Fall(stage="vacancy", kind=expected, reason=kind, detail=why)
