"""Relaxations end in a converged, physical structure or in a typed failure."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.molecules import require_whole
from pvkdb_pipelines.progress import CalculationProgress, ProgressReporter
from pvkdb_pipelines.prototypes import build, compound_of, prototype, tilted_perovskite
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from pvkdb_pipelines.relaxations.relaxation import relax

from ..conftest import fails


def test_copper_relaxes_to_the_minimum_of_its_equation_of_state(emt):
    start = bulk("Cu", "fcc", a=3.75, cubic=True)
    relaxed, steps = relax(start, emt, 0.001, 300, cell=True, what="copper")
    lattice = np.linspace(3.55, 3.63, 9)
    crystals = [bulk("Cu", "fcc", a=a, cubic=True) for a in lattice]
    energies = [found["energy"] for found in emt.evaluate(crystals)]
    cubic = np.polynomial.Polynomial.fit(lattice, energies, 3)
    (minimum,) = [root for root in cubic.deriv().roots() if 3.55 < root < 3.63]
    assert relaxed.cell.lengths() == pytest.approx([minimum] * 3, abs=0.003)
    assert relaxed.cell.angles() == pytest.approx([90] * 3, abs=0.01)
    assert steps > 1
    assert start.cell.lengths() == pytest.approx([3.75] * 3)  # the start is left as it was


@pytest.mark.slow
def test_a_hybrid_relaxes_with_whole_molecules_near_its_measured_volume():
    """Cubic MAPbCl3, a = 5.68 Å: D. Weber, Z. Naturforsch. B 33, 1443 (1978)."""
    compound = compound_of(parse_composition("MAPbCl3"))
    run = compute_relaxation(relax_request(compound, prototype("ABX3", "Pm-3m"), "sevennet-0"))
    start = build(compound, "Pm-3m")
    require_whole(start, run.atoms, "relaxed")
    assert run.result.findings == []
    assert run.result.optimizer.startswith("BFGS")
    assert run.result.volume_ang3_per_formula ** (1 / 3) == pytest.approx(5.68, rel=0.03)


def test_exhausted_steps_name_the_numbers_and_the_remedy(emt):
    start = bulk("Cu", "fcc", a=3.6, cubic=True) * 2
    start.rattle(0.1, seed=1)
    with fails(FailureKind.RELAXATION_NOT_CONVERGED, r"after 2 steps.*allow more steps"):
        relax(start, emt, 0.001, 2, cell=False, what="copper")


def test_atoms_on_top_of_one_another_are_refused_before_a_potential_sees_them(broken):
    # Cs–Br at 2.6 Å once gave −14.6 eV an atom without any error.
    start = tilted_perovskite("Cs", "Pb", "Br", 3.7, 0.0)
    with fails(FailureKind.ATOMS_TOO_CLOSE, "Å apart"):
        relax(start, broken, 0.01, 10, cell=True, what="host cell")
    assert broken.force_calls == 0


def test_progress_never_falls_and_ends_at_one():
    seen: list[CalculationProgress] = []
    reporter = ProgressReporter({"first": 0.4, "second": 1.0}, seen.append)
    on_step = reporter.begin("first", 0.01)
    for step, force in enumerate([1.0, 0.1, 0.3, 0.01]):
        on_step(step, force)
    reporter.begin("second", 0.02)(1, 0.5)
    reporter.finish("second")
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[2] == pytest.approx(0.2)  # half of the decades of a stage worth 0.4
    assert fractions[4] == pytest.approx(0.4)
    assert fractions[-1] == 1.0
    assert np.isfinite(fractions).all()
