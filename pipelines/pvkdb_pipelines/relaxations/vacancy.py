"""Neutral halide vacancies: energies of a relaxed host with and without them."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations.relaxations import VacancyRequest, VacancyResult, VacancySite
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.geometry.supercells import distant_supercell, shortest_vector_ang
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun, relax

_STAGES = {
    "load the potential": 0.05,
    "relax the supercell": 0.25,
    "relax the vacancies": 0.8,
    "put the halide back": 1.0,
}
_LOAD, _HOST, _VACANCIES, _REFILL = _STAGES


def compute_vacancies(
    request: VacancyRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[VacancyResult]:
    """Relax a host's supercell without and with each distinct vacancy, at fixed cell.

    Then the halide of the lowest vacancy is put back. If the complete supercell relaxes to a lower
    energy than before, the host was not a minimum: the lower energy is used, and the difference is
    part of the result.

    Args:
        request: Host, sites, potential and settings.
        report: Called with the progress after each step.
        potential: Used instead of the potential that the request names.

    Raises:
        CalculationFailedError: The host or every vacancy did not converge, was not finite, or had
            atoms too close.
        InputError: No supercell is large enough.
    """
    settings = request.settings
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    cell, matrix = distant_supercell(atoms_in(request.host), settings.distance_ang)
    units = len(cell) / request.atoms_per_formula

    def relaxed(start: Atoms, what: str, stage: str) -> tuple[Atoms, int]:
        rattled, target = start.copy(), settings.fmax_ev_per_ang
        rattled.rattle(stdev=settings.rattle_ang, seed=settings.seed)
        return relax(
            rattled,
            potential,
            target,
            settings.max_steps,
            cell=False,
            what=f"{request.formula} {request.phase}, {what}",
            on_step=progress.begin(stage, target),
        )

    host, _ = relaxed(cell, "complete supercell", _HOST)
    found: list[tuple[VacancySite, Atoms]] = []
    failures: list[CalculationFailedError] = []
    for site in request.sites:
        # make_supercell repeats the list of atoms, so host indices are those of the first copy.
        start = host.copy()
        del start[site]
        try:
            vacancy, steps = relaxed(start, f"vacancy at {site}", _VACANCIES)
        except CalculationFailedError as failure:
            failures.append(failure)
            continue
        energy = float(vacancy.get_potential_energy())
        found.append((VacancySite(site=site, energy_ev=energy, steps=steps), vacancy))
    if not found:
        raise failures[0]
    lowest, vacancy = min(found, key=lambda entry: entry[0].energy_ev)
    host_ev = float(host.get_potential_energy())
    drop_ev: float | None = None
    filled = host.copy()
    filled.positions[np.arange(len(host)) != lowest.site] = vacancy.positions
    with suppress(CalculationFailedError):  # the stability of the host then stays unknown
        refilled, _ = relaxed(filled, "halide put back", _REFILL)
        drop_ev = max(0.0, (host_ev - float(refilled.get_potential_energy())) / units)
    progress.finish(_REFILL)
    return RelaxationRun(
        result=VacancyResult(
            formula=request.formula,
            phase=request.phase,
            supercell=matrix,
            atoms_in_cell=len(cell),
            distance_ang=round(shortest_vector_ang(cell.cell.array), 3),
            host_ev=host_ev - (drop_ev or 0.0) * units,
            host_drop_ev_per_formula=drop_ev,
            sites=[entry for entry, _ in found],
            failed_sites=[str(failure) for failure in failures],
            charge=None,
            **spent(),
        ),
        atoms=vacancy,
        versions={**potential.versions, "weights": potential.weights},
    )
