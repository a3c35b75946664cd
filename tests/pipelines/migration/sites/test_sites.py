"""Where defects sit: their names, vacancies on atoms, interstitials in the gaps between them."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import (
    closed_sites,
    interstitial_sites,
    parse_defect,
    vacancy_sites,
)

from ...conftest import fails
from ..conftest import prototype_cell


@pytest.mark.parametrize(
    ("name", "kind", "symbol"),
    [
        ("V_Br", "vacancy", "Br"),
        ("V_Cs", "vacancy", "Cs"),
        ("V_V", "vacancy", "V"),  # vanadium's
        ("Ag_i", "interstitial", "Ag"),
        ("I_i", "interstitial", "I"),
    ],
)
def test_defects_by_name(name, kind, symbol):
    assert parse_defect(name) == (kind, symbol)


@pytest.mark.parametrize(
    "name",
    ["", "V", "V_", "V_Xx", "V_X", "Br", "Br_", "Br_v", "Xx_i", "V_br", "VBr", "V_Br_i", "_i"],
)
def test_what_names_no_defect_is_refused(name):
    with pytest.raises(InputError, match="write a vacancy as V_Br"):
        parse_defect(name)


def test_vacancies_stand_on_the_atoms_of_an_element():
    host = prototype_cell("CsPbBr3", "Pnma")
    sites = vacancy_sites(operations_of(host), "Br")
    assert list(host.symbols[sites.atoms]) == ["Br"] * 12
    multiplicities = sorted(np.count_nonzero(sites.action.orbits == k) for k in sites.distinct)
    assert multiplicities == [4, 8]  # 4c and 8d
    with fails(FailureKind.NO_HOP, "no Cl"):
        vacancy_sites(operations_of(host), "Cl")


def test_gaps_of_an_fcc_crystal_are_its_octahedra_and_tetrahedra():
    host = bulk("Al", "fcc", a=4.05, cubic=True)
    sites = interstitial_sites(operations_of(host), "Ag")
    scaled = sites.positions / 4.05 % 1
    found = {
        sorted(np.round(scaled[sites.action.orbits == kind] * 8).astype(int).tolist())[0][0]: int(
            np.count_nonzero(sites.action.orbits == kind)
        )
        for kind in sites.distinct
    }
    # 4 octahedra around (1/2, 1/2, 1/2) and the middles of edges, 8 tetrahedra around (1/4, …).
    assert found == {0: 4, 2: 8}
    assert len(sites.atoms) == 0


def test_interstitial_sites_are_closed_under_the_symmetry_and_keep_their_distance():
    host = prototype_cell("CsPbBr3", "Pnma")
    sites = interstitial_sites(operations_of(host), "Ag")
    assert len(sites.action.target)  # acting on them would raise if one were mapped onto none
    for site in sites.distinct:
        together = host.copy()
        together.append("Ag")
        together.positions[-1] = sites.positions[site]
        assert together.get_distances(-1, range(len(host)), mic=True).min() > 1.3


def test_no_room_for_an_atom_is_a_typed_failure():
    host = bulk("Al", "fcc", a=4.05, cubic=True)
    with fails(FailureKind.NO_HOP, "no site for Ag"):
        interstitial_sites(operations_of(host), "Ag", room_ang=2.5)


def test_a_point_next_to_a_symmetry_element_is_pulled_onto_it():
    host = bulk("Po", "sc", a=5.0)
    operations = operations_of(host)
    sites, kept = closed_sites([np.array([2.6, 2.45, 2.5]), np.array([2.4, 2.5, 2.5])], operations)
    assert sites == pytest.approx(np.array([[2.5, 2.5, 2.5]]), abs=1e-9)
    assert kept == {0: 0}
    general, _ = closed_sites([np.array([0.6, 1.3, 2.0])], operations)
    assert len(general) == len(operations) == 48
