"""Minima and saddle points of an expensive method, found with few of its forces.

A potential has nearly the right landscape and costs nothing beside DFT. Each call of DFT gives the
difference between both forces at a structure, and two calls give how the difference changes. The
potential, corrected by difference and change, has DFT's energy and forces at the last structure;
its stationary point is the next structure. This keeps the anharmonicity of the potential, which
quasi-Newton steps from its second derivatives have to learn from DFT. Where the corrected potential
has no stationary point near, such a step is taken.

What follows depends on the calls so far and on nothing else, so that a search resumes from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import set_results
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.paths.saddle import bofill, climb, mode_step
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.progress import OnStep
from pvkdb_pipelines.relaxations.relaxation import relax

#: Displacement of the central differences, Å.
_STEP_ANG = 0.02
#: Structures that the potential evaluates at once for them.
_BATCH = 12
#: Largest displacement of an atom in one step, Å: at first, at least and at most.
_RADIUS_ANG, _SMALLEST_ANG, _LARGEST_ANG = 0.3, 0.05, 0.6
#: A saddle search returns to where it was if the forces grow by more than this factor.
_WORSE = 1.5
#: Noise of energies, eV.
_NOISE_EV = 1e-3
#: Force and steps at which a stationary point of the corrected potential is found.
_FMAX, _MOST_STEPS = 0.01, 200
#: Modes below this curvature are unstable, eV/Å².
_UNSTABLE = -0.05
#: Least overlap of the unstable mode with that of the potential's saddle point.
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True)
class Evaluation:
    """Energy (eV) and forces (eV/Å) of the expensive method at positions (Å), shape (n, 3)."""

    positions: np.ndarray
    energy_ev: float
    forces: np.ndarray

    @property
    def largest(self) -> float:
        """The largest force on an atom, eV/Å."""
        return float(np.linalg.norm(self.forces, axis=1).max())


@dataclass(frozen=True)
class Guide:
    """A potential at its own stationary point.

    Attributes:
        atoms: The stationary point.
        potential: The potential.
        hessian: Its second derivatives there, shape (3 n, 3 n), eV/Å².
        mode: Direction of its negative curvature, shape (n, 3); None at a minimum.
    """

    atoms: Atoms
    potential: Potential
    hessian: np.ndarray
    mode: np.ndarray | None

    def structure(self, point: Evaluation) -> Atoms:
        """Return the structure of an evaluation, with its energy and forces."""
        atoms = self.atoms.copy()
        atoms.positions = point.positions
        set_results(atoms, point.energy_ev, point.forces)
        return atoms


@dataclass(frozen=True)
class Stationary:
    """A stationary point of the expensive method.

    Attributes:
        point: Its evaluation.
        index: Number of that evaluation in the search, from 0.
        energy_left_ev: Predicted change of the energy up to the exact stationary point.
        curvatures: Those of unstable modes, the one along the hop first; empty at a minimum.
    """

    point: Evaluation
    index: int
    energy_left_ev: float
    curvatures: tuple[float, ...]


def second_derivatives(atoms: Atoms, potential: Potential) -> np.ndarray:
    """Return the second derivatives of the energy by central differences, eV/Å²."""
    moved = []
    for index in range(3 * len(atoms)):
        for sign in (1, -1):
            copy = atoms.copy()
            copy.positions[index // 3, index % 3] += sign * _STEP_ANG
            moved.append(copy)
    forces = np.array(
        [
            found["forces"].ravel()
            for first in range(0, len(moved), _BATCH)
            for found in potential.evaluate(moved[first : first + _BATCH], stress=False)
        ]
    )
    matrix = (forces[1::2] - forces[::2]) / (2 * _STEP_ANG)
    return np.asarray(matrix + matrix.T) / 2


def guide_at(atoms: Atoms, potential: Potential, along: np.ndarray | None) -> Guide:
    """Return a potential as guide at its minimum or, with the direction of a hop, its saddle point.

    Args:
        atoms: The stationary point.
        potential: The potential.
        along: Displacement from start to end of the hop, shape (n, 3); None for a minimum.

    Raises:
        CalculationFailedError: The potential has no negative curvature along the hop.
    """
    matrix = second_derivatives(atoms, potential)
    if along is None:
        return Guide(atoms, potential, matrix, None)
    curvatures, modes = np.linalg.eigh(matrix)
    negative = modes[:, curvatures < _UNSTABLE]
    if not negative.size:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no unstable mode at the highest image of the path "
            f"(lowest curvature {curvatures[0]:.3f} eV/Å²); converge the path further",
        )
    overlaps = along.ravel() @ negative
    best = int(np.abs(overlaps).argmax())
    mode = negative[:, best] * np.sign(overlaps[best])
    return Guide(atoms, potential, matrix, mode.reshape(-1, 3))


def find_stationary(
    guide: Guide,
    evaluate: Callable[[Atoms], Evaluation],
    known: Sequence[Evaluation],
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
        evaluate: The expensive method.
        known: Its evaluations so far, from an interrupted search.
        fmax: Largest force on an atom at the end, eV/Å.
        energy_left_ev: Largest predicted change of the energy at the end, eV.
        max_calls: Most evaluations, the known ones included.
        what: Name of the structure for messages.
        on_step: Called with the number of evaluations and the largest force.

    Raises:
        CalculationFailedError: Not converged, or the saddle point has no unstable mode.
    """
    points = list(known) or [evaluate(guide.atoms)]
    while True:
        centre, radius = _centre_and_radius(points, guide.mode is None)
        point = points[centre]
        on_step(len(points), point.largest)
        change = _change_of_difference(guide, points)
        step, left_ev = _next_step(guide, point, change, radius)
        if point.largest <= fmax and abs(left_ev) <= energy_left_ev:
            return Stationary(point, centre, left_ev, _unstable(guide, point, change, what))
        if len(points) >= max_calls:
            kind = (
                FailureKind.ENDPOINT_NOT_CONVERGED
                if guide.mode is None
                else (FailureKind.SADDLE_NOT_FOUND)
            )
            raise CalculationFailedError(
                kind,
                f"{what}: largest force {point.largest:.3f} eV/Å and {left_ev:+.4f} eV left after "
                f"{len(points)} force calls, above {fmax} eV/Å or {energy_left_ev} eV; allow more",
            )
        moved = guide.atoms.copy()
        moved.positions = point.positions + step
        points.append(evaluate(moved))


