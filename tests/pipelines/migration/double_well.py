"""An analytic potential with two minima and one saddle point, all known exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms

from pvkdb_pipelines.potentials.potential import Potential, Properties

#: E = H (x² − B²)² / B⁴ + T x + C (y − K x²)² + D z², eV; x, y, z from the middle of the cell, Å.
SADDLE_EV, HALF_ANG = 0.4, 1.2
_C, _K, _D = 1.5, 0.2, 1.0
_CENTRE = np.array([6.0, 6.0, 6.0])


class _Held(Potential):
    """Atoms in an outer field: the forces on all of them need not add up to zero."""

    def evaluate(self, structures: Sequence[Atoms], *, stress: bool = True) -> list[Properties]:
        self.force_calls += len(structures)
        return self.evaluate_many(structures, stress)


def held(evaluate_one: Callable[[Atoms], Properties]) -> Potential:
    """A potential over a function of one structure, in an outer field."""
    return _Held(
        "test", "none", {}, frozenset(["Cu"]), lambda many, stress: [evaluate_one(s) for s in many]
    )


def double_well(tilt: float = 0.0) -> Potential:
    """A moving atom in the double well, and one at rest in the corner of the cell."""

    def evaluate_one(atoms: Atoms) -> Properties:
        x, y, z = atoms.positions[0] - _CENTRE
        corner = atoms.positions[1]
        across = y - _K * x**2
        energy = SADDLE_EV * (x**2 / HALF_ANG**2 - 1) ** 2 + tilt * x
        energy += _C * across**2 + _D * z**2 + _D * corner @ corner
        slope = 4 * SADDLE_EV * x / HALF_ANG**2 * (x**2 / HALF_ANG**2 - 1) + tilt
        slope -= 4 * _C * _K * x * across
        forces = -np.array([[slope, 2 * _C * across, 2 * _D * z], 2 * _D * corner])
        return {"energy": float(energy), "forces": forces}

    return held(evaluate_one)


def along_ang(atoms: Atoms) -> float:
    """x of the moving atom."""
    return float(atoms.positions[0, 0] - _CENTRE[0])


def at(x: float, y: float = 0.0, z: float = 0.0, tilt: float = 0.0) -> Atoms:
    """The moving atom at a point, with energy and forces."""
    atoms = Atoms("Cu2", [_CENTRE + np.array([x, y, z]), [0, 0, 0]], cell=[12, 12, 12], pbc=True)
    return double_well(tilt).evaluated(atoms)


def stationary_ang(tilt: float) -> list[float]:
    """x of the first minimum, the saddle and the second minimum; y = K x² there."""
    scale = 4 * SADDLE_EV / HALF_ANG**2
    roots = np.roots([scale / HALF_ANG**2, 0.0, -scale, tilt])
    return sorted(float(root.real) for root in roots)


def ends_of_the_well(tilt: float) -> tuple[Atoms, Atoms, float]:
    """Both minima, and the barrier from the first, eV."""
    low, top, high = (at(x, _K * x**2, tilt=tilt) for x in stationary_ang(tilt))
    return low, high, top.get_potential_energy() - low.get_potential_energy()
