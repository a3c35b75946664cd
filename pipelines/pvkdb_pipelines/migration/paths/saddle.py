"""From the top of a loose band to the saddle point: one structure climbs, the band waits.

Converging a whole band to the force that its highest image needs spends most of its calls on images
that say nothing of the barrier. Here the band is relaxed until its top and tangent are about right;
then its top alone follows the force uphill along one mode and downhill along all others, with
quasi-Newton steps from the host's Hessian. Relaxing from both sides of the saddle shows which
minima it joins, and gives the path.

Sources: C. J. Cerjan, W. H. Miller, J. Chem. Phys. 75, 2800 (1981), doi:10.1063/1.442352 (following
a mode); J. M. Bofill, J. Comput. Chem. 15, 1 (1994), doi:10.1002/jcc.540150102 (the update).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.optimize import BFGS

from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: No atom moves further in one step, Å.
_LONGEST_STEP_ANG = 0.1
#: First step away from a saddle, of the atom that moves most, Å.
_FIRST_STEP_ANG = 0.12
#: Where the energy has fallen by less than this, the saddle is not left yet, eV; then the step is
#: doubled, so often at most.
_FALLEN_EV = 0.002
_MOST_DOUBLED = 2
#: Steps on the way down, Å: long, since only their goal matters.
_STEP_DOWN_ANG = 0.25
_MOST_STEPS_DOWN = 60
#: A way down that ends at this force has reached its minimum, eV/Å.
_DOWN_FMAX = 0.02
#: Displacement along the path that measures the curvature there, of the atom that moves most, Å.
_PROBE_ANG = 0.05
#: Curvatures count at least as this in a step, eV/Å².
_FLOOR = 0.3
#: A search whose mode turned further than this from the band has lost it.
_LEAST_OVERLAP = 0.15
#: A search that left its image this far behind found another saddle than that of the band, Å (in
#: the space of all atoms).
_ASTRAY_ANG = 3.0


@dataclass(frozen=True)
class Saddle:
    """A saddle point.

    Attributes:
        atoms: The structure, with energy and forces.
        mode: Direction along which it is a maximum, of length 1, shape (n, 3).
        residual: Largest force on an atom, eV/Å.
        steps: Structures evaluated.
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
    """Find the saddle point next to a structure.

    Args:
        start: Highest image of a band, with its energy and forces.
        tangent: Direction of the band there, shape (n, 3).
        hessian: Second derivatives to begin with, positive, shape (3 n, 3 n), eV/Å².
        potential: Source of energies and forces.
        fmax: Largest force on an atom to reach, eV/Å.
        max_steps: Structures to evaluate at most.
        on_step: Called with the step and the largest force.

    Returns:
        The saddle point; None where none was found near the start.
    """
    mode = tangent.ravel() / np.linalg.norm(tangent)
    position = start.positions.ravel().copy()
    energy, forces = float(start.get_potential_energy()), start.get_forces().ravel()
    # How the force changes along the path is measured, not guessed.
    probe = mode * _PROBE_ANG / np.abs(mode).max()
    matrix = hessian + _bofill(
        hessian, probe, forces - _evaluated(start, position + probe, potential)[1]
    )
    if not np.isfinite(matrix).all():
        return None
    for taken in range(max_steps + 1):
        residual = float(np.linalg.norm(forces.reshape(-1, 3), axis=1).max())
        if on_step is not None:
            on_step(taken, residual)
        if not np.isfinite(residual):
            return None
        if residual <= fmax:
            if mode @ matrix @ mode >= 0:
                return None
            atoms = _structure(start, position, energy, forces)
            return Saddle(atoms, mode.reshape(-1, 3), residual, taken)
        step, mode = _step(matrix, mode, forces)
        if abs(mode @ tangent.ravel()) < _LEAST_OVERLAP * np.linalg.norm(tangent):
            return None
        position = position + step
        if np.linalg.norm(position - start.positions.ravel()) > _ASTRAY_ANG:
            return None
        energy, after = _evaluated(start, position, potential)
        matrix = matrix + _bofill(matrix, step, forces - after)
        forces = after
    return None


def descend(
    saddle: Saddle,
    side: int,
    hessian: np.ndarray,
    potential: Potential,
    arrived: Callable[[Atoms], bool],
) -> list[Atoms] | None:
    """Relax from one side of a saddle point until it is clear where that leads.

    Args:
        saddle: Where to begin.
        side: 1 along its mode, -1 against it.
        hessian: Second derivatives to begin with, as of :func:`climb`.
        potential: Source of energies and forces.
        arrived: Says of a structure whether it is close to a minimum that is known.

    Returns:
        The structures on the way, each with energy and forces, up to that minimum or to another;
        None where none was reached.
    """
    atoms = _next_to(saddle, side, potential)
    frames: list[Atoms] = []
    with BFGS(atoms, logfile=None, maxstep=_STEP_DOWN_ANG) as optimizer:
        optimizer.H0 = hessian.copy()  # it updates what it is given
        for converged in optimizer.irun(fmax=_DOWN_FMAX, steps=_MOST_STEPS_DOWN):
            energy, forces = float(atoms.get_potential_energy()), atoms.get_forces()
            if not np.isfinite(energy) or not np.isfinite(forces).all():
                return None
            frames.append(_structure(atoms, atoms.positions.ravel(), energy, forces))
            if converged or arrived(atoms):
                return frames
    return None


def _next_to(saddle: Saddle, side: int, potential: Potential) -> Atoms:
    """A structure on one side of a saddle, far enough from it for the forces to lead away."""
    top = float(saddle.atoms.get_potential_energy())
    step = side * _FIRST_STEP_ANG * saddle.mode / np.abs(saddle.mode).max()
    atoms = saddle.atoms.copy()
    atoms.calc = potential.calculator(stress=False)
    for doubled in range(_MOST_DOUBLED + 1):
        atoms.positions = saddle.atoms.positions + 2**doubled * step
        if atoms.get_potential_energy() < top - _FALLEN_EV:
            break
    return atoms


def _step(
    matrix: np.ndarray, mode: np.ndarray, forces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A step up along the mode and down along all others; and the mode as the matrix has it now."""
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = modes.T @ mode
    upward = int(np.abs(overlaps).argmax())
    along = modes.T @ forces
    along[upward] *= -1
    step = modes @ (along / np.maximum(np.abs(curvatures), _FLOOR))
    longest = float(np.linalg.norm(step.reshape(-1, 3), axis=1).max())
    if longest > _LONGEST_STEP_ANG:
        step *= _LONGEST_STEP_ANG / longest
    return step, modes[:, upward] * np.sign(overlaps[upward])


def _bofill(matrix: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Update of a Hessian after a step over which the gradient changed; keeps negative modes."""
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
    """Energy and flat forces of the atoms at other positions."""
    moved = start.copy()
    moved.positions = position.reshape(-1, 3)
    (found,) = potential.evaluate([moved], stress=False)
    return float(found["energy"]), np.asarray(found["forces"]).ravel()


def _structure(start: Atoms, position: np.ndarray, energy: float, forces: np.ndarray) -> Atoms:
    atoms = start.copy()
    atoms.positions = position.reshape(-1, 3)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces.reshape(-1, 3))
    return atoms
