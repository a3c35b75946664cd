"""Relaxed defects: one a kind of site, and whether the host bears them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.defects.defects import (
    DefectStates,
    relax_interstitials,
    relax_vacancies,
    relax_without_defect,
)
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.host.host import Crystal
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import interstitial_sites
from pvkdb_pipelines.potentials.potential import Potential, Properties

from ...conftest import fails, potential_from
from ..conftest import EMT_LATTICE_ANG, deeper, silent, vacancy_stage


def crystal_of(host: Atoms, emt: Potential) -> Crystal:
    cell = host.copy()
    cell.calc = emt.calculator()
    cell.get_potential_energy()
    return Crystal(cell, cell, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), "Fm-3m", 7.0, float(len(cell)))


def test_vacancy_of_copper_is_what_plain_ase_finds(metal_vacancy):
    states, hop = metal_vacancy("Cu")
    host = states.stage.host.copy()
    del host[0]
    host.calc = EMT()
    BFGS(host, logfile=None).run(fmax=0.005, steps=100)
    state = states.of(hop.end)  # any site is equivalent to the one that was relaxed
    assert state.energy_ev == pytest.approx(host.get_potential_energy(), abs=1e-3)
    assert not state.broken
    assert states.lowest_ev == state.energy_ev
    assert list(states.by_site) == [0]


def test_healed_host_is_the_crystal_or_the_calculation_fails(metal_vacancy, emt):
    states, _ = metal_vacancy("Cu")
    crystal = crystal_of(states.stage.host, emt)
    assert relax_without_defect(states, crystal, silent) == pytest.approx(0.0, abs=1e-4)
    with fails(FailureKind.UNSTABLE_HOST, "without its defect"):
        relax_without_defect(replace(states, potential=deeper(emt)), crystal, silent)
    # A relaxation that fails says nothing.
    few = NebSettings(max_steps_endpoint=1, fmax_endpoint_ev_per_ang=1e-4)
    assert relax_without_defect(replace(states, settings=few), crystal, silent) is None


def copper_vacancies(emt: Potential) -> DefectStates:
    stage = vacancy_stage(bulk("Cu", "fcc", a=EMT_LATTICE_ANG["Cu"], cubic=True) * 2, "Cu")
    return DefectStates(stage, host_hessian(stage.operations, emt), emt, NebSettings())


def test_site_into_which_a_neighbour_jumps_holds_no_vacancy(emt):
    """The fault: where the first atom is missing, a neighbour is drawn into its place."""
    unknown = copper_vacancies(emt)
    first, *others = unknown.stage.host.positions
    goal = np.array(others)
    neighbour = int(np.linalg.norm(goal - first, axis=1).argmin())
    goal[neighbour] *= 0.2  # the vacancy is at the origin

    def drawn(structure: Atoms) -> Properties:
        step = structure.positions - goal
        return {"energy": float((step**2).sum()), "forces": -2 * step}

    puller = potential_from(drawn, "Cu")
    with fails(FailureKind.ENDPOINTS_IDENTICAL, "holds no vacancy"):
        relax_vacancies(replace(unknown, potential=puller), lambda part, parts: silent)


def test_vacancies_without_enough_steps_are_a_typed_failure(emt):
    few = NebSettings(max_steps_endpoint=1, fmax_endpoint_ev_per_ang=1e-4)
    with fails(FailureKind.ENDPOINT_NOT_CONVERGED, "Cu vacancy"):
        relax_vacancies(replace(copper_vacancies(emt), settings=few), lambda part, parts: silent)


@pytest.mark.slow
def test_interstitial_settles_where_plain_ase_has_its_minimum(emt):
    """Hydrogen in aluminium, from each gap down to the lowest minimum that EMT knows."""
    host = bulk("Al", "fcc", a=EMT_LATTICE_ANG["Al"], cubic=True) * 2
    stage = Stage(interstitial_sites(operations_of(host), "H"))
    unknown = DefectStates(stage, host_hessian(stage.operations, emt), emt, NebSettings())
    states = relax_interstitials(unknown, lambda part, parts: silent)
    best = np.inf
    for site in stage.sites.distinct:
        atoms = stage.with_defect(site)
        atoms.rattle(0.025, seed=9)
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.01, steps=200)
        best = min(best, atoms.get_potential_energy())
    assert states.lowest_ev == pytest.approx(best, abs=0.005)
    for site, state in states.by_site.items():
        assert states.kind(site) == site
        (found,) = emt.evaluate([states.stage.with_defect(site, state)])
        assert found["energy"] == pytest.approx(state.energy_ev, abs=1e-6)
        # The added atom is on the site that is named after it.
        assert np.linalg.norm(state.displacements[-1]) < 0.6
