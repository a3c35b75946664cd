"""Larger cells are those of the hops by DFT, and a hop is found again in them."""

from __future__ import annotations

import pytest

from pvkdb.schemas.calculations import PotentialName
from validation.dft.hops import CASES as HOPS
from validation.migration.finite_size import HOSTS, cases, larger_cells, same_hop, section
from validation.migration.make import LARGER, NUMBERS
from validation.migration.results import Results, read_results


@pytest.fixture(scope="module")
def present() -> Results:
    return read_results(NUMBERS)


def test_the_hosts_are_those_of_the_hops_by_dft() -> None:
    assert set(HOSTS) == {(hop.formula, hop.phase) for hop in HOPS}
    assert len(cases()) == len(HOSTS)


def test_a_larger_cell_differs_by_its_distance_alone(present: Results) -> None:
    named = {case.name: case for case in cases()}
    wanted = larger_cells(present)
    assert {name for name, _ in wanted} == set(named)
    for name, request in wanted:
        before = present.of(named[name], request.potential)
        assert before is not None
        assert before.result is not None
        assert request.settings.distance_ang > before.result.distance_ang
        default = named[name].request(request.potential)
        assert request.model_copy(update={"settings": default.settings}) == default


def test_a_hop_is_found_again_by_its_class_and_length(present: Results) -> None:
    case = next(case for case in cases() if case.name == "Cs2SnI6 Fm-3m V_I")
    computed = present.of(case, PotentialName.SEVENNET_0)
    assert computed is not None
    assert computed.result is not None
    result = computed.result
    edge, between = result.hops
    assert same_hop(edge, result) is edge
    assert same_hop(between, result.model_copy(update={"hops": [edge]})) is None
    longer = between.hop.model_copy(update={"length_ang": between.hop.length_ang + 0.2})
    assert same_hop(between.model_copy(update={"hop": longer}), result) is None


def test_sizes_change_barriers_by_less_than_potentials_err(present: Results) -> None:
    """With the same host. A barrier that doubles with the cell would be one of the cell."""
    larger = read_results(LARGER)
    found = [
        (before.result.e_a_ev, after.result)
        for case in cases()
        if (before := present.of(case, PotentialName.SEVENNET_0)) and before.result
        if (after := larger.of(case, PotentialName.SEVENNET_0)) and after.result
        if after.result.space_group == before.result.space_group
    ]
    assert len(found) >= 3
    for e_a_ev, after in found:
        assert after.atoms_in_cell > 60
        assert abs(after.e_a_ev - e_a_ev) < 0.1


def test_what_was_not_run_is_named(present: Results) -> None:
    assert "Cs2SnI6 Fm-3m V_I (sevennet-0, sevennet-l3i5)" in "\n".join(section(present, Results()))
