"""Saddle points: the top of a loosely converged band climbs alone.

Converging a whole band to the force that the saddle needs spends most calls on images that do not
affect the barrier. Here the band is relaxed until its top and tangent are approximately right; then
the top alone follows the force uphill along one mode and downhill along all others, with
quasi-Newton steps from the host's Hessian. Descents from both sides of the saddle show which minima
it connects, and give the path.

Sources: C. J. Cerjan, W. H. Miller, J. Chem. Phys. 75, 2800 (1981), doi:10.1063/1.442352 (following
a mode); J. M. Bofill, J. Comput. Chem. 15, 1 (1994), doi:10.1002/jcc.540150102 (the update).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.optimize import BFGS

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import longest, set_results
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Largest displacement of an atom in one step, Å.
_LONGEST_STEP_ANG = 0.1
#: First step away from a saddle, of the atom that moves most, Å.
_FIRST_STEP_ANG = 0.12
#: If the energy falls by less than this, eV, the step away from the saddle is doubled, at most so
#: many times.
_FALLEN_EV = 0.002
_MOST_DOUBLED = 2
#: Largest step of a descent, Å: long, because only its end matters.
_STEP_DOWN_ANG = 0.25
_MOST_STEPS_DOWN = 60
#: Force at which a descent has reached its minimum, eV/Å.
_DOWN_FMAX = 0.02
#: Displacement along the path that measures the curvature there, of the atom that moves most, Å.
_PROBE_ANG = 0.05
#: Smallest curvature used in a step, eV/Å².
_FLOOR = 0.3
#: Least overlap of the mode with the direction of the band; below it, the search has failed.
_LEAST_OVERLAP = 0.15
#: Largest distance from the start, Å (in the space of all atoms); beyond it, the search leads to a
#: saddle of another path.
_ASTRAY_ANG = 3.0


@dataclass(frozen=True)
class Saddle:
    """A saddle point.

    ``mode`` is the direction along which it is a maximum, normalised, shape (n, 3); ``residual``
    the largest force on an atom, eV/Å; ``steps`` the number of structures evaluated.
    """

    atoms: Atoms
    mode: np.ndarray
    residual: float
    steps: int


def climb(
    start: Atoms,
    tangent: np.ndarray,
    hessian: np.ndarray,
    potential: Potential,
    fmax: float,
    max_steps: int,
    on_step: OnStep | None = None,
) -> Saddle | None:
    """Find the saddle point near a structure.

    Args:
        start: Highest image of a band, with its energy and forces.
        tangent: Direction of the band there, shape (n, 3).
        hessian: Initial second derivatives, positive, shape (3 n, 3 n), eV/Å².
        fmax: Target for the largest force on an atom, eV/Å.
        max_steps: Largest number of structures to evaluate.

    Returns:
        The saddle point; None if none was found near the start.
    """
    mode = tangent.ravel() / np.linalg.norm(tangent)
    position = start.positions.ravel().copy()
    energy, forces = float(start.get_potential_energy()), start.get_forces().ravel()
    # The curvature along the path is measured.
    probe = mode * _PROBE_ANG / np.abs(mode).max()
    matrix = hessian + bofill(
        hessian, probe, forces - _evaluated(start, position + probe, potential)[1]
    )
    if not np.isfinite(matrix).all():
        return None
    for taken in range(max_steps + 1):
        residual = longest(forces.reshape(-1, 3))
        if on_step is not None:
            on_step(taken, residual)
        if not np.isfinite(residual):
            return None
        if residual <= fmax:
            if mode @ matrix @ mode >= 0:
                return None
            atoms = _structure(start, position, energy, forces)
            return Saddle(atoms, mode.reshape(-1, 3), residual, taken)
        step, mode = mode_step(matrix, mode, forces)
        if abs(mode @ tangent.ravel()) < _LEAST_OVERLAP * np.linalg.norm(tangent):
            return None
        position = position + step
        if np.linalg.norm(position - start.positions.ravel()) > _ASTRAY_ANG:
            return None
        energy, after = _evaluated(start, position, potential)
        matrix = matrix + bofill(matrix, step, forces - after)
        forces = after
    return None


def descend(
    saddle: Saddle,
    side: int,
    hessian: np.ndarray,
    potential: Potential,
    arrived: Callable[[Atoms], bool],
) -> list[Atoms] | None:
    """Relax a structure beside a saddle point until it reaches a minimum, or a known one is near.

    ``side`` is 1 along the mode of the saddle point, -1 against it; ``arrived`` returns whether a
    structure is close to a known minimum.

    Returns:
        The structures of the descent, each with energy and forces, up to that minimum or another
        one; None if none was reached.
    """
    atoms = _next_to(saddle, side, potential)
    frames: list[Atoms] = []
    with BFGS(atoms, logfile=None, maxstep=_STEP_DOWN_ANG) as optimizer:
        optimizer.H0 = hessian.copy()  # BFGS changes the array
        for converged in optimizer.irun(fmax=_DOWN_FMAX, steps=_MOST_STEPS_DOWN):
            energy, forces = float(atoms.get_potential_energy()), atoms.get_forces()
            if not np.isfinite(energy) or not np.isfinite(forces).all():
                return None
            frames.append(_structure(atoms, atoms.positions.ravel(), energy, forces))
            if converged or arrived(atoms):
                return frames
    return None


def _next_to(saddle: Saddle, side: int, potential: Potential) -> Atoms:
    """Return a structure displaced to one side of a saddle, where the energy has fallen."""
    top = float(saddle.atoms.get_potential_energy())
    step = side * _FIRST_STEP_ANG * saddle.mode / np.abs(saddle.mode).max()
    atoms = saddle.atoms.copy()
    atoms.calc = potential.calculator(stress=False)
    for doubled in range(_MOST_DOUBLED + 1):
        atoms.positions = saddle.atoms.positions + 2**doubled * step
        if atoms.get_potential_energy() < top - _FALLEN_EV:
            break
    return atoms


def mode_step(
    matrix: np.ndarray, mode: np.ndarray, forces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a step uphill along the mode and downhill along all others, and the new mode."""
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = modes.T @ mode
    upward = int(np.abs(overlaps).argmax())
    along = modes.T @ forces
    along[upward] *= -1
    step = modes @ (along / np.maximum(np.abs(curvatures), _FLOOR))
    length_ang = longest(step.reshape(-1, 3))
    if length_ang > _LONGEST_STEP_ANG:
        step *= _LONGEST_STEP_ANG / length_ang
    return step, modes[:, upward] * np.sign(overlaps[upward])


