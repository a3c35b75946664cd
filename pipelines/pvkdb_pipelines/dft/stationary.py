"""Minima and saddle points of an expensive method, found with few of its forces.

A potential knows most of the landscape: how bonds stretch when octahedra tilt. What it lacks, such
as the charge of a defect, changes slowly from structure to structure. So a Gaussian process learns
the difference between the method and the potential from the force calls so far, and a search on the
potential plus this difference leads to the structure of the next call: downhill along all modes or,
to a saddle point, uphill along the one that follows the potential's unstable mode. The next
structure follows from the calls so far alone, so that a search resumes from them.

Sources: A. Denzel, J. Kästner, J. Chem. Theory Comput. 14, 5777 (2018),
doi:10.1021/acs.jctc.8b00708 (saddle points with Gaussian processes); E. Garijo del Río, J. J.
Mortensen, K. W. Jacobsen, Phys. Rev. B 100, 104103 (2019), doi:10.1103/PhysRevB.100.104103 (ASE's
process, used here); and those of :mod:`pvkdb_pipelines.migration.paths.saddle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.optimize.gpmin.gp import GaussianProcess

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import longest
from pvkdb_pipelines.migration.host.hessian import Hessian, host_hessian
from pvkdb_pipelines.migration.paths.saddle import bofill, mode_step
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.progress import OnStep

#: How far an atom may go from call to call, Å: at most, and at least after a step that went wrong.
_RADIUS_ANG, _SMALLEST_ANG = 0.3, 0.05
#: A saddle search returns to where it was if the forces grow by more than this factor.
_WORSE = 1.5
#: Noise of energies, eV.
NOISE_EV = 1e-3
#: Modes below this curvature are unstable, eV/Å².
UNSTABLE = -0.05
#: How far atoms are moved along an unstable mode on which no force acts, Å: the farthest.
_ASIDE_ANG = 0.1
#: A call lies along a mode if this share of its squared displacement does.
_TRIED = 0.5
#: Least overlap of the unstable mode with that of the potential's saddle point.
_LEAST_OVERLAP = 0.3
#: The difference of forces: its size and noise, eV/Å, and the distance in the space of all atoms
#: over which it changes, Å: of these, the likeliest. Calls of 11 hops by DFT gave 0.3 eV/Å, and
#: 2 to 8 Å; the others serve where a method differs more abruptly.
_DIFFERENCE, _NOISE, _SCALES_ANG = 0.3, 0.005, (5.0, 1.0, 0.3)
#: The difference is learned from so many calls, the nearest ones.
_MOST_LEARNED = 20
#: In cells of more atoms, second derivatives of the potential take as long as a call of CP2K. Until
#: the end of the search, they serve for structures so far away, Å: the farthest atom, on the way to
#: a saddle point, whose mode they show, and to a minimum.
_MANY_ATOMS, _SAME_CURVATURE_ANG = 100, (0.15, 0.6)
#: Steps of a search on the potential plus the difference: the longest, Å, and how many.
_WALK_ANG, _MOST_STEPS = 0.1, 100


@dataclass(frozen=True)
class Guide:
    """A potential and its stationary point, ``atoms``.

    ``mode`` is the direction of negative curvature, shape (3 n,); None at a minimum.
    """

    potential: Potential
    atoms: Atoms
    mode: np.ndarray | None


@dataclass(frozen=True)
class Stationary:
    """A stationary point of the expensive method: the evaluated structure of this index.

    ``energy_left_ev`` is the predicted change of the energy up to the exact point; ``curvatures``,
    eV/Å², and ``modes``, shape (k, 3 n), are those of unstable modes, the one along the hop first.
    """

    atoms: Atoms
    index: int
    energy_left_ev: float
    curvatures: tuple[float, ...]
    modes: np.ndarray


def guide_at(atoms: Atoms, potential: Potential, along: np.ndarray | None) -> Guide:
    """Return a potential at its minimum or saddle point as a guide.

    ``along`` is the displacement from start to end of the hop, shape (n, 3); None for a minimum.

    Raises:
        CalculationFailedError: The potential has no negative curvature there.
    """
    if along is None:
        return Guide(potential, atoms, None)
    curvatures, modes = np.linalg.eigh(hessian_of(atoms, potential))
    if curvatures[0] > UNSTABLE:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no unstable mode at the highest image of the path "
            f"(lowest curvature {curvatures[0]:.3f} eV/Å²); converge the path further",
        )
    overlaps = (along.ravel() @ modes) * (curvatures < UNSTABLE)
    return Guide(potential, atoms, modes[:, np.abs(overlaps).argmax()])


def find_stationary(
    guide: Guide,
    evaluate: Callable[[Atoms], Atoms],
    known: Sequence[Atoms],
    others: Sequence[Atoms] = (),
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
        others: Evaluated structures of other searches with the same atoms, to learn from.
        fmax: Largest force on an atom at the end, eV/Å.
        energy_left_ev: Largest predicted change of the energy at the end, eV.
        max_calls: Most evaluations, the known ones included.

    Raises:
        CalculationFailedError: Not converged, or the saddle point has no unstable mode.
    """
    minimum = guide.mode is None
    points = list(known) or [evaluate(guide.atoms)]
    learned = _Learned(guide.potential, [*others, *points])
    while True:
        centre, radius = _centre_and_radius(points, minimum)
        point = points[centre]
        largest = longest(point.get_forces())
        on_step(len(points), largest)
        model, difference = learned.near(point)
        converged = True
        reach_ang = _SAME_CURVATURE_ANG[minimum]
        for within_ang in (reach_ang, 0.0) if len(point) > _MANY_ATOMS else (0.0,):
            if converged:
                hessian = learned.hessian(point, difference, within_ang)
                walk = _walk(guide.mode, model, point, hessian, radius, fmax / 3)
                positions, left_ev, settled = walk
                converged = largest <= fmax and settled and abs(left_ev) <= energy_left_ev
        if converged:
            tried = [each.positions - point.positions for each in points[centre + 1 :]]
            aside = _untried(hessian, guide.mode, model, point, tried)
            if aside is None:
                unstable = unstable_modes(hessian, guide.mode, model, point, what)
                return Stationary(point, centre, left_ev, *unstable)
            positions = point.positions + _ASIDE_ANG * aside / longest(aside)
        if len(points) >= max_calls:
            kinds = FailureKind.SADDLE_NOT_FOUND, FailureKind.ENDPOINT_NOT_CONVERGED
            raise CalculationFailedError(
                kinds[minimum],
                f"{what}: largest force {largest:.3f} eV/Å and {left_ev:+.4f} eV left after "
                f"{len(points)} force calls, above {fmax} eV/Å or {energy_left_ev} eV; allow more",
            )
        moved = guide.atoms.copy()
        moved.positions = positions
        points.append(evaluate(moved))
        learned.add(points[-1:])


