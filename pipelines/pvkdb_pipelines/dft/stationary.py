"""Minima and saddle points of an expensive method, found with few of its forces.

A potential has nearly the right landscape and costs nothing beside DFT. Each call of DFT gives the
forces that it lacks at a structure, and two calls give how they change. The stationary point of the
potential with this correction is the next structure. This keeps the anharmonicity of the potential,
which quasi-Newton steps have to learn from DFT; such a step is taken where no such point is near.

The next structure follows from the calls so far alone, so that a search resumes from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.host.hessian import Hessian, host_hessian
from pvkdb_pipelines.migration.paths.saddle import bofill, climb, mode_step
from pvkdb_pipelines.migration.sites.operations import act, operations_of
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.progress import OnStep
from pvkdb_pipelines.relaxations.relaxation import relax

#: Distance up to which atoms are symmetric, Å.
_SYMPREC_ANG = 0.01
#: Largest displacement of an atom in one step, Å: at first, at least and at most.
_RADIUS_ANG, _SMALLEST_ANG, _LARGEST_ANG = 0.3, 0.05, 0.6
#: A saddle search returns to where it was if the forces grow by more than this factor.
_WORSE = 1.5
#: Share by which potentials are too soft, until calls tell; 0.2 needed fewer calls than 0.
_SOFTER = 0.2
#: Noise of energies, eV.
NOISE_EV = 1e-3
#: Force, eV/Å, and most steps with which the corrected potential is followed.
_FMAX, _MOST_STEPS = 0.01, 200
#: Modes below this curvature are unstable, eV/Å².
_UNSTABLE = -0.05
#: Least overlap of the unstable mode with that of the potential's saddle point.
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True)
class Guide:
    """A potential at its own stationary point, ``atoms``.

    ``hessian`` are its second derivatives, shape (3 n, 3 n), eV/Å²; ``mode`` is the direction of
    negative curvature, shape (n, 3), None at a minimum.
    """

    atoms: Atoms
    potential: Potential
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
    """Return a potential as guide at its minimum or, with the direction of a hop, its saddle point.

    ``along`` is the displacement from start to end of the hop, shape (n, 3); None for a minimum.

    Raises:
        CalculationFailedError: The potential has no negative curvature there.
    """
    matrix = _second_derivatives(atoms, potential)
    if along is None:
        return Guide(atoms, potential, matrix, None)
    curvatures, modes = np.linalg.eigh(matrix)
    if curvatures[0] > _UNSTABLE:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no unstable mode at the highest image of the path "
            f"(lowest curvature {curvatures[0]:.3f} eV/Å²); converge the path further",
        )
    overlaps = (along.ravel() @ modes) * (curvatures < _UNSTABLE)
    mode = modes[:, np.abs(overlaps).argmax()].reshape(-1, 3)
    return Guide(atoms, potential, matrix, mode)


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
        lacking, change = _lacking(guide, points)
        step, left_ev = _next_step(guide, point, lacking[centre], change, radius)
        if largest <= fmax and abs(left_ev) <= energy_left_ev:
            return Stationary(point, centre, left_ev, _unstable(guide, point, change, what))
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


def _lacking(guide: Guide, points: Sequence[Atoms]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the forces that the potential lacks at each structure, and its second derivatives."""
    own = guide.potential.evaluate(points, stress=False)
    forces = [
        (each.get_forces() - found["forces"]).ravel()
        for each, found in zip(points, own, strict=True)
    ]
    matrix = _SOFTER * guide.hessian
    for index in range(1, len(points)):
        step = points[index].positions - points[index - 1].positions
        matrix += bofill(matrix, step.ravel(), forces[index - 1] - forces[index])
    return forces, matrix


def _next_step(
    guide: Guide, point: Atoms, lacking: np.ndarray, change: np.ndarray, radius: float
) -> tuple[np.ndarray, float]:
    """Return the step to the next structure, shape (n, 3), and the predicted change of energy."""
    matrix, mode = guide.hessian + change, guide.mode
    stiffness = Hessian(matrix).of_atoms(np.arange(len(point)))
    corrected = _corrected(guide.potential, point, lacking, change)
    found: Atoms | None = None
    try:
        if mode is None:
            limits = (_FMAX, _MOST_STEPS)
            found, _ = relax(point, corrected, *limits, cell=False, what="guide", hessian=stiffness)
        elif saddle := climb(point, mode, stiffness, corrected, _FMAX, _MOST_STEPS):
            found = saddle.atoms
    except CalculationFailedError:
        pass  # the quasi-Newton step follows
    if found is not None:
        step = found.positions - point.positions
        here, there = corrected.evaluate([point, found], stress=False)
        left_ev = there["energy"] - here["energy"]
    else:
        forces = point.get_forces().ravel()
        flat = np.linalg.solve(stiffness, forces)
        flat = flat if mode is None else mode_step(matrix, mode.ravel(), forces)[0]
        left_ev = flat @ matrix @ flat / 2 - forces @ flat
        step = flat.reshape(-1, 3)
    step = step - step.mean(axis=0)
    return step * (radius / max(radius, _longest(step))), float(left_ev)


def _corrected(own: Potential, point: Atoms, lacking: np.ndarray, change: np.ndarray) -> Potential:
    """Return a potential with what it lacks at a structure, but for a constant energy."""

    def evaluate_many(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        found = own.evaluate(structures, stress=False)
        for structure, properties in zip(structures, found, strict=True):
            away = (structure.positions - point.positions).ravel()
            added = lacking - change @ away
            properties["energy"] -= (lacking + added) @ away / 2
            properties["forces"] = properties["forces"] + added.reshape(-1, 3)
        return found

    return Potential(f"corrected {own.name}", "", {}, own.elements, evaluate_many)


def _unstable(guide: Guide, point: Atoms, change: np.ndarray, what: str) -> tuple[float, ...]:
    """Return the curvatures of the unstable modes at a saddle point, that of the hop first."""
    if guide.mode is None:
        return ()
    curvatures, modes = np.linalg.eigh(_second_derivatives(point, guide.potential) + change)
    overlaps = np.abs(guide.mode.ravel() @ modes) * (curvatures < 0)
    along = int(overlaps.argmax())
    if overlaps[along] < _LEAST_OVERLAP:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{what}: forces vanish, but no unstable mode follows the hop (lowest curvature "
            f"{curvatures[0]:.3f} eV/Å²); start from another path",
        )
    others = np.delete(curvatures, along)
    return (float(curvatures[along]), *map(float, others[others < _UNSTABLE]))


def _second_derivatives(atoms: Atoms, potential: Potential) -> np.ndarray:
    operations = operations_of(atoms, _SYMPREC_ANG)
    action = act(operations, atoms.positions, atoms.numbers)
    return host_hessian(atoms, operations, action, potential).matrix


def _longest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())