def bofill(matrix: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return Bofill's correction to a Hessian after a step, which allows negative curvatures."""
    rest = change - matrix @ step
    length, across = step @ step, step @ rest
    norm = rest @ rest
    if length < 1e-16 or norm < 1e-16:
        return np.zeros_like(matrix)
    share = across**2 / (length * norm)
    powell = (np.outer(rest, step) + np.outer(step, rest)) / length
    powell -= across / length**2 * np.outer(step, step)
    if share < 1e-8:
        return np.asarray(powell)
    return np.asarray(share * np.outer(rest, rest) / across + (1 - share) * powell)


def _evaluated(
    start: Atoms, position: np.ndarray, potential: Potential
) -> tuple[float, np.ndarray]:
    """Return energy and flattened forces of the atoms at other positions.

    Both are NaN where the potential has none: a step that leads there finds no saddle.
    """
    moved = start.copy()
    moved.positions = position.reshape(-1, 3)
    try:
        (found,) = potential.evaluate([moved], stress=False)
    except CalculationFailedError as error:
        if error.kind is not FailureKind.POTENTIAL_FAILED:
            raise
        return np.nan, np.full(position.size, np.nan)
    return float(found["energy"]), np.asarray(found["forces"]).ravel()


def _structure(start: Atoms, position: np.ndarray, energy: float, forces: np.ndarray) -> Atoms:
    atoms = start.copy()
    atoms.positions = position.reshape(-1, 3)
    return set_results(atoms, energy, forces.reshape(-1, 3))
