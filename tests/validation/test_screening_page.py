"""The page of a screening says what its report says."""

from __future__ import annotations

from pvkdb.schemas.screening import (
    Fall,
    PhaseEnergy,
    Product,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    StageCount,
)
from validation.screening import page


def candidate(formula: str, above_ev: float | None, rank: int | None) -> ScreenedCandidate:
    """A candidate whose perovskite lies so far above its lowest phase."""
    phase = PhaseEnergy(
        phase="Pnma",
        calculation="record",
        energy_ev_per_formula=-15.0,
        space_group="Pnma",
        volume_ang3_per_formula=200.0,
        findings=[],
        failure=None,
    )
    stability = Stability(
        phases=[phase],
        ground_state="Pnma",
        perovskite=None if above_ev is None else "Pnma",
        perovskite_above_ground_state_ev_per_atom=above_ev,
        decomposition_ev_per_atom=0.0123,
        products=[Product(formula="CsBr", phase="Fm-3m", amount=1)],
        without_energy=[],
    )
    fall = Fall(stage="stability", kind="physical", reason="connectivity changed", detail="shown")
    return ScreenedCandidate(
        formula=formula,
        type="ABX3",
        family="3D",
        lead_free=False,
        stability=stability,
        rank=rank,
        fall=None if rank else fall,
    )


def test_counts_of_known_perovskites_and_binaries() -> None:
    """In Bartel's table CsSnBr3 and CsSnCl3 are perovskites, CsMgI3 and CsNiI3 are not."""
    candidates = [
        candidate("CsSnBr3", 0.0, 1),
        candidate("CsSnCl3", 0.030, None),
        candidate("CsMgI3", 0.005, None),
        candidate("CsNiI3", None, None),
    ]
    report = ScreeningReport(
        title="Four",
        plan="",
        potential="chgnet",
        pvkdb_version="0",
        ranked_by="-decomposition_ev_per_atom",
        stages=[StageCount(stage="stability", entered=4, passed=1, fell={"physical": 3})],
        candidates=candidates,
        calculations={"relax": 200},
        failed={"relaxation not converged": 1},
        force_calls={"relax": 5000},
        core_hours=0.5,
    )
    text = "\n".join(page(report))
    assert "200 calculations of which 0.50 % failed" in text
    assert "| stability | 4 | 1 | 3 |" in text
    assert "| stability | physical | connectivity changed | 3 |" in text
    assert "| 1 | CsSnBr3 | ABX3 |  | Pnma | 0.0 | 12.3 |" in text
    assert "2 of 4 agree" in text
    assert "Perovskites missed: CsSnCl3." in text
    assert "Others taken for perovskites: CsMgI3." in text
    assert "| Fm-3m | CsBr |" in text
