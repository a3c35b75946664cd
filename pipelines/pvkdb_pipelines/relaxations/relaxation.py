"""Relaxation of atoms and cell, with a checked structure or a typed failure as result."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE
from ase.optimize.optimize import Optimizer

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.electrons import PairResult
from pvkdb.schemas.calculations.relaxations import RelaxResult, VacancyResult
from pvkdb.store.curation.computed import ComputedStructure
from pvkdb_pipelines.geometry.hosts import computed_structure, longest
from pvkdb_pipelines.geometry.molecules import has_molecules, require_whole
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Default first time step of FIRE in ASE.
FIRST_STEP = 0.1
#: First guess of the second derivatives with molecules, eV/Å², as in ASE's BFGS.
STIFFNESS = 70.0

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class RelaxationRun(Generic[ResultT]):
    """A finished calculation of the kind ``relax``, ``element``, ``vacancy`` or ``pair``.

    Attributes:
        result: The numbers, as they are stored.
        atoms: The relaxed structure; of vacancies, the lowest one.
        versions: Versions of the packages and the weights that determine the numbers.
    """

    result: ResultT
    atoms: Atoms
    versions: dict[str, str]

    def structures(self) -> dict[str, ComputedStructure]:
        """Return the structure by its name in the store; empty if it is not kept."""
        if isinstance(self.result, RelaxResult):
            return {"host": computed_structure(self.atoms, self.result.space_group)}
        kept = isinstance(self.result, VacancyResult | PairResult)
        return {"vacancy": computed_structure(self.atoms)} if kept else {}


def relax(
    atoms: Atoms,
    potential: Potential,
    fmax: float,
    max_steps: int,
    *,
    cell: bool,
    what: str,
    failure: FailureKind = FailureKind.RELAXATION_NOT_CONVERGED,
    on_step: OnStep | None = None,
    first_step: float = FIRST_STEP,
    hessian: np.ndarray | None = None,
) -> tuple[Atoms, int]:
    """Relax the atoms of a structure and, with ``cell``, its cell.

    Args:
        atoms: Initial structure; it is not changed.
        potential: Source of energies and forces.
        fmax: Converged when the largest force on an atom is at most this, eV/Å. With ``cell``, the
            rows of the cell's gradient, as scaled by ASE, must meet it too.
        max_steps: Largest number of steps.
        cell: Relax the cell too (log-strain coordinates).
        what: Name of the structure for messages: "host cell", "initial end point".
        failure: Kind of the failure if it does not converge or the energy is not finite.
        on_step: Called with the step and the largest force after each step.
        first_step: First time step of FIRE, in ASE's units; FIRE adapts the later ones.
        hessian: Initial second derivatives of the energy, shape (3 n, 3 n), eV/Å², with which BFGS
            is used instead of FIRE. Not with ``cell``. With molecules, BFGS starts from a constant:
            MAPbI3 needed 157 steps, FIRE more than 550, for bonds are stiff and turns soft.

    Returns:
        The relaxed atoms with a calculator for their energy, and the number of steps.

    Raises:
        CalculationFailedError: Not converged or not finite (kind ``failure``), two atoms closer
            than ``CLOSEST_APPROACH`` allows (``ATOMS_TOO_CLOSE``), or a bond of a molecule that
            broke or formed (``MOLECULE_BROKEN``).

    Source: E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006),
    doi:10.1103/PhysRevLett.97.170201 (FIRE).
    """
    relaxed = atoms.copy()
    relaxed.calc = potential.calculator(stress=cell)
    check_structure(relaxed, what)
    target = _CellFilter(relaxed) if cell else relaxed
    step, force = 0, np.inf
    if hessian is None and has_molecules(atoms):
        hessian = np.eye(3 * len(target)) * STIFFNESS
    with warnings.catch_warnings(), _optimizer(target, first_step, hessian) as optimizer:
        # scipy warns of logarithms with errors above 1e-13, which are small enough.
        warnings.filterwarnings("ignore", message="logm result may be inaccurate")
        for _ in optimizer.irun(fmax=fmax, steps=max_steps):
            step = optimizer.nsteps
            force = longest(target.get_forces())
            if not np.isfinite(force) or not np.isfinite(relaxed.get_potential_energy()):
                raise CalculationFailedError(
                    failure,
                    f"{what}: {potential.name} gave an energy or force that is not finite at "
                    f"step {step}; start from another structure or use another potential",
                )
            if on_step is not None:
                on_step(step, force)
    check_structure(relaxed, what)
    require_whole(atoms, relaxed, what)
    if force > fmax:
        raise CalculationFailedError(
            failure,
            f"{what}: largest force {force:.4f} eV/Å after {step} steps, above the "
            f"target of {fmax} eV/Å; allow more steps or a larger force",
        )
    return relaxed, step


def _optimizer(target: Any, first_step: float, hessian: np.ndarray | None) -> Optimizer:
    if hessian is None:
        return FIRE(target, logfile=None, maxstep=0.1, dt=first_step)
    optimizer = BFGS(target, logfile=None, maxstep=0.1)
    optimizer.H0 = hessian.copy()  # BFGS changes the array
    return optimizer


class _CellFilter(FrechetCellFilter):  # type: ignore[misc]  # ASE is untyped
    """Atoms and cell, with cached forces.

    Optimizers request them several times per step, and the derivative of the matrix exponential
    takes as long as CHGNet for ten atoms.
    """

    _known: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def get_forces(self, **kwargs: Any) -> np.ndarray:
        """Return the forces on atoms and cell, shape (n + 3, 3), of ``FrechetCellFilter``."""
        positions, cell = self.atoms.positions, self.atoms.cell.array
        if self._known is not None:
            known_positions, known_cell, forces = self._known
            if np.array_equal(positions, known_positions) and np.array_equal(cell, known_cell):
                return forces.copy()
        forces = np.asarray(super().get_forces(**kwargs))
        self._known = positions.copy(), cell.copy(), forces.copy()
        return forces
