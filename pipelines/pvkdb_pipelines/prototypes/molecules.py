"""Molecules on the A sites of perovskites: their atoms, in a stated pattern of orientations."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from scipy.spatial.transform import Rotation

from pvkdb.chemistry import Ion
from pvkdb.chemistry.ions import HALIDES, molecular_geometries
from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.geometry.symmetry import SpaceGroup, space_group

#: How molecules are turned. ``antipolar``: the first along an axis of the octahedra, the others by
#: operations of the host (or inverted where it has none), with the smallest sum of dipoles; Pnma
#: keeps its space group, as MAPbI3 does. ``polar``: all alike. ``random``: each as the seed has it.
PATTERNS = ("antipolar", "polar", "random")

#: Elements of the atoms that stand on the sites of molecules until these are placed, from francium.
_FIRST_PLACEHOLDER = chemical_symbols.index("Fr")
#: Range of the eight B ions around an A site, Å, and tolerance for symmetry, Å.
_REACH_ANG, _SYMPREC_ANG = 12.0, 0.01
_DIPOLE = np.array([0.0, 0.0, 1.0])


def placeholder(ion: Ion) -> str:
    """Return the element of an ion, or the one that stands for a molecule with a geometry."""
    if not ion.molecular:
        return ion.symbol
    place = sorted(molecular_geometries()).index(ion.symbol)
    return str(chemical_symbols[_FIRST_PLACEHOLDER + place])


def place_molecules(
    host: Atoms, sites: Mapping[int, Ion], pattern: str = "antipolar", seed: int = 2145
) -> Atoms:
    """Replace atoms on A sites by molecules.

    The first molecule of each ion is tried along all axes of its octahedra; the orientation that
    keeps the most symmetry is taken, and of several the one whose atoms are farthest from others.

    Args:
        host: Perovskite with one atom of any element on each of the sites.
        sites: The molecular ion on each site, by the index of the atom in ``host``.
        pattern: How molecules are turned relative to each other.
        seed: Seed of the random orientations.

    Returns:
        The other atoms of the host in their order, then each molecule in the order of the sites,
        whole across the borders of the cell.

    Raises:
        InputError: the pattern or the geometry of a molecule is unknown.

    Example:
        >>> from pvkdb_pipelines.prototypes import tilted_perovskite
        >>> host = tilted_perovskite("Cs", "Pb", "I", 6.3, glazer="a0a0a0", primitive=True)
        >>> str(place_molecules(host, {0: Ion("MA", 1, molecular=True)}).symbols)
        'PbI3CNH6'
    """
    if pattern not in PATTERNS:
        raise InputError(unknown_name("pattern of molecules", pattern, PATTERNS))
    if unknown := {ion.symbol for ion in sites.values()} - molecular_geometries().keys():
        known = molecular_geometries()
        raise InputError(unknown_name("molecule with a geometry", unknown.pop(), known))
    turns: dict[int, np.ndarray] = {}
    if pattern == "random":
        turns = dict(zip(sites, Rotation.random(len(sites), rng=seed).as_matrix(), strict=True))
        return _placed(host, sites, turns)
    group = space_group(host, _SYMPREC_ANG)
    for ion in dict.fromkeys(sites.values()):
        own = {site: each for site, each in sites.items() if each == ion}
        firsts = _axes(host, next(iter(own)))
        tried = [_turned_like(host, group, list(own), first, pattern) for first in firsts]
        merits = [_merit(_placed(host, own, found)) for found in tried]
        turns |= tried[merits.index(max(merits))]
    return _placed(host, sites, turns)


def _placed(host: Atoms, sites: Mapping[int, Ion], turns: Mapping[int, np.ndarray]) -> Atoms:
    placed = host[[index for index in range(len(host)) if index not in sites]]
    for site, ion in sites.items():
        elements, positions = zip(*molecular_geometries()[ion.symbol], strict=True)
        placed += Atoms(elements, np.array(positions) @ turns[site].T + host.positions[site])
    return placed


def _axes(host: Atoms, site: int) -> list[np.ndarray]:
    """Return the 24 rotations of a molecule to the axes of the octahedra around a site."""
    near = neighbours(host, _REACH_ANG)
    of_b = [symbol not in (*HALIDES, host.symbols[site]) for symbol in host.get_chemical_symbols()]
    here = (near.first == site) & np.array(of_b)[near.second]
    corners = np.argsort(near.distance[here], kind="stable")[:8]
    second, cell = near.second[here][corners], near.cell[here][corners]
    points = host.positions[second] + cell @ host.cell.array
    steps = points[1:] - points[0]
    edges = steps[np.argsort(np.round(np.linalg.norm(steps, axis=1), 3), kind="stable")[:3]]
    axes, _, other = np.linalg.svd(edges / np.linalg.norm(edges, axis=1)[:, None])
    frame = (axes @ other).T  # the nearest orthogonal axes, as columns
    frame[:, 2] *= np.sign(np.linalg.det(frame))
    turns = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        turn = np.eye(3)[:, list(order)] * signs
        if np.linalg.det(turn) > 0:
            turns.append(frame @ turn)
    return turns


def _turned_like(
    host: Atoms, group: SpaceGroup, own: list[int], first: np.ndarray, pattern: str
) -> dict[int, np.ndarray]:
    """Return the rotation of every molecule from that of the first."""
    if pattern == "polar":
        return dict.fromkeys(own, first)
    turns = {own[0]: first}
    to_cell = host.cell.array.T
    scaled = host.get_scaled_positions()
    images = np.einsum("oij,j->oi", group.rotations, scaled[own[0]]) + group.translations
    for site in own[1:]:
        apart = images - scaled[site]
        onto = np.abs(apart - np.round(apart)).max(axis=1) < 1e-3
        turned = [to_cell @ each @ np.linalg.inv(to_cell) @ first for each in group.rotations[onto]]
        dipole = sum(turn @ _DIPOLE for turn in turns.values())
        sums = [round(float(np.linalg.norm(dipole + t @ _DIPOLE)), 6) for t in turned]
        against = first if first @ _DIPOLE @ dipole <= 0 else -first
        turns[site] = turned[int(np.argmin(sums))] if turned else against
    return turns


def _merit(placed: Atoms) -> tuple[int, float]:
    """Return the number of symmetry operations, and the shortest distance to a halide, Å."""
    halides = np.isin(placed.numbers, [chemical_symbols.index(halide) for halide in HALIDES])
    near = neighbours(placed, 4.0).between(placed.numbers == 1, halides)
    shortest = round(float(np.min(near.distance, initial=4.0)), 2)
    return len(space_group(placed, _SYMPREC_ANG).rotations), shortest
