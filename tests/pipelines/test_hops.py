"""Halide hops along octahedron edges: how many, of how many kinds, from where to where."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb_pipelines.hops import octahedron_edge_hops, octahedron_edges, reference_hop
from pvkdb_pipelines.prototypes import tilted_perovskite
from pvkdb_pipelines.vacancy import (
    check_distinct,
    check_equivalent,
    jumping_atom,
    vacancy_endpoints,
)


def distance(host, pair):
    i, j, vector = pair
    return np.linalg.norm(host.positions[j] + vector @ host.cell.array - host.positions[i])


def test_cubic_perovskite_has_one_kind_of_edge():
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 0.0)
    (hop,) = octahedron_edge_hops(host, "Pb", "Br")
    assert hop.multiplicity == 12 * 8
    assert hop.length_ang == pytest.approx(6.0 / np.sqrt(2))


def test_pnma_has_six_kinds_of_edges():
    # An octahedron on the inversion centre 4b has 12 / 2 distinct edges, and all are equivalent.
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0)
    hops = octahedron_edge_hops(host, "Pb", "Br")
    assert [hop.multiplicity for hop in hops] == [16] * 6
    assert np.diff([hop.length_ang for hop in hops]).min() > -1e-4


def test_classes_share_out_all_edges_and_members_have_one_length():
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0)
    hops = octahedron_edge_hops(host, "Pb", "Br")
    members = [member for hop in hops for member in hop.members]
    assert sorted(members) == octahedron_edges(host, "Pb", "Br")
    for hop in hops:
        lengths = [distance(host, member) for member in hop.members]
        assert lengths == pytest.approx([hop.length_ang] * len(lengths), abs=1e-5)


def test_reversed_hop_belongs_to_the_same_class():
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0)
    order = np.r_[0:16, 39:15:-1]  # the same crystal with the halides named backwards

    def classes(atoms, names):
        return {
            frozenset(frozenset(names[site] for site in member[:2]) for member in hop.members)
            for hop in octahedron_edge_hops(atoms, "Pb", "Br")
        }

    assert classes(host[order], order) == classes(host, np.arange(40))


@pytest.mark.slow
@pytest.mark.parametrize("potential", list(PotentialName))
def test_relaxed_host_has_the_edges_of_pnma(potential, cspbbr3_barrier):
    run = cspbbr3_barrier(potential)
    hops = octahedron_edge_hops(run.host, "Pb", "Br")
    assert [hop.multiplicity for hop in hops] == [16] * 6
    assert reference_hop(hops).as_hop() == run.result.hop


@pytest.mark.slow
@pytest.mark.parametrize("potential", list(PotentialName))
def test_the_reference_hop_joins_equivalent_halides(potential, cspbbr3_barrier):
    run = cspbbr3_barrier(potential)
    hops = octahedron_edge_hops(run.host, "Pb", "Br")
    assert sum(hop.equivalent_ends for hop in hops) == 2  # 8d–8d; the other four are 4c–8d
    assert reference_hop(hops).equivalent_ends
    # Equal sites have equal energies, so both directions must climb the same barrier.
    difference = run.result.barrier_forward_ev - run.result.barrier_reverse_ev
    assert abs(difference) < 0.002
    # Br–Br along an edge: √2 times a Pb–Br bond of about 3.0 Å.
    assert all(4.0 < hop.length_ang < 4.6 for hop in hops)


def test_metal_has_no_octahedron_edge():
    with pytest.raises(CalculationFailedError, match="not six") as failure:
        octahedron_edge_hops(bulk("CsCl", "cesiumchloride", a=4.1) * 2, "Cs", "Cl")
    assert failure.value.kind == FailureKind.NO_HOP


def test_ends_differ_only_by_the_jumping_halide():
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0)
    for hop in octahedron_edge_hops(host, "Pb", "Br"):
        initial, final = vacancy_endpoints(host, hop)
        assert len(initial) == len(final) == 39
        step = final.positions - initial.positions
        moved = np.flatnonzero(np.linalg.norm(step, axis=1) > 1e-9)
        assert list(moved) == [jumping_atom(hop)]
        assert initial.symbols[moved[0]] == "Br"
        assert np.linalg.norm(step[moved[0]]) == pytest.approx(hop.length_ang)


def test_ends_that_relaxed_into_one_are_refused():
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0)
    hop = octahedron_edge_hops(host, "Pb", "Br")[0]
    initial, final = vacancy_endpoints(host, hop)
    check_distinct(initial, final, hop)
    with pytest.raises(CalculationFailedError, match="choose another hop") as failure:
        check_distinct(initial, initial.copy(), hop)
    assert failure.value.kind == FailureKind.ENDPOINTS_IDENTICAL


def test_equivalent_ends_must_have_equal_energies():
    host = tilted_perovskite("Cs", "Pb", "Br", 5.9)
    hop = reference_hop(octahedron_edge_hops(host, "Pb", "Br"))
    assert hop.equivalent_ends
    initial, final = vacancy_endpoints(host, hop)
    for end, energy in ((initial, -100.0), (final, -100.02)):
        end.calc = SinglePointCalculator(end, energy=energy)
    with pytest.raises(CalculationFailedError, match="20 meV") as raised:
        check_equivalent(initial, final, hop)
    assert raised.value.kind == FailureKind.ENDPOINTS_DIFFER
    check_equivalent(initial, initial, hop)
