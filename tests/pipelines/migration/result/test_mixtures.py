"""A mixture of isotopes is the pure metal: same forces, other energies of a missing atom."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.compute import sharing
from pvkdb_pipelines.migration.defects.defects import DefectStates, relax_vacancies
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.paths.paths import PathFinder
from pvkdb_pipelines.migration.result.mixtures import align, saddle_ev
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites

from ...conftest import potential_from
from ..conftest import EMT_LATTICE_ANG, hops_of, silent

#: Energy of an atom of the second isotope above one of the first, eV.
_HEAVIER_EV = 1.7


@pytest.fixture
def isotopes(emt):
    """Copper, of which "Ni" is an isotope with another energy."""

    def evaluate_one(structure):
        copper = structure.copy()
        copper.symbols[:] = "Cu"
        (found,) = emt.evaluate([copper])
        number = np.count_nonzero(structure.symbols == "Ni")
        return {**found, "energy": found["energy"] + _HEAVIER_EV * number}

    return potential_from(evaluate_one, "Cu", "Ni")


def test_the_barriers_of_a_mixture_of_isotopes_are_those_of_the_metal(isotopes, metal_vacancy, emt):
    states, hop = metal_vacancy("Cu")
    pure = PathFinder(states).find(hop, silent).saddle_ev - states.lowest_ev

    host = bulk("Cu", "fcc", a=EMT_LATTICE_ANG["Cu"], cubic=True) * 2
    host.symbols[::4] = "Ni"
    stage = Stage(vacancy_sites(operations_of(host), "Cu", {"Ni"}))
    hessian = host_hessian(stage.operations, isotopes)
    unknown = DefectStates(stage, hessian, isotopes, NebSettings())
    mixed = relax_vacancies(unknown, lambda part, parts: silent)
    finder = PathFinder(mixed)
    paths = [finder.find(each, silent) for each in hops_of(stage, hop.length_ang + 0.01)]
    assert [stage.exchanges(path.hop) for path in paths].count(True) == 1

    assert align(mixed, paths) == pytest.approx(0, abs=1e-3)
    assert mixed.offsets_ev == pytest.approx({"Cu": 0, "Ni": _HEAVIER_EV}, abs=0.005)
    levels = [mixed.level_ev(site) for site in mixed.by_site]
    assert levels == pytest.approx([mixed.lowest_ev] * 2, abs=0.005)
    found = [saddle_ev(mixed, path) - mixed.lowest_ev for path in paths]
    assert found == pytest.approx([pure] * len(paths), abs=0.01)

    same_element = [path for path in paths if not stage.exchanges(path.hop)]
    with pytest.raises(CalculationFailedError, match="no hop between sites of Ni and of Cu"):
        align(mixed, same_element)


@pytest.mark.parametrize(
    ("formula", "symbol", "others"),
    [
        ("CsPbI2Br", "I", ["Br"]),
        ("CsPbIBrCl", "Br", ["I", "Cl"]),
        ("Cs0.5Rb0.5PbI3", "Cs", ["Rb"]),
        ("Cs0.1FA0.9PbI3", "Cs", []),
        ("Cs2AgBiBr6", "Ag", []),  # B and B' are two sites
    ],
)
def test_ions_of_one_charge_share_the_sites_of_a_vacancy(formula, symbol, others) -> None:
    assert sharing(parse_composition(formula), symbol) == others