def corrected(potential: Potential, calls: Sequence[Atoms], near: Atoms) -> Potential:
    """Return a potential plus what it lacks according to the calls nearest to a structure."""
    return _Learned(potential, calls).near(near)[0]


class _Learned:
    """The difference between an expensive method and a potential, at the method's calls."""

    def __init__(self, potential: Potential, calls: Sequence[Atoms]) -> None:
        self._potential = potential
        self._positions: list[np.ndarray] = []
        self._differences: list[np.ndarray] = []
        self._hessians: list[tuple[np.ndarray, np.ndarray]] = []
        self.add(calls)

    def add(self, calls: Sequence[Atoms]) -> None:
        """Learn from more calls."""
        if not calls:
            return
        guessed = self._potential.evaluate([call.copy() for call in calls], stress=False)
        for call, guess in zip(calls, guessed, strict=True):
            energy = call.get_potential_energy() - guess["energy"]
            slope = guess["forces"] - call.get_forces()
            self._positions.append(call.positions.ravel())
            self._differences.append(np.array([energy, *(slope - slope.mean(axis=0)).ravel()]))

    def near(self, point: Atoms) -> tuple[Potential, Potential]:
        """Return the potential plus the difference that the calls near a structure suggest.

        And the difference alone.
        """
        positions, differences = np.array(self._positions), np.array(self._differences)
        order = np.linalg.norm(positions - point.positions.ravel(), axis=1).argsort(kind="stable")
        nearest = order[:_MOST_LEARNED]
        differences[:, 0] -= differences[nearest[0], 0]
        process = _likeliest(positions[nearest], differences[nearest])

        def difference(structures: Sequence[Atoms], _: bool) -> list[Properties]:
            found: list[Properties] = []
            for structure in structures:
                energy, slope = _predicted(process, structure.positions.ravel())
                found.append({"energy": energy, "forces": -slope.reshape(-1, 3)})
            return found

        def both(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
            found = self._potential.evaluate(structures, stress=stress)
            for properties, each in zip(found, difference(structures, stress), strict=True):
                properties["energy"] += each["energy"]
                properties["forces"] = properties["forces"] + each["forces"]
            return found

        model = replace(self._potential, evaluate_many=both)
        return model, replace(self._potential, evaluate_many=difference)

    def hessian(self, point: Atoms, difference: Potential, within_ang: float) -> np.ndarray:
        """Return second derivatives of the potential plus the difference, shape (3 n, 3 n), eV/Å².

        Those of the potential, three evaluations for each atom, may be those of a structure that no
        atom is farther from than ``within_ang``.
        """
        for positions, matrix in self._hessians:
            if longest(point.positions - positions) <= within_ang:
                return np.asarray(matrix + hessian_of(point, difference))
        self._hessians.insert(0, (point.positions.copy(), hessian_of(point, self._potential)))
        return self.hessian(point, difference, within_ang)


def _likeliest(positions: np.ndarray, differences: np.ndarray) -> GaussianProcess:
    """Return the process with the scale that fits differences and their slopes best."""
    fits: list[tuple[float, GaussianProcess]] = []
    for scale in _SCALES_ANG:
        process = GaussianProcess()
        process.set_hyperparams(np.array([_DIFFERENCE * scale, scale, _NOISE]))
        process.train(positions, differences)
        fit = -differences.ravel() @ process.a / 2 - np.log(np.diag(process.L)).sum()
        fits.append((float(fit), process))
    return max(fits, key=lambda each: each[0])[1]


def _predicted(process: GaussianProcess, position: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the process's value and slope; its own ``predict`` builds matrices for each point."""
    square = process.kernel.l**2
    values, slopes = np.split(process.a.reshape(len(process.X), -1), [1], axis=1)
    away = position - process.X
    near = process.kernel.weight**2 * np.exp(-(away**2).sum(axis=1, keepdims=True) / (2 * square))
    each = near * (values + (away * slopes).sum(axis=1, keepdims=True) / square)
    return float(each.sum()), (near * slopes - each * away).sum(axis=0) / square


def _walk(
    mode: np.ndarray | None,
    model: Potential,
    start: Atoms,
    hessian: np.ndarray,
    radius: float,
    fmax: float,
) -> tuple[np.ndarray, float, bool]:
    """Go to the model's stationary point, but no atom farther than the radius, Å.

    Uphill along the mode, shape (3 n,); without one, to a minimum. Returned are the positions, the
    change of energy up to there, eV, and whether it is the stationary point.
    """
    matrix, step_ang = hessian, _WALK_ANG
    first = point = _evaluated(model, start, start.positions)
    for _ in range(_MOST_STEPS):
        forces = point.get_forces()
        if longest(forces) <= fmax:
            break
        step = _step(matrix, mode, forces)
        away = point.positions - start.positions + step * (step_ang / max(step_ang, longest(step)))
        far = longest(away) / radius
        new = _evaluated(model, start, start.positions + away / max(1.0, far))
        moved = (new.positions - point.positions).ravel()
        matrix = matrix + bofill(matrix, moved, (forces - new.get_forces()).ravel())
        if mode is None and new.get_potential_energy() > point.get_potential_energy():
            step_ang /= 2
            continue
        point = new
        if far > 1.0:
            break
    settled = longest(point.get_forces()) <= fmax
    return point.positions, point.get_potential_energy() - first.get_potential_energy(), settled


def _step(matrix: np.ndarray, mode: np.ndarray | None, forces: np.ndarray) -> np.ndarray:
    """Return the step to the next structure, shape (n, 3), Å."""
    if mode is None:
        positive = Hessian(matrix).of_atoms(np.arange(len(forces)))
        step = np.linalg.solve(positive, forces.ravel()).reshape(-1, 3)
    else:
        step = mode_step(matrix, mode, forces.ravel())[0].reshape(-1, 3)
    return np.asarray(step - step.mean(axis=0))


def _evaluated(model: Potential, like: Atoms, positions: np.ndarray) -> Atoms:
    return model.evaluated(Atoms(like.symbols, positions, cell=like.cell, pbc=like.pbc))


def _centre_and_radius(points: Sequence[Atoms], minimum: bool) -> tuple[int, float]:
    """Return the index of the structure to step from, and how far an atom may go, Å."""
    centre, radius = 0, _RADIUS_ANG
    for index, new in enumerate(points[1:], start=1):
        old = points[centre]
        growth = np.linalg.norm(new.get_forces()) / np.linalg.norm(old.get_forces())
        risen = new.get_potential_energy() > old.get_potential_energy() + NOISE_EV
        accepted = not risen if minimum else growth < _WORSE
        step = longest(new.positions - old.positions)
        if not accepted:
            radius = max(step / 2, _SMALLEST_ANG)
        elif step > 0.9 * radius:
            radius = min(1.5 * radius, _RADIUS_ANG)
        centre = index if accepted else centre
    return centre, radius


def _untried(
    hessian: np.ndarray,
    mode: np.ndarray | None,
    model: Potential,
    point: Atoms,
    tried: Sequence[np.ndarray],
) -> np.ndarray | None:
    """Return an unstable mode other than that of the hop, shape (n, 3), or None.

    Where symmetry keeps forces along it at zero, no search leaves by itself. Modes along which a
    call led nowhere are left out.
    """
    curvatures, modes = np.linalg.eigh(hessian)
    steps = np.array([each.ravel() / np.linalg.norm(each) for each in tried])
    for unstable in modes.T[_others(curvatures, modes, mode, model, point)]:
        if not tried or ((steps @ unstable) ** 2).max() <= _TRIED:
            return np.asarray(unstable.reshape(-1, 3))
    return None


def unstable_modes(
    hessian: np.ndarray, mode: np.ndarray | None, model: Potential, point: Atoms, what: str
) -> tuple[tuple[float, ...], np.ndarray]:
    """Return the unstable modes at a saddle point and their curvatures, that of the hop first."""
    curvatures, modes = np.linalg.eigh(hessian)
    if mode is None:
        return (), modes[:0]
    along, unstable = _hop_mode(curvatures, modes, mode)
    if not unstable:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{what}: forces vanish, but no unstable mode follows the hop (lowest curvature "
            f"{curvatures[0]:.3f} eV/Å²); start from another path",
        )
    order = [along, *_others(curvatures, modes, mode, model, point)]
    return tuple(map(float, curvatures[order])), modes[:, order].T


def _others(
    curvatures: np.ndarray,
    modes: np.ndarray,
    mode: np.ndarray | None,
    model: Potential,
    point: Atoms,
) -> list[int]:
    """Return which modes, besides that of the hop, are unstable, and the model falls along them."""
    along = None if mode is None else _hop_mode(curvatures, modes, mode)[0]
    return [
        int(index)
        for index in np.flatnonzero(curvatures < UNSTABLE)
        if index != along and _falls(model, point, modes[:, index].reshape(-1, 3))
    ]


def _falls(model: Potential, point: Atoms, mode: np.ndarray) -> bool:
    """Whether the energy falls along a mode by more than the noise, apart from its slope.

    ``mode`` has shape (n, 3). Second derivatives of a learned potential have wiggles: in 159 atoms
    of CsPbBr3 ten modes were unstable, in wells of 1 meV, and DFT rose along all of ten directions.
    """
    moved = [point.copy() for _ in range(5)]
    for atoms, times in zip(moved, (0, 1, -1, 2, -2), strict=True):
        atoms.positions += times * mode * (_ASIDE_ANG / longest(mode))
    rest, *aside = (each["energy"] for each in model.evaluate(moved, stress=False))
    return bool(min(aside[0] + aside[1], aside[2] + aside[3]) / 2 < rest - NOISE_EV)


def _hop_mode(curvatures: np.ndarray, modes: np.ndarray, mode: np.ndarray) -> tuple[int, bool]:
    """Return the index of the mode that follows the hop, and whether it is unstable.

    An unstable one is preferred: on a flat top the hop's direction is shared by several modes.
    """
    overlaps = np.abs(mode @ modes)
    unstable = overlaps * (curvatures < 0)
    found = bool(unstable.max() >= _LEAST_OVERLAP)
    return int((unstable if found else overlaps).argmax()), found


def hessian_of(atoms: Atoms, potential: Potential) -> np.ndarray:
    """Return second derivatives, shape (3 n, 3 n), eV/Å²."""
    return host_hessian(operations_of(atoms), potential).matrix
