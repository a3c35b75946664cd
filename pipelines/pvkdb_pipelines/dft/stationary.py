"""Minima and saddle points of an expensive method, found with few of its forces.

The search starts at the stationary point of a potential, with the second derivatives that it has
there. Quasi-Newton steps follow: downhill along all modes or, to a saddle point, uphill along the
one that follows the potential's unstable mode; each call of the method updates the derivatives by
Bofill's formula. The next structure follows from the calls so far alone, so that a search resumes
from them.

Sources: those of :mod:`pvkdb_pipelines.migration.paths.saddle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.host.hessian import Hessian, host_hessian
from pvkdb_pipelines.migration.paths.saddle import bofill, mode_step
from pvkdb_pipelines.migration.sites.operations import act, operations_of
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Distance up to which atoms are symmetric, Å.
_SYMPREC_ANG = 0.01
#: Largest displacement of an atom in one step, Å: at first, at least and at most.
_RADIUS_ANG, _SMALLEST_ANG, _LARGEST_ANG = 0.3, 0.05, 0.6
#: A saddle search returns to where it was if the forces grow by more than this factor.
_WORSE = 1.5
#: Noise of energies, eV.
NOISE_EV = 1e-3
#: Modes below this curvature are unstable, eV/Å².
_UNSTABLE = -0.05
#: Least overlap of the unstable mode with that of the potential's saddle point.
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True)
class Guide:
    """A potential's stationary point, ``atoms``.

    ``hessian`` are its second derivatives, shape (3 n, 3 n), eV/Å²; ``mode`` is the direction of
    negative curvature, shape (3 n,), None at a minimum.
    """

    atoms: Atoms
    hessian: np.ndarray
    mode: np.ndarray | None


@dataclass(frozen=True)
class Stationary:
    """A stationary point of the expensive method: the evaluated structure of this index.

    ``energy_left_ev`` is the predicted change of the energy up to the exact point; ``curvatures``
    are those of unstable modes, eV/Å², the one along the hop first.
    """

    atoms: Atoms
    index: int
    energy_left_ev: float
    curvatures: tuple[float, ...]


def guide_at(atoms: Atoms, potential: Potential, along: np.ndarray | None) -> Guide:
    """Return the second derivatives of a potential at its minimum or saddle point as a guide.

    ``along`` is the displacement from start to end of the hop, shape (n, 3); None for a minimum.

    Raises:
        CalculationFailedError: The potential has no negative curvature there.
    """
    operations = operations_of(atoms, _SYMPREC_ANG)
    action = act(operations, atoms.positions, atoms.numbers)
    matrix = host_hessian(atoms, operations, action, potential).matrix
    if along is None:
        return Guide(atoms, matrix, None)
    curvatures, modes = np.linalg.eigh(matrix)
    if curvatures[0] > _UNSTABLE:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no unstable mode at the highest image of the path "
            f"(lowest curvature {curvatures[0]:.3f} eV/Å²); converge the path further",
        )
    overlaps = (along.ravel() @ modes) * (curvatures < _UNSTABLE)
    return Guide(atoms, matrix, modes[:, np.abs(overlaps).argmax()])


def find_stationary(
    guide: Guide,
    evaluate: Callable[[Atoms], Atoms],
    known: Sequence[Atoms],
    *,
    fmax: float,
    energy_left_ev: float,
    max_calls: int,
    what: str,
    on_step: OnStep,
) -> Stationary:
    """Find the minimum or saddle point of the expensive method that belongs to the guide's.

    Args:
        guide: The potential at its stationary point, where the search starts.
        evaluate: Returns a structure with the energy and forces of the expensive method.
        known: Evaluated structures of an interrupted search, in order.
        fmax: Largest force on an atom at the end, eV/Å.
        energy_left_ev: Largest predicted change of the energy at the end, eV.
        max_calls: Most evaluations, the known ones included.
        what: Name of the structure for messages.
        on_step: Called with the number of evaluations and the largest force, eV/Å.

    Raises:
        CalculationFailedError: Not converged, or the saddle point has no unstable mode.
    """
    minimum = guide.mode is None
    points = list(known) or [evaluate(guide.atoms)]
    while True:
        centre, radius = _centre_and_radius(points, minimum)
        point = points[centre]
        largest = _longest(point.get_forces())
        on_step(len(points), largest)
        matrix = _updated(guide.hessian, points)
        step, left_ev = _next_step(matrix, guide.mode, point, radius)
        if largest <= fmax and abs(left_ev) <= energy_left_ev:
            return Stationary(point, centre, left_ev, _unstable(matrix, guide.mode, what))
        if len(points) >= max_calls:
            kinds = FailureKind.SADDLE_NOT_FOUND, FailureKind.ENDPOINT_NOT_CONVERGED
            raise CalculationFailedError(
                kinds[minimum],
                f"{what}: largest force {largest:.3f} eV/Å and {left_ev:+.4f} eV left after "
                f"{len(points)} force calls, above {fmax} eV/Å or {energy_left_ev} eV; allow more",
            )
        moved = guide.atoms.copy()
        moved.positions = point.positions + step
        points.append(evaluate(moved))


def _centre_and_radius(points: Sequence[Atoms], minimum: bool) -> tuple[int, float]:
    """Return the index of the structure to step from, and the longest step, Å."""
    centre, radius = 0, _RADIUS_ANG
    for index, new in enumerate(points[1:], start=1):
        old = points[centre]
        growth = np.linalg.norm(new.get_forces()) / np.linalg.norm(old.get_forces())
        risen = new.get_potential_energy() > old.get_potential_energy() + NOISE_EV
        accepted = not risen if minimum else growth < _WORSE
        step = _longest(new.positions - old.positions)
        if not accepted or growth > 1:
            radius = min(radius, max(step / 2, _SMALLEST_ANG))
        elif step > 0.9 * radius:
            radius = min(1.5 * radius, _LARGEST_ANG)
        centre = index if accepted else centre
    return centre, radius


def _updated(hessian: np.ndarray, points: Sequence[Atoms]) -> np.ndarray:
    """Return second derivatives that agree with the forces of the evaluated structures."""
    matrix = hessian.copy()
    for old, new in pairwise(points):
        step = (new.positions - old.positions).ravel()
        matrix += bofill(matrix, step, (old.get_forces() - new.get_forces()).ravel())
    return matrix


def _next_step(
    matrix: np.ndarray, mode: np.ndarray | None, point: Atoms, radius: float
) -> tuple[np.ndarray, float]:
    """Return the step to the next structure, shape (n, 3), and the predicted change of energy."""
    forces = point.get_forces().ravel()
    if mode is None:
        flat = np.linalg.solve(Hessian(matrix).of_atoms(np.arange(len(point))), forces)
    else:
        flat, _ = mode_step(matrix, mode, forces)
    step = flat.reshape(-1, 3) - flat.reshape(-1, 3).mean(axis=0)
    left_ev = flat @ matrix @ flat / 2 - forces @ flat
    return step * (radius / max(radius, _longest(step))), float(left_ev)


def _unstable(matrix: np.ndarray, mode: np.ndarray | None, what: str) -> tuple[float, ...]:
    """Return the curvatures of the unstable modes at a saddle point, that of the hop first."""
    if mode is None:
        return ()
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = np.abs(mode @ modes) * (curvatures < 0)
    along = int(overlaps.argmax())
    if overlaps[along] < _LEAST_OVERLAP:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{what}: forces vanish, but no unstable mode follows the hop (lowest curvature "
            f"{curvatures[0]:.3f} eV/Å²); start from another path",
        )
    others = np.delete(curvatures, along)
    return (float(curvatures[along]), *map(float, others[others < _UNSTABLE]))


def _longest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())