def _centre_and_radius(points: Sequence[Evaluation], minimum: bool) -> tuple[int, float]:
    """Return the index of the point to step from, and the longest step, Å."""
    centre, radius = 0, _RADIUS_ANG
    for index, new in enumerate(points[1:], start=1):
        old = points[centre]
        growth = float(np.linalg.norm(new.forces) / np.linalg.norm(old.forces))
        step = float(np.linalg.norm(new.positions - old.positions, axis=1).max())
        accepted = new.energy_ev < old.energy_ev + _NOISE_EV if minimum else growth < _WORSE
        if not accepted or growth > 1:
            radius = min(radius, max(step / 2, _SMALLEST_ANG))
        elif step > 0.9 * radius:
            radius = min(1.5 * radius, _LARGEST_ANG)
        if accepted:
            centre = index
    return centre, radius


def _change_of_difference(guide: Guide, points: Sequence[Evaluation]) -> np.ndarray:
    """Return the second derivatives that the potential lacks, as the evaluations show them."""
    own = guide.potential.evaluate([guide.structure(point) for point in points], stress=False)
    lacking = [
        (point.forces - found["forces"]).ravel() for point, found in zip(points, own, strict=True)
    ]
    matrix = np.zeros_like(guide.hessian)
    for index in range(1, len(points)):
        step = (points[index].positions - points[index - 1].positions).ravel()
        matrix += bofill(matrix, step, lacking[index - 1] - lacking[index])
    return matrix


def _next_step(
    guide: Guide, point: Evaluation, change: np.ndarray, radius: float
) -> tuple[np.ndarray, float]:
    """Return the step to the next structure, shape (n, 3), and the predicted change of energy."""
    start, matrix = guide.structure(point), guide.hessian + change
    stiffness = Hessian(matrix).of_atoms(np.arange(len(start)))
    corrected = _corrected(guide, point, change)
    found: Atoms | None = None
    try:
        if guide.mode is None:
            found, _ = relax(
                start, corrected, _FMAX, _MOST_STEPS, cell=False, what="guide", hessian=stiffness
            )
        else:
            saddle = climb(start, guide.mode, stiffness, corrected, _FMAX, _MOST_STEPS)
            found = None if saddle is None else saddle.atoms
    except CalculationFailedError:
        found = None
    if found is not None:
        step = found.positions - point.positions
        left_ev = float(found.get_potential_energy()) - point.energy_ev
    else:
        forces = point.forces.ravel()
        if guide.mode is None:
            flat = np.linalg.solve(stiffness, forces)
        else:
            flat, _ = mode_step(matrix, guide.mode.ravel(), forces)
        left_ev = float(flat @ matrix @ flat / 2 - forces @ flat)
        step = flat.reshape(-1, 3)
    step = step - step.mean(axis=0)
    longest = float(np.linalg.norm(step, axis=1).max())
    return step * (radius / max(radius, longest)), left_ev


def _corrected(guide: Guide, point: Evaluation, change: np.ndarray) -> Potential:
    """Return the potential with a correction that gives the energy and forces of a point."""
    own = guide.potential
    (here,) = own.evaluate([guide.structure(point)], stress=False)
    energy = point.energy_ev - here["energy"]
    forces = (point.forces - here["forces"]).ravel()

    def evaluate_many(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        found = own.evaluate(structures, stress=False)
        for structure, properties in zip(structures, found, strict=True):
            away = (structure.positions - point.positions).ravel()
            added = forces - change @ away
            properties["energy"] = float(
                properties["energy"] + energy - (forces + added) @ away / 2
            )
            properties["forces"] = properties["forces"] + added.reshape(-1, 3)
        return found

    return Potential(f"corrected {own.name}", own.weights, {}, own.elements, evaluate_many)


def _unstable(guide: Guide, point: Evaluation, change: np.ndarray, what: str) -> tuple[float, ...]:
    """Return the curvatures of the unstable modes at a saddle point, that of the hop first."""
    if guide.mode is None:
        return ()
    matrix = second_derivatives(guide.structure(point), guide.potential) + change
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = np.abs(guide.mode.ravel() @ modes) * (curvatures < 0)
    along = int(overlaps.argmax())
    if overlaps[along] < _LEAST_OVERLAP:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{what}: forces vanish, but no unstable mode follows the hop (curvatures from "
            f"{curvatures[0]:.3f} eV/Å²); the hop has no saddle point here, or another path",
        )
    others = np.delete(curvatures, along)
    return (float(curvatures[along]), *map(float, others[others < _UNSTABLE]))
