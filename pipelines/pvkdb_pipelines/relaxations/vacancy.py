"""Neutral halide vacancies: energies of a relaxed host with and without them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations.relaxations import (
    DefectSettings,
    VacancyRequest,
    VacancyResult,
    VacancySite,
)
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.geometry.supercells import distant_supercell, shortest_vector_ang
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun, relax

STAGES = {
    "load the potential": 0.05,
    "relax the supercell": 0.25,
    "relax the vacancies": 0.8,
    "put the ions back": 1.0,
}
LOAD, HOST, VACANCIES, REFILL = STAGES


@dataclass(frozen=True, slots=True)
class Supercell:
    """Relaxations of one supercell of fixed shape, with and without ions, from shaken starts."""

    name: str
    potential: Potential
    settings: DefectSettings
    progress: ProgressReporter

    def relaxed(self, start: Atoms, what: str, stage: str) -> tuple[Atoms, int]:
        """Return relaxed atoms, and the number of steps."""
        rattled, target = start.copy(), self.settings.fmax_ev_per_ang
        rattled.rattle(stdev=self.settings.rattle_ang, seed=self.settings.seed)
        return relax(
            rattled,
            self.potential,
            target,
            self.settings.max_steps,
            cell=False,
            what=f"{self.name}, {what}",
            on_step=self.progress.begin(stage, target),
        )

    def refilled_ev(self, host: Atoms, vacancy: Atoms, missing: Sequence[int]) -> float | None:
        """Return the energy with the missing atoms put back; None if that did not converge.

        Below that of ``host``, the host was not a minimum, and the fall is in the vacancy's energy.
        """
        filled = host.copy()
        filled.positions[np.setdiff1d(np.arange(len(host)), missing)] = vacancy.positions
        with suppress(CalculationFailedError):
            refilled, _ = self.relaxed(filled, "ions put back", REFILL)
            return float(refilled.get_potential_energy())
        return None


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
    progress = ProgressReporter(STAGES, report)
    progress.begin(LOAD)
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    cell, matrix = distant_supercell(atoms_in(request.host), settings.distance_ang)
    units = len(cell) / request.atoms_per_formula
    supercell = Supercell(f"{request.formula} {request.phase}", potential, settings, progress)
    host, _ = supercell.relaxed(cell, "complete supercell", HOST)
    found: list[tuple[VacancySite, Atoms]] = []
    failures: list[CalculationFailedError] = []
    for site in request.sites:
        # make_supercell repeats the list of atoms, so host indices are those of the first copy.
        start = host.copy()
        del start[site]
        try:
            vacancy, steps = supercell.relaxed(start, f"vacancy at {site}", VACANCIES)
        except CalculationFailedError as failure:
            failures.append(failure)
            continue
        energy = float(vacancy.get_potential_energy())
        found.append((VacancySite(site=site, energy_ev=energy, steps=steps), vacancy))
    if not found:
        raise failures[0]
    lowest, vacancy = min(found, key=lambda entry: entry[0].energy_ev)
    host_ev = float(host.get_potential_energy())
    refilled_ev = supercell.refilled_ev(host, vacancy, [lowest.site])
    drop_ev = None if refilled_ev is None else max(0.0, (host_ev - refilled_ev) / units)
    progress.finish(REFILL)
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
