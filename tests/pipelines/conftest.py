"""Potentials, barriers and typed failures that the tests of the pipelines share."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from filelock import FileLock

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR
from pvkdb_pipelines.migration.compute import MigrationRun, compute_migration
from pvkdb_pipelines.potentials.potential import Potential, Properties

from ..conftest import lacks


@contextmanager
def fails(kind: FailureKind, words: str | None = None) -> Iterator[None]:
    """Expect a calculation to fail for a reason, in words that match."""
    with pytest.raises(CalculationFailedError, match=words) as caught:
        yield
    assert caught.value.kind is kind


def potential_from(evaluate_one: Callable[[Atoms], Properties], *elements: str) -> Potential:
    """A potential over any function of one structure."""

    def evaluate_many(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        return [evaluate_one(structure) for structure in structures]

    return Potential("test", "none", {}, frozenset(elements), evaluate_many)


@pytest.fixture(scope="session")
def pw() -> None:
    """Quantum ESPRESSO and its pseudopotentials."""
    if shutil.which("pw.x") is None:
        lacks("pw.x is not on the PATH (Debian: quantum-espresso)")
    if not DEBIAN_PSEUDO_DIR.is_dir():
        lacks(f"{DEBIAN_PSEUDO_DIR} is not there (Debian: quantum-espresso-data-sssp)")


@pytest.fixture(scope="session")
def emt() -> Potential:
    """Effective-medium theory of metals: analytic, fast, no machine learning."""

    def evaluate_one(structure: Atoms) -> Properties:
        atoms = structure.copy()
        atoms.calc = EMT()
        return {
            "energy": atoms.get_potential_energy(),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }

    return potential_from(evaluate_one, "Al", "Cu", "Ni")


@pytest.fixture
def broken() -> Potential:
    """A potential whose energies are not numbers."""

    def evaluate_one(structure: Atoms) -> Properties:
        forces = np.full((len(structure), 3), np.nan)
        return {"energy": np.nan, "forces": forces, "stress": np.full(6, np.nan)}

    return potential_from(evaluate_one, "Cs", "Pb", "Br", "Cu")


@pytest.fixture(scope="session")
def cspbbr3_migration(together: Path) -> Callable[[PotentialName], MigrationRun]:
    """The migration of V_Br in CsPbBr3 with default settings, computed once for each potential."""

    @cache
    def compute(potential: PotentialName) -> MigrationRun:
        path = together / f"cspbbr3-{potential.value}.pickle"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                request = NebRequest(formula="CsPbBr3", potential=potential)
                path.write_bytes(pickle.dumps(compute_migration(complete_request(request))))
            run: MigrationRun = pickle.loads(path.read_bytes())
        return run

    return compute
