"""The equation of state of a relaxed compound: energies at volumes around the lowest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from ase.units import GPa

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.relaxations import (
    EquationOfStateRequest,
    EquationOfStateResult,
    RelaxSettings,
)
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun, relax

_LOAD, _VOLUMES = "load the potential", "relax the atoms at each volume"
_STAGES = {_LOAD: 0.1, _VOLUMES: 1.0}


class BirchMurnaghan(NamedTuple):
    """A fitted equation of state: Å³, eV, eV/Å³, 1; ``rms_ev`` is the error of the fit."""

    volume_ang3: float
    energy_ev: float
    bulk_modulus_ev_per_ang3: float
    pressure_derivative: float
    rms_ev: float


def birch_murnaghan(volumes: Sequence[float], energies: Sequence[float]) -> BirchMurnaghan | None:
    """Fit the equation of third order, a polynomial of third order in x = (V₁ / V)^(2/3).

    F. Birch, Phys. Rev. 71, 809 (1947), doi:10.1103/PhysRev.71.809. With E′(x₀) = 0 follow
    B₀ = 4 x₀² E″ / (9 V₀) and B₀′ = 4 + 2 x₀ E‴ / (3 E″).

    Returns:
        None where no volume within those given has the lowest energy.
    """
    x = (volumes[0] / np.asarray(volumes)) ** (2 / 3)
    energy = np.polynomial.Polynomial.fit(x, energies, 3)
    slope, second, third = energy.deriv(), energy.deriv(2), energy.deriv(3)
    at = float(x[np.argmin(energies)])
    for _ in range(20):  # Newton's method
        at -= float(slope(at) / second(at))
    if not (x.min() <= at <= x.max() and second(at) > 0):
        return None
    volume, curved = float(volumes[0]) * at**-1.5, float(second(at))
    rms = float(np.sqrt(np.mean((energy(x) - np.asarray(energies)) ** 2)))
    derivative = 4 + 2 * at * float(third(at)) / (3 * curved)
    return BirchMurnaghan(
        volume, float(energy(at)), 4 * at**2 * curved / (9 * volume), derivative, rms
    )


def compute_equation_of_state(
    request: EquationOfStateRequest,
    report: Report | None = None,
    potential: Potential | None = None,
) -> RelaxationRun[EquationOfStateResult]:
    """Relax the atoms of a host at volumes of one shape of the cell, and fit their energies.

    Raises:
        CalculationFailedError: an energy did not converge or was not finite, atoms came too close,
            or the lowest energy is at the end of the volumes.
    """
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    host = atoms_in(request.host)
    units = len(host) / request.atoms_per_formula
    volumes, energies = [], []
    for share in np.linspace(1 - request.strain, 1 + request.strain, request.points):
        scaled = host.copy()
        scaled.set_cell(host.cell * share ** (1 / 3), scale_atoms=True)
        relaxed, _ = relax(
            scaled,
            potential,
            RelaxSettings().fmax_ev_per_ang,
            RelaxSettings().max_steps,
            cell=False,
            what=f"{request.formula} {request.phase} at {100 * share:.0f} % of its volume",
            on_step=progress.begin(_VOLUMES),
        )
        volumes.append(float(relaxed.get_volume()) / units)
        energies.append(float(relaxed.get_potential_energy()) / units)
    fitted = birch_murnaghan(volumes, energies)
    if fitted is None:
        raise CalculationFailedError(
            FailureKind.UNSTABLE_HOST,
            f"{request.formula} {request.phase} has no lowest energy from {volumes[0]:.1f} to "
            f"{volumes[-1]:.1f} Å³ a formula unit; relax it with {request.potential} first",
        )
    progress.finish(_VOLUMES)
    return RelaxationRun(
        result=EquationOfStateResult(
            formula=request.formula,
            phase=request.phase,
            volumes_ang3_per_formula=volumes,
            energies_ev_per_formula=energies,
            volume_ang3_per_formula=fitted.volume_ang3,
            energy_ev_per_formula=fitted.energy_ev,
            bulk_modulus_gpa=fitted.bulk_modulus_ev_per_ang3 / GPa,
            pressure_derivative=fitted.pressure_derivative,
            rms_ev_per_formula=fitted.rms_ev,
            **spent(),
        ),
        atoms=host,
        versions={**potential.versions, "weights": potential.weights},
    )
