"""Hops between sites: how many, of how many kinds, and that no one's naming decides it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.symmetry import standard_cell
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.sites.hops import find_hops, pair_length_ang, pairs_within
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites
from pvkdb_pipelines.prototypes import tilted_perovskite

from ...conftest import fails
from ..conftest import SYMPREC_ANG, hops_of, prototype_cell, vacancy_stage


def classes(host: Atoms, symbol: str, cutoff_ang: float) -> list[tuple[float, int]]:
    """Length and number of members of each class, whatever the order of classes of one length."""
    hops = hops_of(vacancy_stage(host, symbol), cutoff_ang)
    return sorted((round(hop.length_ang, 3), len(hop.members)) for hop in hops)


def test_a_cubic_perovskite_has_one_kind_of_edge_and_a_tilted_one_six():
    """An octahedron on the inversion centre 4b of Pnma has 12 / 2 distinct edges."""
    cubic, tilted = (tilted_perovskite("Cs", "Pb", "Br", 6.0, angle) for angle in (0.0, 10.0))
    (hop,) = hops_of(vacancy_stage(cubic, "Br"), 5.0)
    assert len(hop.members) == 12 * 8
    assert hop.length_ang == pytest.approx(6.0 / np.sqrt(2))
    assert [len(hop.members) for hop in hops_of(vacancy_stage(tilted, "Br"), 4.6)] == [16] * 6


@pytest.mark.parametrize(
    ("formula", "phase", "halide"),
    [
        ("CsPbBr3", "Pnma", "Br"),
        ("CsPbI3", "delta", "I"),
        ("Cs2SnI6", "Fm-3m", "I"),
        ("Cs3Sb2I9", "P-3m1", "I"),
        ("Cs2PbI4", "I4/mmm", "I"),
    ],
)
def test_classes_share_out_all_pairs_and_members_are_alike(formula, phase, halide):
    stage = vacancy_stage(prototype_cell(formula, phase), halide)
    positions, cell = stage.sites.positions, stage.host.cell.array
    hops = hops_of(stage, 5.6)
    members = [member for hop in hops for member in hop.members]
    assert sorted(members) == pairs_within(positions, cell, 5.6)
    assert np.diff([hop.length_ang for hop in hops]).min() > -1e-3
    orbits = stage.sites.action.orbits
    for hop in hops:
        lengths = [pair_length_ang(positions, cell, member) for member in hop.members]
        assert lengths == pytest.approx([hop.length_ang] * len(lengths), abs=1e-5)
        ends = {tuple(sorted((orbits[i], orbits[j]))) for i, j, _ in hop.members}
        assert len(ends) == 1


def test_as_many_pairs_as_a_count_by_distance_finds():
    """Every iodine of Cs2SnI6 has four neighbours on its octahedron and four on others."""
    stage = vacancy_stage(prototype_cell("Cs2SnI6", "Fm-3m"), "I")
    first, second, _ = hops_of(stage, 5.6)
    for hop in (first, second):
        degrees = Counter(site for i, j, _ in hop.members for site in (i, j))
        assert set(degrees.values()) == {4}


@pytest.mark.parametrize(("formula", "phase"), [("CsPbBr3", "Pnma"), ("Cs3Sb2I9", "P6_3/mmc")])
def test_order_origin_and_image_of_the_atoms_change_nothing(formula, phase):
    host = prototype_cell(formula, phase)
    halide = host.symbols[-1]
    expected = classes(host, halide, 5.3)
    random = np.random.default_rng(7)
    other = host[random.permutation(len(host))]
    other.positions += [1.3, -0.4, 2.2]
    other.positions += random.integers(-2, 3, (len(host), 3)) @ host.cell.array
    assert classes(other, halide, 5.3) == expected


def test_neither_noise_nor_a_supercell_changes_the_classes():
    host = prototype_cell("CsPbBr3", "Pnma")
    expected = classes(host, "Br", 5.3)
    noisy = host.copy()
    noisy.rattle(1e-3, seed=5)
    found = classes(standard_cell(noisy, SYMPREC_ANG, primitive=True), "Br", 5.3)
    assert np.array(found) == pytest.approx(np.array(expected), abs=0.005)
    assert classes(host * (1, 1, 2), "Br", 5.3) == [(length, 2 * n) for length, n in expected]


def test_exchanges_map_the_hop_onto_its_reverse():
    stage: Stage = vacancy_stage(prototype_cell("Cs2SnI6", "Fm-3m"), "I")
    positions, cell = stage.sites.positions, stage.host.cell.array
    for hop in hops_of(stage, 4.6):
        assert hop.exchanges
        start = positions[hop.start]
        end = positions[hop.end] + np.array(hop.vector) @ cell
        for index in hop.exchanges:
            moved = stage.operations.moved(index, np.array([start, end]))
            apart = (moved[::-1] - [start, end]) @ np.linalg.inv(cell)
            assert apart == pytest.approx(np.rint(apart[:1]).repeat(2, axis=0), abs=1e-6)


def test_sites_that_symmetry_maps_onto_none_are_a_typed_failure():
    host = prototype_cell("CsPbBr3", "Pnma")
    sites = vacancy_sites(operations_of(host), "Br")
    sites.positions[0] += 0.2
    with fails(FailureKind.SYMMETRY_CHANGED, "symmetrise"):
        find_hops(sites, 5.0)
