"""Potentials and barriers that the tests of the pipelines share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from pvkdb.schemas.calculations import NebRequest, PotentialName
from pvkdb_pipelines.barrier import BarrierRun, compute_barrier
from pvkdb_pipelines.potentials import Potential, Properties

#: 0.95 · 2 (r_B + r_X) with 6-coordinate Shannon radii Pb2+ 1.19 Å and Br- 1.96 Å.
CSPBBR3_START_ANG = 0.95 * 2 * (1.19 + 1.96)


def potential_from(evaluate_one: Callable[[Atoms], Properties], *elements: str) -> Potential:
    """A potential over any function of one structure."""

    def evaluate_many(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        return [evaluate_one(structure) for structure in structures]

    return Potential("test", "none", {}, frozenset(elements), evaluate_many)


@pytest.fixture
def emt() -> Potential:
    """Effective-medium theory of copper: analytic, fast, no machine learning."""

    def evaluate_one(structure: Atoms) -> Properties:
        atoms = structure.copy()
        atoms.calc = EMT()
        return {
            "energy": atoms.get_potential_energy(),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }

    return potential_from(evaluate_one, "Cu")


@pytest.fixture
def broken() -> Potential:
    """A potential whose energies are not numbers."""

    def evaluate_one(structure: Atoms) -> Properties:
        forces = np.full((len(structure), 3), np.nan)
        return {"energy": np.nan, "forces": forces, "stress": np.full(6, np.nan)}

    return potential_from(evaluate_one, "Cs", "Pb", "Br", "Cu")


@pytest.fixture(scope="session")
def cspbbr3_barrier() -> Callable[[PotentialName], BarrierRun]:
    """The barrier of CsPbBr3 with default settings, computed once for each potential."""

    @cache
    def compute(potential: PotentialName) -> BarrierRun:
        request = NebRequest(formula="CsPbBr3", potential=potential)
        return compute_barrier(request, "Cs", "Pb", "Br", CSPBBR3_START_ANG)

    return compute
