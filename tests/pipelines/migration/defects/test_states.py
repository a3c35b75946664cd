"""A state that symmetry carries elsewhere is what the potential would have found there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pvkdb_pipelines.migration.defects.states import DefectState, Stage
from pvkdb_pipelines.migration.sites.sites import interstitial_sites

from ..conftest import EMT_LATTICE_ANG, hops_of, vacancy_stage


def copper() -> Atoms:
    return bulk("Cu", "fcc", a=EMT_LATTICE_ANG["Cu"], cubic=True) * 2


@pytest.fixture(params=["vacancy", "interstitial"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Copper with vacancies, and with nickel in its gaps."""
    vacancies = vacancy_stage(copper(), "Cu")
    if request.param == "vacancy":
        return vacancies
    return Stage(interstitial_sites(vacancies.operations, "Ni"))


def rattled_state(stage: Stage, site: int, emt) -> DefectState:
    """A defect without any symmetry, with the energy and forces that it has."""
    atoms = stage.with_defect(site)
    atoms.rattle(0.05, seed=3)
    return stage.state_of(site, emt.evaluated(atoms), 1)


def assert_says_the_truth(atoms: Atoms, emt) -> None:
    (found,) = emt.evaluate([atoms])
    assert atoms.get_potential_energy() == pytest.approx(found["energy"], abs=1e-6)
    assert atoms.get_forces() == pytest.approx(found["forces"], abs=1e-6)


def test_carried_states_have_the_energy_and_forces_of_the_potential(stage, emt):
    state = rattled_state(stage, 0, emt)
    random = np.random.default_rng(11)
    visited = set()
    for index in random.choice(len(stage.operations), 12, replace=False):
        carried = stage.carried(state, int(index))
        visited.add(carried.site)
        assert_says_the_truth(stage.with_defect(carried.site, carried), emt)
    assert len(visited) > 3


def test_a_state_and_its_cell_are_the_same_thing(emt):
    stage = vacancy_stage(copper(), "Cu")
    state = rattled_state(stage, 5, emt)
    again = stage.state_of(5, stage.with_defect(5, state), 1)
    assert again.displacements == pytest.approx(state.displacements, abs=1e-9)
    assert again.forces == pytest.approx(state.forces, abs=1e-12)
    assert (state.displacements[stage.sites.atoms[5]] == 0).all()


def test_a_symmetric_state_has_one_variant_and_a_broken_one_as_many_as_operations(
    emt, metal_vacancy
):
    states, hop = metal_vacancy("Cu")
    stage = states.stage
    assert len(stage.variants(states.of(0), hop.end)) == 1
    broken = rattled_state(stage, 0, emt)
    assert len(stage.variants(broken, hop.end)) == 48


def test_ends_are_two_names_of_what_was_relaxed(stage, emt):
    """Also of a hop through the boundary of the cell."""
    own = {int(k): rattled_state(stage, k, emt) for k in stage.sites.distinct}
    for hop in hops_of(stage, 2.7)[:2]:
        for i, j, vector in (hop.members[0], next(m for m in hop.members if any(m[2]))):
            one = replace(hop, start=i, end=j, vector=vector, exchanges=())
            first, second = (own[int(stage.sites.action.orbits[k])] for k in (i, j))
            ends = stage.ends(one, first, second)
            assert ends.exchange is None
            assert_says_the_truth(ends.initial, emt)
            assert_says_the_truth(ends.final, emt)
            step = ends.final.positions - ends.initial.positions
            mover = stage.moving_atom(one)
            lengths = np.linalg.norm(step, axis=1)
            assert lengths.argmax() == mover
            assert lengths[mover] == pytest.approx(hop.length_ang, abs=0.5)
            assert np.delete(lengths, mover).max() < 0.7


@pytest.mark.parametrize("metal", ["Ni", "Cu"])
def test_exchange_maps_one_end_and_any_structure_on_the_path_onto_the_other(
    metal, metal_vacancy, emt
):
    states, hop = metal_vacancy(metal)
    ends = states.stage.ends(hop, states.of(hop.start), states.of(hop.end))
    exchange, initial, final = ends.exchange, ends.initial, ends.final
    assert exchange.positions(initial.positions) == pytest.approx(final.positions, abs=1e-3)
    assert exchange.positions(final.positions) == pytest.approx(initial.positions, abs=1e-3)
    assert exchange.forces(initial.get_forces()) == pytest.approx(final.get_forces(), abs=1e-3)
    some = ends.initial.copy()
    some.rattle(0.1, seed=4)
    mapped = some.copy()
    mapped.positions = exchange.positions(some.positions)
    found, other = emt.evaluate([some, mapped])
    assert other["energy"] == pytest.approx(found["energy"], abs=1e-6)
    assert exchange.forces(found["forces"]) == pytest.approx(other["forces"], abs=1e-6)


def test_cell_is_renamed_to_the_vacancy_at_the_end(emt, metal_vacancy):
    """What relaxed into the end of a hop is a state of that site."""
    states, hop = metal_vacancy("Cu")
    stage = states.stage
    ends = stage.ends(hop, states.of(hop.start), states.of(hop.end))
    renamed = stage.renamed(hop, ends.final)
    state = stage.state_of(hop.end, renamed, 1)
    assert np.abs(state.displacements).max() < 0.3  # nobody has jumped
    assert_says_the_truth(stage.with_defect(hop.end, state), emt)
