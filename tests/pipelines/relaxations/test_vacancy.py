"""Vacancies in relaxed hosts: energies against an independent calculation, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest, VacancyRequest, VacancySettings
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.relaxations.compound import compute_element
from pvkdb_pipelines.relaxations.vacancy import compute_vacancies

from ..conftest import fails, potential_from

#: Lattice constant of copper in effective-medium theory, Å (the minimum of its energy).
EMT_COPPER_ANG = 3.59


def request(**settings: float) -> VacancyRequest:
    return VacancyRequest(
        formula="Cu4",
        phase="fcc",
        halide="Cu",
        atoms_per_formula=4,
        host=host_of(bulk("Cu", "fcc", a=EMT_COPPER_ANG, cubic=True)),
        sites=(0,),
        potential=PotentialName.CHGNET,
        settings=VacancySettings(**{"distance_ang": 7.0, "fmax_ev_per_ang": 0.01, **settings}),
    )


def test_a_vacancy_of_copper_costs_what_plain_ase_finds(emt: Potential) -> None:
    result = compute_vacancies(request(), potential=emt).result
    count = result.atoms_in_cell
    cell = bulk("Cu", "fcc", a=EMT_COPPER_ANG, cubic=True) * (2, 2, 2)
    cell.calc = EMT()
    per_atom = cell.get_potential_energy() / len(cell)
    assert result.host_ev / count == pytest.approx(per_atom, abs=1e-4)
    del cell[0]
    BFGS(cell, logfile=None).run(fmax=0.005, steps=100)
    expected = cell.get_potential_energy() - len(cell) * per_atom
    found = result.sites[0].energy_ev - (count - 1) * result.host_ev / count
    # Experiment: 1.28 eV (P. Ehrhart, in
    # Landolt-Börnstein III/25, 1991).
    assert found == pytest.approx(expected, abs=0.01)
    assert 0.8 < found < 1.8
    assert result.distance_ang >= 7.0
    assert 0 <= result.host_drop_ev_per_formula < 1e-5
    assert result.charge is None


def test_the_lowest_of_the_distinct_vacancies_counts(emt: Potential) -> None:
    both = request().model_copy(update={"sites": (0, 1)})
    result = compute_vacancies(both, potential=emt).result
    assert [site.site for site in result.sites] == [0, 1]
    assert result.lowest.energy_ev == min(site.energy_ev for site in result.sites)
    assert np.ptp([site.energy_ev for site in result.sites]) < 1e-3  # all copper sites are alike


def test_a_host_that_falls_when_the_halide_is_put_back_is_told(emt: Potential) -> None:
    """The fault: complete cells are 1 eV lower once a vacancy has been looked at."""
    seen: list[int] = []

    def sliding(structure: Atoms) -> Properties:
        atoms = structure.copy()
        atoms.calc = EMT()
        seen.append(len(atoms))
        fallen = len(atoms) == max(seen) and min(seen) < max(seen)
        return {"energy": atoms.get_potential_energy() - fallen, "forces": atoms.get_forces()}

    result = compute_vacancies(request(), potential=potential_from(sliding, "Cu")).result
    units = result.atoms_in_cell / 4
    assert result.host_drop_ev_per_formula == pytest.approx(1.0 / units, rel=0.01)
    # The lower host is the one that the vacancy is measured from.
    plain = compute_vacancies(request(), potential=emt).result
    assert result.host_ev == pytest.approx(plain.host_ev - 1.0, abs=1e-3)


def test_what_cannot_be_computed_is_a_typed_failure(broken: Potential, emt: Potential) -> None:
    with fails(FailureKind.POTENTIAL_FAILED):
        compute_vacancies(request(), potential=broken)
    with pytest.raises(CalculationFailedError, match="after 1 steps"):
        compute_vacancies(request(max_steps=1, rattle_ang=0.1), potential=emt)
    with pytest.raises(InputError, match="smaller distance"):
        compute_vacancies(request(distance_ang=30.0), potential=emt)


def test_the_same_host_has_the_same_key_and_another_has_another() -> None:
    assert request().key() == request().key()
    moved = bulk("Cu", "fcc", a=EMT_COPPER_ANG, cubic=True)
    moved.positions[0] += 1e-6
    assert request().model_copy(update={"host": host_of(moved)}).key() != request().key()


def test_an_element_is_relaxed_from_its_crystal(emt: Potential) -> None:
    wanted = ElementRequest(symbol="Cu", potential=PotentialName.CHGNET)
    result = compute_element(wanted, potential=emt).result
    assert result.space_group == "Fm-3m"
    # The minimum of effective-medium theory; measured: 11.81 Å³ (a = 3.615 Å).
    assert result.volume_ang3_per_atom == pytest.approx(EMT_COPPER_ANG**3 / 4, rel=0.005)
    with pytest.raises(CalculationFailedError, match="not trained on Br"):
        compute_element(wanted.model_copy(update={"symbol": "Br"}), potential=emt)
