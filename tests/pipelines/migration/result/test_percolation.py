"""Bottlenecks of periodic graphs whose answers are known by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from pvkdb_pipelines.migration.result.percolation import (
    HopEdge,
    Network,
    connecting_length_ang,
    thresholds,
)
from pvkdb_pipelines.migration.sites.hops import pairs_within

AXES = dict(zip("abc", np.eye(3), strict=True))
ALONG = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def energies(
    sites: int, edges: list[HopEdge], axes: dict[str, np.ndarray] = AXES
) -> dict[str, float]:
    return {name: entry.saddle_ev for name, entry in thresholds(sites, edges, axes).items()}


def loops(*saddles_ev: float) -> list[HopEdge]:
    """One site, joined to its images along each axis."""
    return [
        HopEdge((0, 0, vector), saddle, hop)
        for hop, (vector, saddle) in enumerate(zip(ALONG, saddles_ev, strict=True))
    ]


@pytest.mark.parametrize(
    ("saddles_ev", "expected_ev"),
    [
        ((0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3, 0.3, 0.3)),  # simple cubic: everywhere at once
        ((0.2, 0.2, 0.5), (0.2, 0.2, 0.5, 0.2, 0.2, 0.5)),  # layers
        ((0.4, 0.2, 0.3), (0.2, 0.3, 0.4, 0.4, 0.2, 0.3)),
    ],
)
def test_each_axis_and_dimension_has_its_own_threshold(saddles_ev, expected_ev):
    found = thresholds(1, loops(*saddles_ev), AXES)
    names = ("1D", "2D", "3D", "a", "b", "c")
    assert {n: found[n].saddle_ev for n in found} == dict(zip(names, expected_ev, strict=True))
    assert saddles_ev[found["3D"].hop] == max(saddles_ev)


def test_chains_lead_along_themselves_only():
    chain = [HopEdge((0, 1, (0, 0, 0)), 0.1, 0), HopEdge((0, 1, (0, 0, -1)), 0.4, 1)]
    # The bottleneck of a path is its highest saddle, not the sum or the last one.
    assert energies(2, chain) == {"1D": 0.4, "c": 0.4}
    assert thresholds(2, chain, AXES)["c"].hop == 1


def test_isolated_dimers_lead_nowhere():
    dimer = [HopEdge((0, 1, (0, 0, 0)), 0.1, 0), HopEdge((2, 3, (1, 0, 0)), 0.1, 0)]
    # Both of its hops end on the same image: a way there and back closes no path.
    dimer.append(HopEdge((1, 0, (0, 0, 0)), 0.2, 1))
    assert energies(4, dimer) == {}


def test_two_chains_across_each_other_do_not_make_a_plane():
    """Parts that do not meet add no dimensions, though their directions are two."""
    edges = [HopEdge((0, 0, (1, 0, 0)), 0.1, 0), HopEdge((1, 1, (0, 1, 0)), 0.1, 1)]
    assert energies(2, edges) == {"1D": 0.1, "a": 0.1, "b": 0.1}
    joined = [*edges, HopEdge((0, 1, (0, 0, 0)), 0.3, 2)]
    assert energies(2, joined) == {"1D": 0.1, "a": 0.1, "b": 0.1, "2D": 0.3}


def test_a_diagonal_path_leads_along_no_axis():
    diagonal = HopEdge((0, 0, (1, 1, 0)), 0.1, 0)
    assert energies(1, [diagonal]) == {"1D": 0.1}
    other = HopEdge((0, 0, (1, -1, 0)), 0.2, 1)
    # (1, 1, 0) + (1, −1, 0) = 2 a, an image of the start in just that direction.
    assert energies(1, [diagonal, other]) == {"1D": 0.1, "2D": 0.2, "a": 0.2, "b": 0.2}
    oblique = {"d": np.array([0.5, 0.5, 0.0])}  # of a supercell: half its diagonal
    assert energies(1, [diagonal], oblique) == {"1D": 0.1, "d": 0.1}


def test_easier_way_round_decides():
    """The direct hop of 0.9 eV is not needed where two hops of 0.3 and 0.4 eV go round it."""
    edges = [
        HopEdge((0, 0, (1, 0, 0)), 0.9, 0),
        HopEdge((0, 1, (0, 0, 0)), 0.3, 1),
        HopEdge((1, 0, (1, 0, 0)), 0.4, 2),
    ]
    found = thresholds(2, edges, AXES)
    assert (found["1D"].saddle_ev, found["1D"].hop) == (0.4, 2)


def test_a_supercell_has_the_thresholds_of_its_cell():
    """Sites of a bcc crystal: easy hops to the nearest, harder ones to the second neighbours."""
    primitive = bulk("Fe", "bcc", a=3.0)
    saddles = {round(np.sqrt(3) / 2 * 3.0, 3): 0.7, 3.0: 0.4}

    def found(atoms):
        cell = atoms.cell.array
        edges = []
        for i, j, vector in pairs_within(atoms.positions, cell, 3.1):
            length = np.linalg.norm(
                atoms.positions[j] + np.array(vector) @ cell - atoms.positions[i]
            )
            edges.append(HopEdge((i, j, vector), saddles[round(length, 3)], round(length)))
        cubic = 3.0 * np.eye(3) @ np.linalg.inv(cell)
        return energies(len(atoms), edges, dict(zip("abc", cubic, strict=True)))

    expected = dict.fromkeys(["1D", "2D", "3D", "a", "b", "c"], 0.4)
    assert found(primitive) == expected
    assert found(bulk("Fe", "bcc", a=3.0, cubic=True) * 2) == expected
    assert found(primitive * (1, 2, 3)) == expected


_VECTORS = st.tuples(*[st.integers(-1, 1)] * 3)
_EDGES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), _VECTORS, st.integers(1, 5)), max_size=12
)


@given(_EDGES, st.permutations(range(4)), st.lists(_VECTORS, min_size=4, max_size=4))
def test_names_of_sites_and_choice_of_images_decide_nothing(raw, names, shifts):
    """Also: more dimensions are never easier, and neither is an axis than one dimension."""
    edges = [HopEdge((i, j, vector), 0.1 * ev, ev) for i, j, vector, ev in raw]
    renamed = []
    for i, j, vector, ev in reversed(raw):
        u, v, w = (int(x) for x in np.array(vector) + shifts[i] - np.array(shifts[j]))
        renamed.append(HopEdge((names[i], names[j], (u, v, w)), 0.1 * ev, ev))
    found = energies(4, edges)
    assert energies(4, renamed) == found
    ordered = [found[name] for name in ("1D", "2D", "3D") if name in found]
    assert all(lower <= higher for lower, higher in pairwise(ordered))
    assert all(found[axis] >= found["1D"] for axis in "abc" if axis in found)
    assert "3D" not in found or all(found[axis] <= found["3D"] for axis in "abc")


def test_network_knows_its_parts():
    network = Network(4)
    network.join((0, 1, (0, 0, 0)))
    network.join((1, 0, (1, 0, 0)))
    network.join((2, 3, (0, 1, 0)))
    assert network.dimensions == 1
    assert network.part(0) == network.part(1) == (1, 2)
    assert network.part(2) == (0, 2)
    assert network.connected((0, 1, (5, 0, 0)))
    assert not network.connected((0, 1, (0, 1, 0)))  # the next chain
    assert network.connected((2, 3, (0, 1, 0)))
    assert network.connected((3, 2, (0, -1, 0)))
    assert not network.connected((2, 3, (0, 0, 0)))  # another dimer
    assert not network.connected((0, 2, (0, 0, 0)))
    network.join((1, 2, (0, 0, 0)))
    assert network.connected((0, 3, (2, 1, 0)))
    assert network.part(3) == (1, 4)


@pytest.mark.parametrize(
    ("structure", "expected"),
    [("sc", 4.0), ("fcc", 4.0 / np.sqrt(2)), ("bcc", 4.0 * np.sqrt(3) / 2)],
)
def test_nearest_neighbours_connect_cubic_lattices(structure, expected):
    atoms = bulk("Po", structure, a=4.0)
    found = connecting_length_ang(atoms.positions, atoms.cell.array, 6.0)
    assert found == pytest.approx(expected, abs=0.002)


def test_layers_connect_at_their_distance_or_not_at_all():
    cell = np.diag([3.0, 3.0, 7.0])
    assert connecting_length_ang(np.zeros((1, 3)), cell, 9.0) == pytest.approx(7.0, abs=0.002)
    assert connecting_length_ang(np.zeros((1, 3)), cell, 6.5) == np.inf
