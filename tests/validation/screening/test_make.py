"""The page of a screening says what its report says."""

from __future__ import annotations

from pvkdb.schemas.screening import (
    BarrierOutcome,
    Fall,
    Migration,
    PhaseEnergy,
    Product,
    ScreenedCandidate,
    StageCount,
)
from validation.screening.make import page

from ...screened import candidate, report, stability


def entry(formula: str, above_ev: float | None, rank: int | None) -> ScreenedCandidate:
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
    known = stability(
        0.0123,
        phases=[phase],
        perovskite=None if above_ev is None else "Pnma",
        perovskite_above_ground_state_ev_per_atom=above_ev,
        products=[Product(formula="CsBr", phase="Fm-3m", amount=1)],
    )
    fall = Fall(stage="stability", kind="physical", reason="connectivity changed", detail="shown")
    return candidate(formula, stability=known, rank=rank, fall=None if rank else fall)


def test_counts_of_known_perovskites_and_binaries() -> None:
    """In Bartel's table CsSnBr3 and CsSnCl3 are perovskites, CsMgI3 and CsNiI3 are not."""
    candidates = [
        entry("CsSnBr3", 0.0, 1),
        entry("CsSnCl3", 0.030, None),
        entry("CsMgI3", 0.005, None),
        entry("CsNiI3", None, None),
    ]
    made = report(
        *candidates,
        ranked_by="above_hull_ev_per_atom",
        stages=[StageCount(stage="stability", entered=4, passed=1, fell={"physical": 3})],
        calculations={"relax": 200},
        failed={"relaxation not converged": 1},
    )
    text = "\n".join(page(made))
    assert "200 calculations of which 0.50 % failed" in text
    assert "| stability | 4 | 1 | 3 |" in text
    assert "| stability | physical | connectivity changed | 3 |" in text
    assert "| 1 | CsSnBr3 | ABX3 |  | Pnma | 0.0 | 12.3 |" in text
    assert "2 of 4 agree" in text
    assert "Perovskites missed: CsSnCl3." in text
    assert "Others taken for perovskites: CsMgI3." in text
    assert "| Fm-3m | CsBr |" in text


def outcome(potential: str, e_a_ev: float | None, *, bound: bool = False) -> BarrierOutcome:
    return BarrierOutcome(
        potential=potential,
        calculation="record",
        e_a_ev=e_a_ev,
        dimensionality=3 if e_a_ev else None,
        limited_by="octahedron edge" if e_a_ev else None,
        upper_bound=bound,
        host_left_for="R-3m" if bound else None,
        failure_kind=None if e_a_ev else "unstable host",
    )


def test_activation_energies_stand_beside_each_other_lowest_first() -> None:
    names = ("CsSnBr3", "CsSnI3", "CsPbBr3", "CsPbI3", "CsPbCl3")
    energies = ((0.5, 0.4), (0.2, 0.1), (0.3, 0.35), (0.4, None), (0.6, 0.7))
    candidates = []
    for place, (name, (first, second)) in enumerate(zip(names, energies, strict=True)):
        migration = Migration(
            phase="Pnma",
            e_a_ev=first,
            e_a_spread_ev=None,
            outcomes=[outcome("sevennet-0", first, bound=place == 0), outcome("chgnet", second)],
        )
        candidates.append(entry(name, 0.0, place + 1).model_copy(update={"migration": migration}))
    stages = [StageCount(stage="barrier", entered=4, passed=4, fell={})]
    counts = {"calculations": {"neb": 8}, "failed": {"unstable host": 1}}
    made = report(*candidates, ranked_by="e_a_ev", stages=stages, **counts)
    lines = list(page(made))
    rows = [line for line in lines if line.endswith("| octahedron edge |")]
    assert rows == [
        "| CsSnI3 | Pnma | 0.20 (3D) | 0.10 (3D) | octahedron edge |",
        "| CsPbBr3 | Pnma | 0.30 (3D) | 0.35 (3D) | octahedron edge |",
        "| CsPbI3 | Pnma | 0.40 (3D) | unstable host | octahedron edge |",
        "| CsSnBr3 | Pnma | ≤ 0.50 (3D, as R-3m) | 0.40 (3D) | octahedron edge |",
        "| CsPbCl3 | Pnma | 0.60 (3D) | 0.70 (3D) | octahedron edge |",
    ]
    text = "\n".join(lines)
    assert "### sevennet-0 against chgnet\n\nOf 3 candidates with a value by both" in text
    assert (
        "higher one for 1 and a lower one for 1, by more than 0.05 eV; median change -0.05" in text
    )
    assert "| CsSnI3 | 0.10 (3D) | 0.20 (3D) | +0.10 | octahedron edge | same |" in text
    assert "not just a bound, for 3 of 5; their order agrees with a rank correlation of 1." in text
    assert "half of the values lie within 0.10 eV" in text
