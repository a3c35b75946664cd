"""What is said of a barrier that cannot be right, and of the error of its potential."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.migration import host_phases
from pvkdb.schemas.calculations.reliability import barrier_doubts, barrier_error
from pvkdb.schemas.screening import (
    BarrierOutcome,
    Migration,
    ScreenedCandidate,
    ScreeningReport,
)

from ....screened import candidate, report, stability, vacancy

ROOT = Path(__file__).parents[4]
LEFT = "Cmce, 12 meV a formula unit lower"


def test_a_barrier_that_cannot_be_right_is_doubted():
    assert barrier_doubts(0.21, "Pnma", None) == []
    low, changed = barrier_doubts(0.049, "I4/mmm", LEFT)
    assert low == "low barrier: 0.049 eV is below 0.05 eV"
    assert changed == f"host changed: I4/mmm became {LEFT}"
    (one,) = barrier_doubts(0.35, "Pnma", None, 20.0)
    assert one.startswith("hybrid host")
    _, turned = barrier_doubts(0.35, "Pnma", None, 84.0)
    assert turned.startswith("difference of basins: a molecule turns by 84°")


@pytest.mark.parametrize("potential", ["sevennet-0", "chgnet"])
def test_the_error_is_the_measured_one(potential):
    table = (ROOT / "docs/validation/migration.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {potential} \| \d+ \| all \|.*$", table, re.M)
    assert barrier_error(potential) == f"± {row.split('|')[6].strip()} eV"
    assert barrier_error("mine:make@0") == "± unknown"


def with_barriers(lowest: str, *outcomes: tuple[float | None, str | None]) -> ScreenedCandidate:
    found = [
        BarrierOutcome(
            potential=name, calculation="c", e_a_ev=e_a_ev, dimensionality=3, limited_by="edge",
            host_left_for=left,
        )
        for name, (e_a_ev, left) in zip(("sevennet-0", "chgnet"), outcomes, strict=True)
    ]  # fmt: skip
    migration = Migration(phase="Pnma", e_a_ev=0.2, e_a_spread_ev=None, outcomes=found)
    return candidate("CsPbI3", stability=stability(None, ground_state=lowest), migration=migration)


def test_a_candidate_names_what_cannot_be_right():
    assert with_barriers("Pnma", (0.21, None), (0.14, None)).doubts == []
    assert with_barriers("Pnma", (0.21, None), (None, None)).doubts == []
    low, left, hosts, phases = with_barriers("delta", (0.03, None), (0.14, LEFT)).doubts
    assert low == "low barrier: 0.030 eV is below 0.05 eV with sevennet-0"
    assert left == f"host changed: Pnma became {LEFT} with chgnet"
    assert hosts == "phases differ: the potentials computed different hosts"
    assert phases.startswith("phases differ: delta is lowest")
    shown = with_barriers("delta", (0.21, None), (0.14, None)).model_dump_json()
    again = ScreenedCandidate.model_validate_json(shown)
    assert len(again.doubts) == 1  # reading it again does not add to them


def test_the_phase_that_works_is_tried_first():
    """Measured: docs/validation/structures.md, "CsGeI3"."""
    germanium, lead = (host_phases(parse_composition(name)) for name in ("CsGeI3", "CsPbI3"))
    assert (germanium[0], lead[0]) == ("R3m", "Pnma")
    assert sorted(germanium) == sorted(lead)
    assert host_phases(parse_composition("Cs4PbI6")) == ("R-3c",)
    assert host_phases(parse_composition("CsCu2I3")) == ("Cmcm",)
    assert host_phases(parse_composition("Cs3Bi2Br9"))[0] == "P-3m1"  # measured
    assert host_phases(parse_composition("Cs2InI3")) == ()


def screened(formula: str, above_ev: float, x_poor_ev: float = 0.2) -> ScreenedCandidate:
    """δ lowest, numbers of Pnma, in a report of SevenNet-0."""
    above = {"perovskite_above_ground_state_ev_per_atom": above_ev}
    known = stability(0.02, ground_state="delta", **above)
    return candidate(formula, stability=known, vacancy=vacancy(x_poor_ev=x_poor_ev))


def test_a_report_knows_the_error_of_its_potential():
    """For the order of phases, where a measured one leads, and for formation energies."""
    made = report(
        *(screened("CsPbBr3", 0.0016), screened("RbSnBr3", 0.0016), screened("RbSnBr3", 0.02)),
        *(screened("CsSrCl3", 0.02, -1.44), screened("CsMgCl3", 0.02)),
        potential="sevennet-0",
    )
    known, near, apart, negative, other = made.candidates
    assert known.doubts == []
    assert near.doubts == ["lowest phase undecided: delta or Pnma"]
    assert [doubt.split(":")[0] for doubt in apart.doubts] == ["phases differ"]
    assert negative.doubts[0].startswith("negative formation energy: -1.44 eV")
    lead, earth, line = (each.vacancy.calibrated_ev for each in (known, negative, other))
    assert lead == pytest.approx((0.2 + 1.25 - 0.52, 1.6 + 1.25 + 0.52), abs=0.02)
    assert earth == pytest.approx((-1.44 + 1.92 - 0.49, 1.6 + 1.92 + 0.49), abs=0.02)
    assert line[1] - line[0] > lead[1] - lead[0]  # of all compositions, wider
    again = ScreeningReport.model_validate_json(made.model_dump_json())
    assert again == made
