"""Candidates, results and reports of screenings; what a test does not speak of is filled in."""

from __future__ import annotations

from typing import Any

from pvkdb.schemas.calculations.findings import Finding, Flaw
from pvkdb.schemas.calculations.relaxations import RelaxResult
from pvkdb.schemas.screening import (
    PhaseEnergy,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    VacancyFormation,
)


def stability(above_hull_ev: float | None, **changes: Any) -> Stability:
    """Pnma lowest, so far above the hull in eV an atom."""
    known = {
        "phases": [], "ground_state": "Pnma", "perovskite": "Pnma", "products": [],
        "perovskite_above_ground_state_ev_per_atom": 0, "without_energy": [],
    }  # fmt: skip
    return Stability.model_validate(known | {"above_hull_ev_per_atom": above_hull_ev} | changes)


def phase(name: str, ev: float | None, *flaws: Flaw, failure: str | None = None) -> PhaseEnergy:
    """A relaxed phase with its energy in eV per formula unit, or why there is none."""
    return PhaseEnergy(
        phase=name,
        calculation=name,
        energy_ev_per_formula=ev,
        space_group=None,
        volume_ang3_per_formula=None,
        findings=[Finding(flaw, "0.79: by so much") for flaw in flaws],
        failure_kind=failure,
        failure=failure and f"{name}: {failure}",
    )


def vacancy(**changes: Any) -> VacancyFormation:
    """A halide vacancy in Pnma of 0.2 to 1.6 eV."""
    known = {
        "phase": "Pnma", "calculation": "abc", "atoms_in_cell": 40, "allowed": True,
        "x_poor_ev": 0.2, "x_rich_ev": 1.6, "mu_x_poor_ev": -2, "mu_x_rich_ev": -1,
        "host_drop_ev_per_formula": 0, "without_energy": [], "references": {},
    }  # fmt: skip
    return VacancyFormation.model_validate(known | changes)


def candidate(formula: str, **known: Any) -> ScreenedCandidate:
    """An ABX3 perovskite with lead."""
    given = {"formula": formula, "type": "ABX3", "family": "3D", "lead_free": False}
    return ScreenedCandidate.model_validate(given | known)


def relaxed(formula: str, ev_per_formula: float, **changes: Any) -> RelaxResult:
    """The result of a relaxation of an ABX3 in Pnma, without findings."""
    known = {
        "stoichiometry": "ABX3", "phase": "Pnma", "atoms_per_formula": 5, "formula_units": 4,
        "volume_ang3_per_formula": 240.0, "space_group": "P1", "findings": [], "steps": 60,
        "lattice_parameters": (8.5, 8.5, 13.0, 90.0, 90.0, 90.0), "force_calls": 10,
        "cpu_seconds": 36.0, "wall_seconds": 36.0, "optimizer": "none",
    }  # fmt: skip
    given = {"formula": formula, "energy_ev_per_formula": ev_per_formula}
    return RelaxResult.model_validate(known | given | changes)


def report(*candidates: ScreenedCandidate, **changes: Any) -> ScreeningReport:
    """A report by CHGNet without stages or calculations."""
    known = {
        "title": "try", "plan": "", "potential": "chgnet", "pvkdb_version": "0",
        "ranked_by": "tau", "stages": [], "candidates": candidates, "core_hours": 0,
        "calculations": {}, "failed": {}, "force_calls": {},
    }  # fmt: skip
    return ScreeningReport.model_validate(known | changes)
